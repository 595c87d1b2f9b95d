"""The one way to clock a training, and to time a step of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small_cases import ASR, SEPARATION, SMALL, WAV2LETTER, ContextOf, Small

from benchmarks import (
    bench_asr_training,
    bench_separation,
    bench_spoof,
    bench_wav2letter,
)
from benchmarks import training as training_cases
from benchmarks.bench_asr_training import (
    BUILTIN_TARGETS,
    LIBRISPEECH_TARGETS,
    QUICK_EPOCHS,
)
from benchmarks.inference import data_of
from benchmarks.training import (
    NO_ACCURACY,
    TimedStep,
    job_of,
    recipe_of,
    training_step,
)
from harness.measure.time_to_accuracy import WINDOW_EPOCHS
from harness.profile import PAPER, QUICK, SMOKE, STANDARD
from harness.workload import Context, Training, UnsupportedError
from workloads.elsewhere import ElsewhereError
from workloads.task import DataRequest, NotHereError
from workloads.training.checkpoint import NAME
from workloads.training.gradients import FEW_NUMBERS
from workloads.training.objective import Rank
from workloads.training.weights import shipped_dir

REAL_WEIGHTS = shipped_dir(SEPARATION.task)

pytestmark = pytest.mark.usefixtures("shipped")

BUILDS: dict[str, Callable[[Context], Training]] = {
    "asr": bench_asr_training.build,
    "wav2letter": bench_wav2letter.build_training,
    "separation": bench_separation.build_training,
    "spoof": bench_spoof.build_training,
}
BATCH_SIZE = {"asr": 8, "wav2letter": 8, "separation": 2, "spoof": 8}


@pytest.fixture
def of_training(at: ContextOf) -> ContextOf:
    """The context of a smoke case of a task's training."""

    def context(small: Small, compression: str = "fp32", **more: Any) -> Context:
        name = small.task.name
        return at(name, compression, batch_size=BATCH_SIZE[name], seed=3, **more)

    return context


def recipe_for(context: Context, small: Small) -> Any:
    return recipe_of(context, small.task, data_of(context, small.task))


def test_a_recipe_takes_batch_precision_and_seed_from_the_case(
    small: Small, of_training: ContextOf
) -> None:
    recipe = recipe_for(of_training(small, "bf16"), small)
    expected = (BATCH_SIZE[small.task.name], "bf16", 3)
    assert (recipe.batch_size, recipe.precision, recipe.seed) == expected


def test_fp16_trains_on_cuda_alone(of_training: ContextOf) -> None:
    with pytest.raises(UnsupportedError, match="fp16 trains on CUDA only"):
        recipe_for(of_training(ASR, "fp16"), ASR)
    cuda = of_training(ASR, "fp16", hardware="cuda:0")
    assert recipe_for(cuda, ASR).precision == "fp16"


def test_the_paper_profile_evaluates_with_the_papers_beam(
    of_training: ContextOf,
) -> None:
    context = of_training(ASR)
    data = data_of(context, ASR.task)
    beams = [
        recipe_of(one, ASR.task, data).own.beam_width
        for one in (context, replace(context, profile=PAPER))
    ]
    assert beams == [32, 256]


@pytest.mark.parametrize("name", SMALL)
def test_the_paper_profile_trains_on_the_papers_corpora_alone(
    of_training: ContextOf, name: str
) -> None:
    context = of_training(SMALL[name], profile=PAPER)
    with pytest.raises(UnsupportedError, match="give --data-root"):
        BUILDS[name](context)


def test_a_training_has_the_targets_of_its_corpus() -> None:
    assert [(target.metric, target.level) for target in BUILTIN_TARGETS] == [
        *(("cer", level) for level in (0.6, 0.3, 0.15, 0.12, 0.1)),
        *(("wer", level) for level in (0.9, 0.6, 0.3, 0.24, 0.2)),
    ]
    assert [t.metric for t in LIBRISPEECH_TARGETS] == ["cer"] * 3 + ["wer"] * 3
    assert [t.level for t in LIBRISPEECH_TARGETS] == [
        *(0.1, 0.08, 0.07),
        *(0.22, 0.202, 0.192),
    ]


def test_quick_counts_epochs_on_the_built_in_speech_and_other_profiles_seconds(
    of_training: ContextOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as the window of a target's median takes, at least. The data are those of
    smoke: hours of speech take minutes to make."""
    real = type(ASR.task).dataset

    def of_smoke(task: Any, size: Any, request: DataRequest) -> Any:
        return real(task, size, replace(request, profile="smoke"))

    monkeypatch.setattr(type(ASR.task), "dataset", of_smoke)
    found = {
        profile.name: BUILDS["asr"](of_training(ASR, profile=profile)).most_epochs
        for profile in (SMOKE, QUICK, STANDARD)
    }
    assert found == {"smoke": None, "quick": QUICK_EPOCHS, "standard": None}
    assert QUICK_EPOCHS >= WINDOW_EPOCHS


def test_every_training_has_a_target_of_a_measure_that_it_tells(
    small: Small, of_training: ContextOf
) -> None:
    training = BUILDS[small.task.name](of_training(small))
    for event in training.events(dict):
        if event.kind == "epoch":
            break
    assert event.values is not None
    assert {target.metric for target in training.targets} <= set(event.values)
    metrics = training.accuracy().metrics
    for target in training.targets:
        assert metrics[target.metric].better == target.better
        assert metrics[target.metric].value == event.values[target.metric]


def test_a_training_goes_on_from_the_checkpoint_of_a_killed_run(
    small: Small, of_training: ContextOf
) -> None:
    """And keeps its accuracy where the budget ends before another epoch."""
    context, build = of_training(small), BUILDS[small.task.name]
    notes = {"elapsed_s": 12.5}
    killed = build(context).events(lambda: notes)
    for event in killed:
        if event.kind == "state" and event.state == "train" and event.epoch == 2:
            break
    killed.close()  # type: ignore[attr-defined]
    assert (context.scratch_dir / NAME).exists()
    resumed = build(context)
    events = resumed.events(lambda: notes)
    begun = [next(events) for _ in range(3)]
    assert [event.kind for event in begun] == ["state", "resumed", "step"]
    assert begun[1].notes == notes
    assert begun[2].epoch == 2
    assert all(metric.n > 0 for metric in resumed.accuracy().metrics.values())
    assert resumed.accuracy().metrics


def test_before_the_first_whole_epoch_there_is_no_accuracy(
    of_training: ContextOf,
) -> None:
    accuracy = BUILDS["separation"](of_training(SEPARATION)).accuracy()
    assert (accuracy.metrics, accuracy.reason) == ({}, "no epoch was whole")


def test_an_epochs_work_is_that_of_the_whole_training_part(
    small: Small, of_training: ContextOf
) -> None:
    context = of_training(small)
    training = BUILDS[small.task.name](context)
    data = data_of(context, small.task)
    items, audio_s, macs = small.task.work_of(small.size, data)
    work = training.work_per_epoch
    assert (work.items, work.audio_s, work.macs) == (items, audio_s, macs)
    parameters = sum(p.numel() for p in small.task.model(small.size).parameters())
    assert (work.parameters, work.model_bytes) == (parameters, 4 * parameters)
    assert training.details is not None
    assert training.details["corpus_checksum"] == data.checksum
    assert training.prepare_s > 0


def test_separators_train_on_one_device(of_training: ContextOf) -> None:
    task = SEPARATION.task
    context = of_training(SEPARATION)
    data = data_of(context, task)
    recipe = recipe_of(context, task, data)
    with pytest.raises(NotHereError, match="separators train on one device"):
        task.objective(SEPARATION.size, recipe, data, torch.device("cpu"), Rank(0, 2))


# A step


def test_a_step_learns_on_batches_of_an_epochs_lengths(
    small: Small, of_training: ContextOf
) -> None:
    context = of_training(small)
    step = TimedStep(job_of(context, small.task), "cpu")
    operation = step.operation()
    assert operation.cycle == len(step.positions)
    counts = [len(batch) for batch in step.positions]
    assert operation.work.items == sum(counts) / len(counts)
    learner, _ = step._ready
    before = [one.clone() for one in learner.model.parameters()]
    operation.step()
    after = list(learner.model.parameters())
    moved = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert sum(moved) >= len(moved) - 1  # a separator's last bias has no gradient
    assert operation.accuracy() is NO_ACCURACY


def test_a_step_begins_with_the_weights_of_a_training_of_this_seed(
    of_training: ContextOf,
) -> None:
    def weights(seed: int) -> torch.Tensor:
        context = replace(of_training(SEPARATION), seed=seed)
        learner, _ = TimedStep(job_of(context, SEPARATION.task), "cpu")._ready
        return next(learner.model.parameters()).detach()

    assert torch.equal(weights(3), weights(3))
    assert not torch.equal(weights(3), weights(4))


@pytest.mark.parametrize("compression", ["fp32", "bf16"])
def test_loss_and_gradients_of_a_step_are_those_of_a_plain_path(
    small: Small, of_training: ContextOf, shipped: Path, compression: str
) -> None:
    """Separators at the weights that they ship with, all others at random ones."""
    context = of_training(small, compression)
    for path in REAL_WEIGHTS.glob(f"{small.model}.*"):
        own = shipped / small.task.name
        own.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, own)
    found = TimedStep(job_of(context, small.task), "cpu", count=1).values()
    assert found.passed, found
    parameters = small.task.model(small.size).parameters()
    assert found.outputs == 1 + sum(one.numel() > FEW_NUMBERS for one in parameters)


def test_a_separators_gradients_are_unproven_without_trained_weights(
    of_training: ContextOf,
) -> None:
    job = job_of(of_training(SEPARATION), SEPARATION.task)
    found = TimedStep(job, "cpu").values()
    assert found.passed is None
    assert (found.reason or "").endswith("--model conv-tasnet-small`")


def test_a_wrong_gradient_is_found_and_named(
    of_training: ContextOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = training_cases.plain_gradients

    def other(*arguments: Any) -> dict[str, Any]:
        found = plain(*arguments)
        name = next(iter(found.keys() - {"loss"}))
        return found | {name: -found[name]}

    monkeypatch.setattr(training_cases, "plain_gradients", other)
    job = job_of(of_training(WAV2LETTER), WAV2LETTER.task)
    found = TimedStep(job, "cpu").values()
    assert found.passed is False
    assert found.layer is not None
    assert "; wrong: " in found.layer


def test_a_step_without_plain_outputs_is_unproven_not_broken(
    of_training: ContextOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise ElsewhereError("its process ended by SIGKILL")

    monkeypatch.setattr(training_cases, "plain_gradients", killed)
    job = job_of(of_training(WAV2LETTER), WAV2LETTER.task)
    found = TimedStep(job, "cpu").values()
    assert found.reason == "no plain outputs: its process ended by SIGKILL"


def test_a_step_cannot_be_spread_over_devices(
    small: Small, of_training: ContextOf
) -> None:
    two = of_training(small, hardware="cuda:0,cuda:1")
    with pytest.raises(UnsupportedError, match="use --hardware=cuda:0"):
        training_step(two, small.task)
