"""LibriMix as it lies on disk (J. Cosentino, M. Pariente, S. Cornell, A. Deleforge,
E. Vincent, "LibriMix: An Open-Source Dataset for Generalizable Speech Separation",
2020), read and written, and corpora that its generator was changed to make.

Libri2Mix/wav8k/min/metadata/mixture_<subset>_<kind>.csv
Libri2Mix/wav8k/min/<subset>/<kind>/<id>.wav    the mixture
Libri2Mix/wav8k/min/<subset>/s1/<id>.wav        its sources: s1, s2, ...; noise

also with Libri3Mix, wav16k and max. The paths in the CSV are those of the machine that
made it. Only their last three parts count here: <subset>/<kind>/<id>.wav is looked for
below the folder that holds `metadata`, so a corpus may be moved.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PureWindowsPath

from workloads.corpora.faults import Fault, report
from workloads.corpora.mixtures.checking import (
    DAMAGED_ROW,
    OTHER_LENGTH,
    TWICE,
    Checked,
    check_all,
    checksum,
    keep_long,
    present,
    read_headers,
)
from workloads.corpora.mixtures.mixture import (
    Mixture,
    MixtureCorpus,
    OnOtherRate,
    Track,
    read,
    tell_other_rate,
)
from workloads.corpora.progress import Progress, no_progress

MODES = ("min", "max")
KINDS = ("mix_clean", "mix_both")


@dataclass(frozen=True)
class Layout:
    """The names of a generated corpus: `folder` holds the number of sources at `{}`,
    and may lie in one called `holder`."""

    name: str
    folder: str
    holder: str
    train: tuple[str, ...]
    validation: tuple[str, ...] = ("dev",)


LIBRIMIX = Layout("librimix", "Libri{}Mix", "LibriMix", ("train-100", "train-360"))


@dataclass(frozen=True)
class Part:
    """Which mixtures: `min` ends with the shortest source, `max` with the longest;
    `mix_clean` has no noise, `mix_both` has. Without `train`, the layout's subsets that
    are there are used, without `validation` the layout's."""

    layout: Layout = LIBRIMIX
    sources: int = 2
    kind: str = "mix_both"
    mode: str = "min"
    train: tuple[str, ...] | None = None
    validation: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is unknown: use {' or '.join(KINDS)}")
        if self.mode not in MODES:
            raise ValueError(f"mode {self.mode!r} is unknown: use {' or '.join(MODES)}")

    @property
    def folder(self) -> str:
        return self.layout.folder.format(self.sources)


@dataclass(frozen=True)
class _Row:
    """One line of the CSV, its files not yet opened."""

    id: str
    paths: tuple[Path, ...]  # the mixture's, then its sources'
    samples: int
    sample_rate_hz: int


def load(
    root: Path,
    sample_rate_hz: int,
    part: Part | None = None,
    on_other_rate: OnOtherRate = "resample",
    min_samples: int = 1,
    on_progress: Progress = no_progress,
) -> MixtureCorpus:
    """LibriMix from `root`: Libri2Mix, or what holds it, or what holds LibriMix.

    Where there is no folder of the model's `sample_rate_hz`, another one's mixtures are
    to be resampled, which is told or refused as `on_other_rate` says. Every file's
    header is read. Mixtures with faulty files are left out, counted in `dropped` and
    named in a warning to the logger `speechmark`; those with fewer than `min_samples`
    at the model's rate are counted there too. Raises ValueError where more than 1 % is
    faulty, where folders or columns are missing, or where no mixture is left.
    `on_progress` hears how many mixtures of each subset were looked at.
    """
    part = part or Part()
    folder, found_hz = _rate_folder(_require(Path(root), part), sample_rate_hz)
    name = f"{part.folder.lower()}-{folder.name}-{part.mode}-{part.kind}"
    tell_other_rate(name, found_hz, sample_rate_hz, on_other_rate)
    faults: list[Fault] = []
    dropped: Counter[str] = Counter()
    subsets = _subsets(folder / part.mode, part)
    parts = []
    for chosen in subsets:
        checked: list[Checked] = []
        for subset in chosen:
            rows = _read_rows(folder / part.mode, subset, part, found_hz, faults)
            checked += check_all(_check, rows, faults, subset, on_progress)
        parts.append(keep_long(checked, min_samples, sample_rate_hz, dropped))
    sound = sum(map(len, parts)) + sum(dropped.values())
    report(faults, sound, "mixtures", folder / part.mode)
    dropped.update(fault.reason for fault in faults)
    for chosen, kept in zip(subsets, parts, strict=True):
        if chosen and not kept:
            raise ValueError(
                f"no mixture of {', '.join(chosen)} in {folder / part.mode} is left "
                f"({dict(dropped)} dropped): make the corpus anew, or use a model that "
                f"needs fewer than {min_samples} samples"
            )
    train, validation = (tuple(one.mixture for one in kept) for kept in parts)
    return MixtureCorpus(name, checksum(parts), train, validation, dict(dropped))


def find(root: Path, part: Part) -> Path | None:
    """The corpus's folder in `root`, if it lies there."""
    places = (root / part.folder, root / part.layout.holder / part.folder)
    if root.name == part.folder and root.is_dir():
        return root
    return next((place for place in places if place.is_dir()), None)


def write(
    mixtures: Iterable[Mixture], root: Path, subset: str, part: Part | None = None
) -> Path:
    """Write mixtures in LibriMix's layout, and return the subset's folder.

    The noise is what remains of a mixture without its sources; `mix_clean` is written
    as their sum.
    """
    part = part or Part()
    rows = []
    for mixture in mixtures:
        rate = Path(root) / part.folder / f"wav{mixture.sample_rate_hz // 1000}k"
        folder = (rate / part.mode / subset).absolute()
        rows.append(_write_mixture(mixture, folder, part))
    if not rows:
        raise ValueError(f"no mixtures to write as {subset}: give 1 or more")
    metadata = folder.parent / "metadata"
    metadata.mkdir(exist_ok=True)
    path = metadata / f"mixture_{subset}_{part.kind}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def _write_mixture(mixture: Mixture, folder: Path, part: Part) -> dict[str, object]:
    import soundfile

    signals = read(mixture, mixture.sample_rate_hz)
    clean = signals.sources.sum(axis=0)
    noisy = part.kind == "mix_both"
    kinds = {"mixture": (part.kind, signals.mixture if noisy else clean)}
    for number, source in enumerate(signals.sources, start=1):
        kinds[f"source_{number}"] = (f"s{number}", source)
    if noisy:
        kinds["noise"] = ("noise", signals.mixture - clean)
    row: dict[str, object] = {"mixture_ID": mixture.id}
    for column, (kind, audio) in kinds.items():
        path = folder / kind / f"{mixture.id}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, audio, mixture.sample_rate_hz, subtype="PCM_16")
        row[f"{column}_path"] = str(path)
    return {**row, "length": mixture.samples}


def _require(root: Path, part: Part) -> Path:
    if (found := find(root, part)) is None:
        raise ValueError(
            f"no folder {part.folder} in {root}, which {present(root)}: give the "
            f"folder that holds {part.folder}"
        )
    return found


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
    above = [rate_hz for rate_hz in rates_hz if rate_hz >= sample_rate_hz]
    found_hz = above[0] if above else rates_hz[-1]
    return folder / f"wav{found_hz // 1000}k", found_hz


def _subsets(folder: Path, part: Part) -> tuple[Sequence[str], Sequence[str]]:
    """Those to train on and those to validate on, all of which have their CSV."""
    usual = part.layout.train
    train = part.train
    if train is None:
        train = tuple(s for s in usual if _csv_path(folder, s, part).is_file())
        if not train:
            raise ValueError(_no_subset(folder, usual, part))
    validation = part.validation or part.layout.validation
    for subset in (*train, *validation):
        if not _csv_path(folder, subset, part).is_file():
            raise ValueError(_no_subset(folder, (subset,), part))
    return train, validation


def _csv_path(folder: Path, subset: str, part: Part) -> Path:
    return folder / "metadata" / f"mixture_{subset}_{part.kind}.csv"


def _no_subset(folder: Path, subsets: Sequence[str], part: Part) -> str:
    names = " or ".join(_csv_path(folder, subset, part).name for subset in subsets)
    metadata = folder / "metadata"
    return (
        f"no {names} in {metadata}, which {present(metadata)}: make that subset and "
        "kind of mixture, or choose others"
    )


def _once(rows: Iterable[_Row], faults: list[Fault]) -> list[_Row]:
    """The first of each id."""
    kept: dict[str, _Row] = {}
    for row in rows:
        if kept.setdefault(row.id, row) is not row:
            faults.append(Fault(TWICE, str(row.paths[0])))
    return list(kept.values())


def _read_rows(
    folder: Path, subset: str, part: Part, sample_rate_hz: int, faults: list[Fault]
) -> list[_Row]:
    path = _csv_path(folder, subset, part)
    columns = ["mixture_path"]
    columns += [f"source_{number}_path" for number in range(1, part.sources + 1)]
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.DictReader(file)
        wanted = ["mixture_ID", *columns, "length"]
        if missing := [c for c in wanted if c not in (reader.fieldnames or [])]:
            raise ValueError(
                f"{path} lacks the columns {', '.join(missing)} and has "
                f"{', '.join(reader.fieldnames or ['none'])}: make the corpus anew"
            )
        row = partial(_row, folder, columns, sample_rate_hz)
        made = [row(fields, f"{path}:{reader.line_num}") for fields in reader]
    faults += [one for one in made if isinstance(one, Fault)]
    return _once((one for one in made if isinstance(one, _Row)), faults)


def _row(
    folder: Path,
    columns: Sequence[str],
    sample_rate_hz: int,
    fields: dict[str, str],
    where: str,
) -> _Row | Fault:
    try:
        # A path may come from Windows, whose kind of path reads both slashes.
        parts = [PureWindowsPath(fields[column]).parts[-3:] for column in columns]
        samples = int(float(fields["length"]))  # pandas writes 57920 or 57920.0
        if not fields["mixture_ID"]:
            raise ValueError("no id")
    except (TypeError, ValueError, OverflowError):
        return Fault(DAMAGED_ROW, f"{where}: {fields} has not id, paths and length")
    paths = tuple(folder.joinpath(*names) for names in parts)
    return _Row(fields["mixture_ID"], paths, samples, sample_rate_hz)


def _check(row: _Row) -> Checked | Fault:
    headers = read_headers(row.paths, row.sample_rate_hz)
    if isinstance(headers, Fault):
        return headers
    for path, header in zip(row.paths, headers, strict=True):
        if header.samples != row.samples:
            return Fault(
                OTHER_LENGTH,
                f"{path} ({header.samples} samples, {row.samples} in its CSV)",
            )
    heard, *said = (Track(path) for path in row.paths)
    mixture = Mixture(row.id, heard, tuple(said), row.samples, row.sample_rate_hz)
    digest = hashlib.sha256("".join(h.digest for h in headers).encode())
    return Checked(mixture, digest.hexdigest())
