"""The one way to clock a task's training, and to time a step of it.

Imported inside worker processes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import torch

from benchmarks import judging, values
from benchmarks.inference import (
    data_details,
    data_of,
    single_device,
    unsupported,
)
from harness.workload import (
    Accuracy,
    Context,
    Operation,
    Target,
    Training,
    UnsupportedError,
    Values,
    Work,
)
from workloads.compression.step import FP32
from workloads.feeding.choosing import Turn
from workloads.metrics.scores import Scores
from workloads.task import Task, parameters_of
from workloads.training.checkpoint import NAME, read_curve
from workloads.training.distributed import train_data_parallel
from workloads.training.events import Event
from workloads.training.gradients import (
    first_gradients,
    learner_of,
    plain_gradients,
)
from workloads.training.learner import Learner
from workloads.training.loop import Job, train
from workloads.training.recipe import Precision, Recipe
from workloads.training.weights import Weights, weights_of
from workloads.values.compare import GRADIENT_LIMITS, gradient_error
from workloads.values.plain import DESCRIPTION

BATCHES = 6  # of a step's inputs, evenly over the lengths of an epoch's batches
NO_ACCURACY = Accuracy({}, "steps from random weights: a training shows accuracy")


def training(
    context: Context, task: Task[Any, Any], targets: Sequence[Target]
) -> Training:
    """A training from random weights, clocked until it has reached the targets."""
    with unsupported():
        return ClockedTraining(context, task, tuple(targets)).as_training()


def training_step(context: Context, task: Task[Any, Any]) -> Operation:
    """An optimizer step on batches that lie on the device."""
    with unsupported():
        return TimedStep(context, task, single_device(context)).operation()


def recipe_of(context: Context, task: Task[Any, Any], data: Any) -> Recipe:
    """How a case trains; fp16 needs the loss scaling that only CUDA has."""
    case = context.case
    if case.compression == "fp16" and not context.hardware.is_cuda:
        raise UnsupportedError("fp16 trains on CUDA only; on a CPU use bf16")
    size = task.sizes[case.model]
    precision = cast(Precision, case.compression)
    return replace(
        task.timed_recipe(size, data, context.profile.name),
        batch_size=case.batch_size,
        precision=precision,
        seed=context.seed,
    )


class TimedStep:
    """Optimizer steps of a case's training, from random weights, on batches of the
    lengths that an epoch has. The model exists from the first step on: before, it would
    be part of another training's own memory."""

    def __init__(
        self,
        context: Context,
        task: Task[Any, Any],
        device: str,
        data: Any = None,
        count: int = BATCHES,
    ) -> None:
        self.task, self.size = task, task.sizes[context.case.model]
        self.device = torch.device(device)
        self.data = data_of(context, task) if data is None else data
        self.recipe = recipe_of(context, task, self.data)
        self.positions = task.typical_batches(self.data, self.recipe.batch_size, count)

    @cached_property
    def _ready(self) -> tuple[Learner, Turn[Any]]:
        learner = self.learner()
        batches = [learner.objective.batch(one) for one in self.positions]
        return learner, Turn(batches)

    def learner(self, weights: Path | None = None) -> Learner:
        """With the weights of a file, else those that a training of this seed begins
        with."""
        recipe, device = self.recipe, self.device
        return learner_of(self.task, self.size, recipe, self.data, device, weights)

    def __call__(self) -> None:
        learner, turn = self._ready
        batch = turn.next()
        learner.update(batch, len(batch))

    def operation(self) -> Operation:
        """A step is an optimizer step on one batch."""
        learner, _ = self._ready
        places = [place for batch in self.positions for place in batch]
        items, audio_s, macs = self.task.work_of(self.size, self.data, places)
        parameters = parameters_of(learner.model)
        count, model_bytes = len(self.positions), 4 * parameters
        return Operation(
            step=self,
            cycle=count,
            work=Work(
                items / count, audio_s / count, parameters, macs / count, model_bytes
            ),
            accuracy=lambda: NO_ACCURACY,
            details=data_details(self.data)
            | dict(self.task.batch_facts(self.data, self.positions)),
            values=self.values,
        )

    @values.unproven_without_plain
    def values(self) -> Values:
        """Of a first step's loss and gradients, at the weights that it begins with, or
        at trained ones where the task says so."""
        positions, weights = self.positions[0], Weights(None, reason="random")
        if self.task.proves_trained_gradients:
            weights = weights_of(self.task, self.size, FP32, self.data.checksum)
            if weights.path is None:
                reason = "at random weights rounding alone moves these gradients; "
                return Values(None, reason=f"{reason}{weights.reason}")
        learner = self.learner(weights.path)
        batch = learner.objective.batch(positions)
        found = first_gradients(learner, batch)
        expected = plain_gradients(
            self.task, self.size, self.recipe, self.data, positions, weights
        )
        errors = {
            name: gradient_error(found[name], gradient)
            for name, gradient in expected.items()
        }
        usual = GRADIENT_LIMITS[self.recipe.precision]
        limit = max(usual, self.task.most_gradient_error)
        result = Values(max(errors.values()), limit, len(errors), DESCRIPTION)
        if result.passed:
            return result
        wrong = [name for name, error in errors.items() if not error <= limit]

        def run() -> None:
            learner.update(batch, len(batch))

        departing = values.by_layers(result, learner.model, run)
        return replace(departing, layer=f"{departing.layer}; wrong: {', '.join(wrong)}")


class ClockedTraining:
    """A case's training: its events, and what was reached at the end of the last whole
    epoch."""

    def __init__(
        self, context: Context, task: Task[Any, Any], targets: tuple[Target, ...]
    ) -> None:
        self._began = perf_counter()
        self.context, self.task, self.targets = context, task, targets
        self.size = task.sizes[context.case.model]
        self.devices, self.folder = context.hardware.devices, context.scratch_dir
        self.data = data_of(context, task)
        saved = self.folder / NAME
        # Ranks cannot ask this process for its clock: several devices start anew.
        resumes = saved.exists() and len(self.devices) == 1
        self.job = Job(
            task,
            self.size,
            recipe_of(context, task, self.data),
            self.data,
            self.folder,
            saved if resumes else None,
        )
        curve = read_curve(saved) if resumes else ()
        self.scores: Scores | None = curve[-1].scores if curve else None

    def as_training(self) -> Training:
        """For the harness."""
        items, audio_s, macs = self.task.work_of(self.size, self.data)
        with torch.device("meta"):
            model = self.task.model(self.size)
        parameters = parameters_of(model)
        step = TimedStep(self.context, self.task, self.devices[0], self.data, 1)
        return Training(
            events=self.events,
            targets=self.targets,
            metrics=self.task.measures,
            work_per_epoch=Work(items, audio_s, parameters, macs, 4 * parameters),
            accuracy=self.accuracy,
            step=step,
            values=step.values,
            prepare_s=perf_counter() - self._began,
            details=data_details(self.data)
            | dict(self.task.epoch_facts(self.data, self.job.recipe)),
        )

    def events(self, notes: Callable[[], dict[str, Any]]) -> Iterator[Event]:
        """Those of the trainer, whose scores are kept."""
        if len(self.devices) > 1:
            stream = train_data_parallel(self.job, self.devices)
        else:
            stream = train(self.job, self.devices[0], notes)
        for event in stream:
            self.scores = event.scores or self.scores
            yield event

    def accuracy(self) -> Accuracy:
        """Of the last whole epoch."""
        if self.scores is None:
            return Accuracy({}, "no epoch was whole")
        return judging.judged(self.scores, self.task.measures)
