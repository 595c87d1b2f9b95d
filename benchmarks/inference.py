"""The one way to time a task's model: compressed, on a runtime, with its accuracy.

Imported inside worker processes alone. torch is loaded by its own runtimes alone: the
peak memory of another is to be its own.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from itertools import cycle
from typing import Any

import numpy as np

from benchmarks import judging, values
from benchmarks.own_tools import own_tool
from harness.observe.kernels import Entry, Profiled
from harness.workload import (
    Accuracy,
    Context,
    Operation,
    UnsupportedError,
    Values,
    Work,
)
from workloads.baseline import RUNTIME, baseline_scores
from workloads.compressed import CompressedModel
from workloads.compression.known import parse
from workloads.compression.step import FP32, ModuleStep
from workloads.corpora.faults import AbsentError
from workloads.elsewhere import ElsewhereError
from workloads.runtimes.known import runtime_named, why_not
from workloads.runtimes.runtime import Opening, OpenModel, Place
from workloads.runtimes.session import (
    OperatorMissingError,
    PrecisionMissingError,
    Session,
)
from workloads.task import DataRequest, Input, NotHereError, Task
from workloads.training import weights
from workloads.training.weights import Weights, weights_of

FORWARD = ("convolution", "deconvolution", "rnn")  # primitives that have a direction

_log = logging.getLogger("speechmark")


def inference(context: Context, task: Task[Any, Any]) -> Operation:
    """The forward pass of a case's model, input after input."""
    with unsupported():
        return TimedModel(context, task).operation()


@contextmanager
def unsupported() -> Iterator[None]:
    """What a task, a runtime or a user's folder has not is a reason to skip a case."""
    try:
        yield
    except AbsentError as reason:
        raise UnsupportedError(f"--data-root: {reason}") from reason
    except (NotHereError, OperatorMissingError, PrecisionMissingError) as reason:
        raise UnsupportedError(str(reason)) from reason


def request_of(context: Context) -> DataRequest:
    """Which data a case asks for."""
    options = dict(context.case.options)
    profile = context.profile.name
    return DataRequest(profile, context.data_root, options, context.progress)


def data_of(context: Context, task: Task[Any, Any]) -> Any:
    """The task's data as the case asks for them."""
    return task.dataset(task.sizes[context.case.model], request_of(context))


def data_details(data: Any, weights: Weights | None = None) -> dict[str, float | str]:
    """What a comparison must know of data and weights."""
    sha256 = weights.sha256 if weights else None
    return {
        "corpus": data.name,
        "corpus_checksum": data.checksum,
        **({"weights_sha256": sha256} if sha256 else {}),
        **data.facts,
    }


def single_device(context: Context) -> str:
    """The device, as torch names it, of a case that cannot be spread over several."""
    devices = context.hardware.devices
    if len(devices) > 1:
        raise UnsupportedError(
            f"{context.case.workload} runs on one device, not on "
            f"{context.hardware.text}: use --hardware={devices[0]}"
        )
    return devices[0]


def make(context: Context, task: Task[Any, Any]) -> None:
    """What timing and judging a case's model take and is kept, made now or before."""
    with unsupported():
        CaseModel(context, task).make()


class CaseModel:
    """The model of a case, beside the data that it is judged on.

    `runtime` is the case's, unless another one is given.
    """

    def __init__(
        self, context: Context, task: Task[Any, Any], runtime: str | None = None
    ) -> None:
        self.case, self.task = context.case, task
        if runtime is not None:
            self.case = replace(self.case, runtime=runtime, options=())
        self.options = dict(self.case.options)
        self.size = task.sizes[self.case.model]
        self.compression = parse(self.case.compression)
        self.place = Place(
            single_device(context), context.hardware.isa, len(os.sched_getaffinity(0))
        )
        hindered = why_not(
            task=task,
            size=self.size,
            compression=self.compression,
            runtime=self.case.runtime,
            place=self.place,
            options=self.options,
        )
        engine = runtime_named(self.case.runtime)
        if reason := hindered or engine.why_not_installed():
            raise UnsupportedError(reason)
        context.progress("data", 0, 2)
        data = data_of(context, task)
        context.progress("model", 1, 2)
        self.weights = weights_of(task, self.size, self.compression, data.checksum)
        self.data = weights.data_for(task, self.size, data, self.weights.path)
        self._warn_of_weights(context)
        self.model = CompressedModel(
            task, self.size, self.compression, self.weights, self.data
        )
        self._check_changed()

    def _warn_of_weights(self, context: Context) -> None:
        """Of what is missing, and of weights that never saw the user's corpus."""
        if self.weights.reason is not None:
            _log.warning("no accuracy: %s", self.weights.reason)
            return
        if context.data_root is None or not self.data.is_whole:
            return
        assert self.weights.path is not None
        facts = weights.load_facts(self.task, self.size, self.weights.path)
        if facts.get("corpus_checksum") == self.data.checksum:
            return
        fitted = self.compression.trained_name if self.weights.is_fitted else ""
        _log.warning(
            "these weights were trained on other speech than %s, built-in synthesised "
            "one where they came with the project: its errors say little of the model; "
            "`%s --data-root DIR` trains on it, and is then loaded here",
            *(self.data.name, weights.command_for(self.size, fitted)),
        )

    def _check_changed(self) -> None:
        changes_layers = self.compression.step_of(ModuleStep) is not None
        if changes_layers and not self.model.file.facts["layers_changed"]:
            raise UnsupportedError(
                f"{self.compression.name} changes no layer of {self.size.name}: "
                f"{self.model.file.facts['layers_left']}"
            )

    @cached_property
    def inputs(self) -> list[Input]:
        """What is timed."""
        batch_size = self.case.batch_size
        return self.task.inputs(self.size, self.data, batch_size, self.options)

    def make_readable(self) -> None:
        """The file that the runtime reads."""
        runtime_named(self.case.runtime).reads(self.model)

    def make(self) -> None:
        """The file that the runtime reads, the outputs that its values are compared
        with, and the scores of its baseline."""
        self.make_readable()
        features = [one.features for one in self.inputs]
        self.model.plain_outputs(values.compared(features, self.task.gives_frames))
        if self.weights.reason is None:
            self.baseline()

    @property
    def accuracy_from(self) -> dict[str, str]:
        """The weights of this model and of its baseline, and the data."""
        plain = weights_of(self.task, self.size, FP32, self.data.checksum)
        return {
            **self.model.file.key,
            "baseline": plain.digest,
            "corpus": self.data.checksum,
            "data": json.dumps(dict(self.data.facts), sort_keys=True),
        }

    @property
    def evaluation_batch(self) -> int:
        return self.task.evaluation_batch or self.case.batch_size

    def baseline(self) -> Any:
        """The scores to hold these against; None, with a warning where there ought to
        be some."""
        if self.compression == FP32:
            return None
        plain = weights_of(self.task, self.size, FP32, self.data.checksum)
        if plain.path is None:
            _log.warning("no gate, for want of a baseline in fp32: %s", plain.reason)
            return None
        assert self.weights.path is not None
        if not weights.of_one_corpus(self.weights.path, plain.path, self.data.checksum):
            _log.warning(
                "no gate: of %s and %s, its baseline, one alone was trained on this "
                "corpus; train the other on it too",
                *(self.weights.path, plain.path),
            )
            return None
        data = weights.data_for(self.task, self.size, self.data, plain.path)
        try:
            return baseline_scores(
                self.task, self.size, plain, data, self.evaluation_batch
            )
        except (ElsewhereError, OSError) as error:
            _log.warning("no gate: the baseline could not be scored: %s", error)
            return None

    @property
    def baseline_case(self) -> str:
        """The id of the case of the same data, uncompressed, by torch as it is."""
        kept = tuple(o for o in self.case.options if o[0] in self.task.data_options)
        plain = replace(self.case, compression=FP32.name, runtime=RUNTIME, options=kept)
        return plain.id


class TimedModel(CaseModel):
    """It on its runtime."""

    def __init__(
        self, context: Context, task: Task[Any, Any], runtime: str | None = None
    ) -> None:
        super().__init__(context, task, runtime)
        self.open = self._opened()
        context.progress("model", 2, 2)

    def _opened(self) -> OpenModel:
        shape = self.task.only_shape(self.size, self.case.batch_size, self.options)
        engine = runtime_named(self.case.runtime)
        opening = Opening(self.place, self.options, shape)
        found = engine.open(self.model, opening)
        more = self.task.float_layers(self.compression, engine.name)
        return replace(found, float_layers=found.float_layers + more)

    def run(self, features: np.ndarray) -> np.ndarray:
        """The model's output for a batch (B, T, F)."""
        session = self.open.session
        return session.output(session.prepare(features))

    def operation(self) -> Operation:
        """A step is a forward pass of one input."""
        session = self.open.session
        features = [one.features for one in self.inputs]
        prepared = [session.prepare(one) for one in features]
        session.run(prepared[0])
        turn, run = cycle(prepared), session.run

        def step() -> None:
            run(next(turn))

        profile = profile_of(session, prepared[0])
        return Operation(
            step=step,
            cycle=len(prepared) if len({one.shape for one in features}) > 1 else 1,
            work=self.work,
            accuracy=self.accuracy,
            details=self.details,
            profile=profile,
            float_layers=self.open.float_layers,
            tool=lambda: own_tool(session, features),
            values=lambda: self.values(profile),
            accuracy_from=self.accuracy_from,
        )

    @property
    def work(self) -> Work:
        """Of a step, in the mean over inputs."""
        counted, count = self.model.file.facts, len(self.inputs)
        lengths = [length for one in self.inputs for length in one.lengths]
        macs = sum(self.task.macs(self.size, length, counted) for length in lengths)
        return Work(
            items=len(lengths) / count,
            audio_s=sum(one.audio_s for one in self.inputs) / count,
            parameters=int(counted["parameters"]),
            macs=macs / count,
            model_bytes=self.open.model_bytes,
        )

    @property
    def details(self) -> dict[str, float | str]:
        """What a comparison must know of data, weights, compression and padding."""
        counted = self.model.file.facts
        return {
            **data_details(self.data, self.weights),
            **self.open.facts,
            **{k: v for k, v in counted.items() if k not in ("parameters", "macs")},
            "padding_percent": input_padding_percent(self.inputs),
        }

    def values(self, profile: values.Profiling | None) -> Values:
        """Of the model as it is timed, beside the same module on a plain path: pruned
        or factorized, in fp32."""
        features = [one.features for one in self.inputs]
        plain = self.model.plain_outputs
        return values.of_session(
            *(self.open.session, features, plain, self.compression, profile),
            gives_frames=self.task.gives_frames,
        )

    def accuracy(self) -> Accuracy:
        """Of the model as it is timed, against the uncompressed one in fp32."""
        if self.weights.reason is not None:
            return Accuracy({}, self.weights.reason)
        scores = self.task.score(self.run, self.data, self.evaluation_batch)
        beside = (self.baseline(), self.baseline_case, self.task.gates)
        return judging.judged(scores, self.task.measures, *beside)


def input_padding_percent(inputs: list[Input]) -> float:
    """Share of the frames that hold no sound."""
    padded = sum(one.features.shape[0] * one.features.shape[1] for one in inputs)
    return 100.0 * (1.0 - sum(sum(one.lengths) for one in inputs) / padded)


def profile_of(
    session: Session[Any], prepared: Any
) -> Callable[[int], Profiled] | None:
    """Of a runtime that does not log through torch's oneDNN."""
    source = session.profile_source
    if source is None:
        return None

    def profiled(steps: int) -> Profiled:
        calls, wall_s = session.profile(prepared, steps)
        entries = [
            Entry(
                call.primitive,
                "forward" if call.primitive in FORWARD else "none",
                call.implementation,
                call.dtypes,
                "",
                call.time_ms,
            )
            for call in calls
        ]
        return Profiled(entries, wall_s, source)

    return profiled
