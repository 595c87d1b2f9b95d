"""The one way to clock a task's training, and to time a step of it.

Imported inside worker processes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import numpy as np
import torch

from benchmarks import judging, values
from benchmarks.inference import data_details, data_of, single_device, unsupported
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
from workloads.metrics.scores import Scores
from workloads.task import Task, parameters_of
from workloads.training.checkpoint import NAME, read_curve
from workloads.training.distributed import train_data_parallel
from workloads.training.events import Event
from workloads.training.gradients import first_gradients, learner_of, plain_gradients
from workloads.training.learner import Learner
from workloads.training.loop import Job, train
from workloads.training.recipe import LOSS, Precision, Recipe
from workloads.training.weights import Weights, weights_of
from workloads.values.compare import GRADIENT_LIMITS, gradient_error
from workloads.values.plain import DESCRIPTION

BATCHES = 6  # of a step's inputs, evenly over the lengths of an epoch's batches
NO_ACCURACY = Accuracy({}, "steps from random weights: a training shows accuracy")


def training(
    context: Context,
    task: Task[Any, Any],
    targets: Sequence[Target],
    most_epochs: int | None = None,
) -> Training:
    """A training from random weights, clocked until it has reached the targets or made
    so many epochs."""
    began, devices = perf_counter(), context.hardware.devices
    with unsupported():
        job = job_of(context, task)
        items, audio_s, macs = task.work_of(job.size, job.data)
        with torch.device("meta"):
            parameters = parameters_of(task.model(job.size))
        clocked = ClockedTraining(job, devices, context.scratch_dir)
        step = TimedStep(job, devices[0], count=1)
    return Training(
        events=clocked.events,
        targets=tuple(targets),
        most_epochs=most_epochs,
        metrics=task.measures,
        work_per_epoch=Work(items, audio_s, parameters, macs, 4 * parameters),
        accuracy=clocked.accuracy,
        step=step,
        values=step.values,
        prepare_s=perf_counter() - began,
        details=data_details(job.data) | dict(task.epoch_facts(job.data, job.recipe)),
    )


def training_step(context: Context, task: Task[Any, Any]) -> Operation:
    """An optimizer step on batches that lie on the device."""
    with unsupported():
        device = single_device(context)
        return TimedStep(job_of(context, task), device).operation()


def make(context: Context, task: Task[Any, Any]) -> None:
    """What a training takes and is kept, made now or before."""
    with unsupported():
        TimedStep(job_of(context, task), "cpu", count=1).make()


def make_step(context: Context, task: Task[Any, Any]) -> None:
    """What a step takes and is kept, made now or before."""
    with unsupported():
        TimedStep(job_of(context, task), "cpu").make()


def job_of(context: Context, task: Task[Any, Any]) -> Job:
    """What a case trains."""
    data = data_of(context, task)
    size = task.sizes[context.case.model]
    return Job(task, size, recipe_of(context, task, data), data)


def recipe_of(context: Context, task: Task[Any, Any], data: Any) -> Recipe:
    """How a case trains; fp16 needs the loss scaling that only CUDA has."""
    case = context.case
    if case.compression == "fp16" and not context.hardware.is_cuda:
        raise UnsupportedError("fp16 trains on CUDA only; on a CPU use bf16")
    return replace(
        task.timed_recipe(task.sizes[case.model], data, context.profile.name),
        batch_size=case.batch_size,
        precision=cast(Precision, case.compression),
        seed=context.seed,
    )


class TimedStep:
    """Optimizer steps of a training, from random weights, on batches of the lengths
    that an epoch has. The model exists from the first step on: before, it would be part
    of another training's own memory."""

    def __init__(self, job: Job, device: str, count: int = BATCHES) -> None:
        self.job, self.device = job, torch.device(device)
        size = job.recipe.batch_size
        self.positions = job.task.typical_batches(job.data, size, count)

    @cached_property
    def _ready(self) -> tuple[Learner, Iterator[Any]]:
        learner = learner_of(self.job, self.device)
        batches = [learner.objective.batch(one) for one in self.positions]
        return learner, cycle(batches)

    def __call__(self) -> None:
        learner, batches = self._ready
        batch = next(batches)
        learner.update(batch, len(batch))

    def operation(self) -> Operation:
        """A step is an optimizer step on one batch."""
        task, data, count = self.job.task, self.job.data, len(self.positions)
        places = [place for batch in self.positions for place in batch]
        items, audio_s, macs = task.work_of(self.job.size, data, places)
        parameters = parameters_of(self._ready[0].model)
        per_step = (items / count, audio_s / count, parameters, macs / count)
        return Operation(
            step=self,
            cycle=count,
            work=Work(*per_step, 4 * parameters),
            accuracy=lambda: NO_ACCURACY,
            details=data_details(data) | dict(task.batch_facts(data, self.positions)),
            values=self.values,
        )

    @cached_property
    def _weights(self) -> Weights:
        """Those at which gradients are compared: none are those of a seed."""
        task = self.job.task
        if not task.proves_trained_gradients:
            return Weights(None, reason="random")
        return weights_of(task, self.job.size, FP32, self.job.data.checksum)

    def make(self) -> None:
        """The gradients that its values are compared with."""
        if self._weights.path or not self.job.task.proves_trained_gradients:
            plain_gradients(self.job, self.positions[0], self._weights)

    @values.unproven_without_plain
    def values(self) -> Values:
        """Of a first step's loss and gradients, at the weights that it begins with, or
        at trained ones where the task says so."""
        job, task, positions = self.job, self.job.task, self.positions[0]
        weights = self._weights
        if task.proves_trained_gradients and weights.path is None:
            reason = "at random weights rounding alone moves these gradients; "
            return Values(None, reason=f"{reason}{weights.reason}")
        learner = learner_of(job, self.device, weights.path)
        batch = learner.objective.batch(positions)
        found = first_gradients(learner, batch)
        expected = plain_gradients(job, positions, weights)
        largest = max(
            float(np.linalg.norm(one)) for name, one in expected.items() if name != LOSS
        )
        errors = {
            name: gradient_error(found[name], gradient, largest)
            for name, gradient in expected.items()
        }
        usual = GRADIENT_LIMITS[job.recipe.precision]
        limit = max(usual, task.most_gradient_error)
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

    def __init__(self, job: Job, devices: Sequence[str], folder: Path) -> None:
        saved = folder / NAME
        # Ranks cannot ask this process for its clock: several devices start anew.
        resumes = saved.exists() and len(devices) == 1
        start = saved if resumes else None
        self.job = replace(job, checkpoint_dir=folder, resume_from=start)
        self.devices = devices
        curve = read_curve(saved) if resumes else ()
        self.scores: Scores | None = curve[-1].scores if curve else None

    def events(self, notes: Callable[[], dict[str, Any]]) -> Iterator[Event]:
        if len(self.devices) > 1:
            stream = train_data_parallel(self.job, self.devices)
        else:
            stream = train(self.job, self.devices[0], notes)
        for event in stream:
            self.scores = event.scores or self.scores
            yield event

    def accuracy(self) -> Accuracy:
        if self.scores is None:
            return Accuracy({}, "no epoch was whole")
        return judging.judged(self.scores, self.job.task.measures)
