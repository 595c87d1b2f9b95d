"""The tasks in their small sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from written_corpora import write_librimix, write_librispeech

from benchmarks.inference import TimedModel
from harness.workload import Context
from workloads.asr.task import ASR as ASR_TASK
from workloads.corpora import builtin
from workloads.corpora.cache import default_cache_dir
from workloads.corpora.mixtures import builtin as mixtures
from workloads.separation.task import SEPARATION as SEPARATION_TASK
from workloads.spoof.task import SPOOF as SPOOF_TASK
from workloads.task import Size, Task
from workloads.wav2letter.task import WAV2LETTER as WAV2LETTER_TASK

ContextOf = Callable[..., Context]  # of a smoke case of a task: see `at`
SaveWeights = Callable[..., Path]  # made-up ones: see `save_weights`
TINY = mixtures.MixturesSize("tiny", train=4, validation=3)


@dataclass(frozen=True)
class Small:
    """A small size of a task, and the measure that has a gate."""

    task: Task[Any, Any]
    model: str
    gated: str

    @property
    def size(self) -> Size:
        return self.task.sizes[self.model]


SMALL = {
    one.task.name: one
    for one in (
        Small(ASR_TASK, "ds2-small", "cer"),
        Small(WAV2LETTER_TASK, "wav2letter-small", "levenshtein"),
        Small(SEPARATION_TASK, "conv-tasnet-small", "si_sdr_improvement"),
        Small(SPOOF_TASK, "fbank+x-vector-small", "eer"),
    )
}

ASR, WAV2LETTER, SEPARATION, SPOOF = SMALL.values()


def timed(context: Context) -> TimedModel:
    """The model of a case whose workload is called as its task is."""
    return TimedModel(context, SMALL[context.case.workload].task)


def write_speech(folder: Path) -> None:
    """A LibriSpeech of the user's."""
    speech = builtin.load_or_build(builtin.SMOKE, default_cache_dir())
    write_librispeech(speech.train, folder, "train-clean-100")
    write_librispeech(speech.validation, folder, "dev-clean")


def write_mixtures(folder: Path) -> None:
    """A LibriMix of the user's."""
    made = mixtures.MixturesSize("own", train=1, validation=2)
    corpus = mixtures.load_or_build(made, default_cache_dir(), 8_000)
    write_librimix(corpus.train, folder, "train-100")
    write_librimix(corpus.validation, folder, "dev")
