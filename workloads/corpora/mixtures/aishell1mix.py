"""Aishell1Mix as it lies on disk: Mandarin, made by LibriMix's generator from AISHELL-1
(github.com/huangzj421/Aishell1Mix).

aishell1mix/Aishell1Mix2/wav8k/min/metadata/mixture_<subset>_<kind>.csv and so on, as
`librimix` tells, with the subsets train, dev and test.
"""

from collections.abc import Iterable
from pathlib import Path

from workloads.corpora.mixtures import librimix
from workloads.corpora.mixtures.librimix import Layout, Part
from workloads.corpora.mixtures.mixture import Mixture, MixtureCorpus, OnOtherRate
from workloads.corpora.progress import Progress, no_progress

AISHELL1MIX = Layout("aishell1mix", "Aishell1Mix{}", "aishell1mix", ("train",))
PART = Part(AISHELL1MIX)


def load(
    root: Path,
    sample_rate_hz: int,
    part: Part = PART,
    on_other_rate: OnOtherRate = "resample",
    min_samples: int = 1,
    on_progress: Progress = no_progress,
) -> MixtureCorpus:
    """Aishell1Mix from `root`: Aishell1Mix2, or what holds it, or what holds
    aishell1mix. Everything else is as in `librimix.load`."""
    return librimix.load(
        root, sample_rate_hz, part, on_other_rate, min_samples, on_progress
    )


def write(
    mixtures: Iterable[Mixture], root: Path, subset: str, part: Part = PART
) -> Path:
    """As `librimix.write`, in Aishell1Mix's layout."""
    return librimix.write(mixtures, root, subset, part)
