"""Whichever corpus of mixtures lies in a folder."""

from collections.abc import Sequence
from pathlib import Path

from workloads.corpora.faults import AbsentError, Inspection, checksum
from workloads.corpora.mixtures.checking import Checked, present
from workloads.corpora.mixtures.libricss import LIBRICSS, LibriCssLayout
from workloads.corpora.mixtures.librimix import AISHELL1MIX, LIBRIMIX, LibriMixLayout
from workloads.corpora.mixtures.mixture import MixtureCorpus
from workloads.corpora.progress import Progress, no_progress

Layout = LibriMixLayout | LibriCssLayout
LAYOUTS: Sequence[Layout] = (*LIBRIMIX, *AISHELL1MIX, LIBRICSS)
USES = ("train", "validate")
TOO_SHORT = "shorter than one window"


def load(
    root: Path,
    sample_rate_hz: int,
    min_samples: int = 1,
    may_resample: bool = True,
    sources: int | None = None,
    on_progress: Progress = no_progress,
) -> MixtureCorpus:
    """LibriMix, Aishell1Mix or LibriCSS: `root` is its folder, or what holds that.

    With `sources`, only a corpus of that many is looked for. Raises AbsentError where
    there is none, ValueError where there is more than one.

    Where there are no mixtures of the model's `sample_rate_hz`, others are to be
    resampled, with a warning, or refused. Every file's header is read. What is faulty
    is left out, counted in `dropped` and named in a warning to the logger `speechmark`;
    mixtures with fewer than `min_samples` at the model's rate are counted there too.
    Raises ValueError where more than 1 % is faulty, where folders or columns are
    missing, or where no mixture is left.
    """
    folder, layout = _the_one(Path(root), sources)
    inspection = Inspection(on_progress)
    content = layout.read(folder, sample_rate_hz, may_resample, inspection)

    def reason_to_drop(one: Checked) -> str | None:
        mixture, _ = one
        samples = mixture.samples * sample_rate_hz // mixture.sample_rate_hz
        return TOO_SHORT if samples < max(1, min_samples) else None

    parts = {
        use: inspection.keep(part, reason_to_drop)
        for use, part in zip(USES, (content.train, content.validation), strict=True)
        if part is not None
    }
    dropped = inspection.finish(content.what, content.folder)
    for use, kept in parts.items():
        if not kept:
            raise ValueError(
                f"no mixture to {use} on is left in {content.folder} ({dropped} "
                f"dropped): {content.remedy}, or use a model that needs fewer than "
                f"{min_samples} samples"
            )
    train, validation = (
        tuple(mixture for mixture, _ in parts.get(use, ())) for use in USES
    )
    digest = checksum(
        [(mixture.id, str(mixture.samples), digest) for mixture, digest in kept]
        for kept in parts.values()
    )
    return MixtureCorpus(content.name, digest, train, validation, dropped)


def _the_one(root: Path, sources: int | None) -> tuple[Path, Layout]:
    there = [(folder, layout) for layout in LAYOUTS if (folder := layout.find(root))]
    fitting = [one for one in there if sources in (None, one[1].sources)]
    if len(fitting) == 1:
        return fitting[0]
    wanted = "" if sources is None else f" of {sources} sources"
    if fitting:
        folders = ", ".join(str(folder) for folder, _ in fitting)
        raise ValueError(
            f"{len(fitting)} corpora of mixtures{wanted} in {root}: {folders}: give "
            "one of these folders, or the number of sources"
        )
    listed = [f"{folder} ({layout.sources} sources)" for folder, layout in there]
    looked = ", ".join(layout.folder for layout in LAYOUTS)
    raise AbsentError(
        f"no corpus of mixtures{wanted} in {root}, which {present(root)}; found "
        f"{', '.join(listed) or 'none'}, looked for {looked} (LibriCSS): give the "
        "folder that holds one"
    )
