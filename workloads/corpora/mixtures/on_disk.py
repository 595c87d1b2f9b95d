"""Whichever corpus of mixtures lies in a folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from workloads.corpora.faults import AbsentError
from workloads.corpora.mixtures import aishell1mix, libricss, librimix
from workloads.corpora.mixtures.checking import present
from workloads.corpora.mixtures.librimix import Part
from workloads.corpora.mixtures.mixture import MixtureCorpus, OnOtherRate
from workloads.corpora.progress import Progress, no_progress

GENERATED_SOURCES = (2, 3)  # of LibriMix and of Aishell1Mix


@dataclass(frozen=True)
class _Found:
    folder: Path
    sources: int
    load: Callable[..., MixtureCorpus]
    part: Part | None = None


def load(
    root: Path,
    sample_rate_hz: int,
    min_samples: int = 1,
    on_other_rate: OnOtherRate = "resample",
    sources: int | None = None,
    on_progress: Progress = no_progress,
) -> MixtureCorpus:
    """LibriMix, Aishell1Mix or LibriCSS from `root`, with the usual part of each.

    With `sources`, only a corpus of that many is looked for. Raises AbsentError where
    there is none, ValueError where there is more than one. Everything else is as in
    `librimix.load` and `libricss.load`.
    """
    root = Path(root)
    there = _find(root)
    fitting = [one for one in there if sources in (None, one.sources)]
    if len(fitting) != 1:
        kind = ValueError if fitting else AbsentError
        raise kind(_not_one(root, sources, there, fitting))
    (one,) = fitting
    return one.load(
        root, sample_rate_hz, one.part, on_other_rate, min_samples, on_progress
    )


def _find(root: Path) -> list[_Found]:
    found = []
    for module, layout in (
        (librimix, librimix.LIBRIMIX),
        (aishell1mix, aishell1mix.AISHELL1MIX),
    ):
        for sources in GENERATED_SOURCES:
            part = Part(layout, sources)
            if folder := librimix.find(root, part):
                found.append(_Found(folder, sources, module.load, part))
    if folder := libricss.find(root):
        found.append(_Found(folder, libricss.SPEAKERS, libricss.load))
    return found


def _not_one(
    root: Path, sources: int | None, there: Sequence[_Found], fitting: Sequence[_Found]
) -> str:
    wanted = "" if sources is None else f" of {sources} sources"
    listed = ", ".join(f"{one.folder} ({one.sources} sources)" for one in there)
    if fitting:
        folders = ", ".join(str(one.folder) for one in fitting)
        return (
            f"{len(fitting)} corpora of mixtures{wanted} in {root}: {folders}: give "
            "one of these folders, or the number of sources"
        )
    names = [
        layout.folder.format(count)
        for layout in (librimix.LIBRIMIX, aishell1mix.AISHELL1MIX)
        for count in GENERATED_SOURCES
    ]
    looked = f"{', '.join(names)}, {libricss.FOLDER} (LibriCSS)"
    return (
        f"no corpus of mixtures{wanted} in {root}, which {present(root)}; found "
        f"{listed or 'none'}, looked for {looked}: give the folder that holds one"
    )
