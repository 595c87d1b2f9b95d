"""LibriMix (J. Cosentino, M. Pariente, S. Cornell, A. Deleforge, E. Vincent, "LibriMix:
An Open-Source Dataset for Generalizable Speech Separation", 2020), read as it lies on
disk, and Aishell1Mix (github.com/huangzj421/Aishell1Mix), Mandarin that its generator
made of AISHELL-1.

Libri2Mix/wav8k/min/metadata/mixture_<subset>_mix_both.csv
Libri2Mix/wav8k/min/<subset>/mix_both/<id>.wav  the mixture, with noise
Libri2Mix/wav8k/min/<subset>/s1/<id>.wav        its sources: s1, s2, ...

also with Libri3Mix and wav16k; `min` ends with the shortest source. Only the last three
parts of the paths in the CSV count, below the folder that holds `metadata`, so a corpus
may be moved.
"""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from workloads.corpora.faults import TWICE, Fault, Inspection
from workloads.corpora.mixtures.checking import Checked, Content, present, read_headers
from workloads.corpora.mixtures.mixture import Mixture, Track, warn_of_other_rate

MODE, KIND = "min", "mix_both"
VALIDATION = "dev"
OTHER_LENGTH = "another length"
DAMAGED_ROW = "a damaged row"


@dataclass(frozen=True)
class LibriMixLayout:
    """A corpus of LibriMix's generator: `folder`, which may lie in one called `holder`,
    and the subsets to `train` on, those that are there."""

    folder: str
    holder: str
    sources: int
    train: tuple[str, ...]

    def find(self, root: Path) -> Path | None:
        """The corpus's folder, if it is `root`, lies there, or in its usual holder."""
        own = (root,) if root.name == self.folder else ()
        places = (*own, root / self.folder, root / self.holder / self.folder)
        return next((place for place in places if place.is_dir()), None)

    def read(
        self,
        folder: Path,
        sample_rate_hz: int,
        may_resample: bool,
        inspection: Inspection,
    ) -> Content:
        """All that is sound in `folder`, which `find` found: of several rates, those of
        the next above the model's `sample_rate_hz`. Raises ValueError where folders or
        columns are missing, and as `warn_of_other_rate`."""
        rate_folder, found_hz = _rate_folder(folder, sample_rate_hz)
        name = f"{self.folder.lower()}-{rate_folder.name}-{MODE}-{KIND}"
        warn_of_other_rate(name, found_hz, sample_rate_hz, may_resample)
        place = rate_folder / MODE
        train = _subsets(place, *self.train)
        _subsets(place, VALIDATION)  # known to be there before any file is read

        def checked(subset: str) -> list[Checked]:
            rows = self._rows(place, subset, found_hz, inspection.faults)
            return inspection.check(_check, rows, subset)

        trained = [one for subset in train for one in checked(subset)]
        validation, remedy = checked(VALIDATION), "make the corpus anew"
        return Content(name, place, "mixtures", trained, validation, remedy)

    def _rows(
        self, place: Path, subset: str, sample_rate_hz: int, faults: list[Fault]
    ) -> list[Mixture]:
        """The mixtures that a CSV lists, of each id the first; no file is opened."""
        path = _csv_path(place, subset)
        columns = ["mixture_path"]
        columns += [f"source_{number}_path" for number in range(1, self.sources + 1)]
        rows: dict[str, Mixture] = {}
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            reader = csv.DictReader(file)
            there = reader.fieldnames or []
            wanted = ["mixture_ID", *columns, "length"]
            if missing := [column for column in wanted if column not in there]:
                raise ValueError(
                    f"{path} lacks the columns {', '.join(missing)} and has "
                    f"{', '.join(there) or 'none'}: make the corpus anew"
                )
            for fields in reader:
                try:
                    row = _row(place, columns, sample_rate_hz, fields)
                except (TypeError, ValueError, OverflowError):
                    where = f"{path}:{reader.line_num}"
                    found = f"{where}: {fields} has not id, paths and length"
                    faults.append(Fault(DAMAGED_ROW, found))
                    continue
                if rows.setdefault(row.id, row) is not row:
                    faults.append(Fault(TWICE, str(row.mixture.path)))
        return list(rows.values())


LIBRIMIX = tuple(
    LibriMixLayout(
        f"Libri{sources}Mix", "LibriMix", sources, ("train-100", "train-360")
    )
    for sources in (2, 3)
)
AISHELL1MIX = tuple(
    LibriMixLayout(f"Aishell1Mix{count}", "aishell1mix", count, ("train",))
    for count in (2, 3)
)


def _rate_folder(folder: Path, sample_rate_hz: int) -> tuple[Path, int]:
    """The folder of that rate; else the next above it, else the highest."""
    rates_hz = sorted(
        int(path.name[3:-1]) * 1000
        for path in folder.glob("wav*k")
        if path.is_dir() and path.name[3:-1].isdigit()
    )
    if not rates_hz:
        raise ValueError(
            f"no folder wav8k or wav16k in {folder}, which {present(folder)}: make the "
            "corpus there"
        )
    found_hz = next((hz for hz in rates_hz if hz >= sample_rate_hz), rates_hz[-1])
    return folder / f"wav{found_hz // 1000}k", found_hz


def _csv_path(place: Path, subset: str) -> Path:
    return place / "metadata" / f"mixture_{subset}_{KIND}.csv"


def _subsets(place: Path, *names: str) -> list[str]:
    """Those that are there."""
    if found := [name for name in names if _csv_path(place, name).is_file()]:
        return found
    wanted = " or ".join(_csv_path(place, name).name for name in names)
    metadata = place / "metadata"
    raise ValueError(
        f"no {wanted} in {metadata}, which {present(metadata)}: make that subset"
    )


def _row(
    place: Path, columns: Sequence[str], sample_rate_hz: int, fields: dict[str, str]
) -> Mixture:
    """Raises TypeError, ValueError or OverflowError for a damaged row."""
    # A path may come from Windows, whose kind of path reads both slashes.
    parts = [PureWindowsPath(fields[column]).parts[-3:] for column in columns]
    samples = int(float(fields["length"]))  # pandas writes 57920 or 57920.0
    if not fields["mixture_ID"]:
        raise ValueError("no id")
    mixture, *sources = (Track(place.joinpath(*names)) for names in parts)
    return Mixture(
        fields["mixture_ID"], mixture, tuple(sources), samples, sample_rate_hz
    )


def _check(mixture: Mixture) -> Checked | Fault:
    paths = [track.path for track in (mixture.mixture, *mixture.sources)]
    found = read_headers(paths, mixture.sample_rate_hz)
    if isinstance(found, Fault):
        return found
    headers, digests = found
    for path, header in zip(paths, headers, strict=True):
        if header.samples != mixture.samples:
            return Fault(
                OTHER_LENGTH,
                f"{path} ({header.samples} samples, {mixture.samples} in its CSV)",
            )
    return mixture, hashlib.sha256(digests.encode()).hexdigest()
