"""Time to accuracy of speech recognition training, from the model's creation.

Timed: whole epochs with their evaluation, decoding samples and checkpoints, until the
last target is reached or the profile's budget is spent. Left out on purpose: making the
corpus and its features, whose time the record gives as `prepare_s`.

The sizes: `ds2-small` has 0.8 M parameters, so that 30 minutes of built-in speech reach
a first target within a minute on two cores; `ds2-paper` is the published size, for
LibriSpeech. Batch sizes in `paper` are the paper's, per machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.published import ASR_TRAINING, LIBRISPEECH_TARGETS
from harness.plan import Planned
from harness.workload import Context, Point, Target, Training, Work, Workload
from workloads.metrics.kinds import CER, CER_MAX, WER

if TYPE_CHECKING:
    from workloads.metrics.error_rates import ErrorRate

# Three levels a metric, as for LibriSpeech; chosen so that the first is within reach of
# `quick` on two cores and the last is not reached by every batch size.
BUILTIN_TARGETS = (
    *(Target.of(CER, level) for level in (0.15, 0.12, 0.10)),
    *(Target.of(WER, level) for level in (0.30, 0.24, 0.20)),
)
SMOKE_TARGETS = (Target.of(CER, 0.95),)


@dataclass(frozen=True)
class ClockedEvent:
    """An event of the trainer, as the harness reads it."""

    kind: str
    state: str
    epoch: int
    loss: float | None
    validation_loss: float | None
    errors: Mapping[str, float] | None
    saved: Mapping[str, Any] | None


def build(context: Context) -> Training:
    from time import perf_counter

    import torch

    from benchmarks import asr, common
    from workloads.asr.checkpoint import NAME, read_curve
    from workloads.asr.distributed import train_data_parallel
    from workloads.asr.ds2 import DeepSpeech2, parameter_count
    from workloads.asr.macs import training_macs
    from workloads.asr.training import train
    from workloads.feeding.batching import plan_epoch

    began, (corpus, feed) = perf_counter(), asr.feed_of(context)
    frames = feed.train.frames
    size, recipe = asr.size_of(context), asr.recipe_of(context)
    devices, folder = context.hardware.devices, context.scratch_dir
    saved = folder / NAME if (folder / NAME).exists() else None
    curve = read_curve(saved) if saved and len(devices) == 1 else ()
    last_errors: dict[str, ErrorRate] = dict(curve[-1].errors or {}) if curve else {}

    def events(notes: Callable[[], dict[str, Any]]) -> Iterator[ClockedEvent]:
        if len(devices) > 1:  # ranks cannot ask this process for its clock: no resume
            stream = train_data_parallel(size, recipe, feed, devices, folder)
        else:
            stream = train(size, recipe, feed, devices[0], folder, saved, notes)
        for event in stream:
            last_errors.update(event.errors or {})
            yield ClockedEvent(
                event.kind,
                event.state,
                event.epoch,
                event.loss,
                event.validation_loss,
                {name: rate.rate for name, rate in last_errors.items()},
                event.notes,
            )

    plan = plan_epoch(frames, recipe.batch_size, recipe.seed, epoch=2)
    step = asr.typical_step(context, feed)
    with torch.device("meta"):
        parameters = parameter_count(DeepSpeech2(size))
    return Training(
        events=events,
        targets=_targets(context),
        metrics=(WER, CER, CER_MAX),
        work_per_epoch=Work(
            items=len(frames),
            audio_s=sum(utterance.duration_s for utterance in corpus.train),
            parameters=parameters,
            macs=training_macs(size, frames),
            model_bytes=4 * parameters,
        ),
        accuracy=lambda: common.accuracy_of(last_errors),
        step=step,
        values=step.values,
        prepare_s=perf_counter() - began,
        details=common.corpus_details(corpus)
        | {"padding_percent": plan.padding_percent},
    )


def _targets(context: Context) -> tuple[Target, ...]:
    if context.profile.name == "smoke":
        return SMOKE_TARGETS
    return BUILTIN_TARGETS if context.data_root is None else LIBRISPEECH_TARGETS


WORKLOAD = Workload(
    name="asr-training",
    stage="train",
    description="time to accuracy of an acoustic model",
    build=build,
    published=ASR_TRAINING,
    points={
        "smoke": (Point("ds2-small", "fp32", "eager", 8, 15),),
        "quick": (
            Point("ds2-small", "fp32", "eager", 4, 35),
            Point("ds2-small", "fp32", "eager", 16, 35),
            Point("ds2-small", "fp32", "eager", 32, 55),
            Point("ds2-small", "bf16", "eager", 32, 50),
        ),
        "standard": tuple(
            Point("ds2-small", compression, "eager", batch_size, 1800)
            for compression in ("fp32", "bf16")
            for batch_size in (16, 32, 64, 128)
        ),
        # 240 and 300 beside the equal-batch study's 96: one per price class.
        "paper": tuple(
            Point("ds2-paper", compression, "eager", batch_size, 14 * 86400)
            for compression in ("fp32", "bf16", "fp16")
            for batch_size in (96, 240, 300)
        ),
    },
)
WORKLOADS = (WORKLOAD,)


def test_training(planned: Planned, measure: Callable[[Planned], None]) -> None:
    measure(planned)
