"""What a workload states of a model at work, once.

A task is a value without state of its own, of a class at the top level of its module,
so that other processes can be given it.

Axes: `B` items of a batch, `T` frames (samples, where the input is a waveform), `F`
features of a frame. Needs no torch: not every process that times a model loads it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np

from basics.metric_kinds import MetricKind
from workloads.corpora.progress import Progress, no_progress
from workloads.metrics.scores import Scores

if TYPE_CHECKING:
    from torch import device as Device
    from torch import nn

    from workloads.compression.step import Compression
    from workloads.training.objective import Objective, Rank
    from workloads.training.recipe import Recipe

Run = Callable[[np.ndarray], np.ndarray]  # a batch (B, T, F) to the model's output


class NotHereError(Exception):
    """A case cannot be run as it was asked for; the text says why, and what to do."""


class Size(Protocol):
    """A size of an architecture."""

    @property
    def name(self) -> str: ...


class Dataset(Protocol):
    """What a model is trained and judged on.

    `facts` are what a comparison must know beside name and checksum. `is_whole` is
    False where the user's corpus has no part to train on, so that no weights can be its
    own.
    """

    @property
    def name(self) -> str: ...
    @property
    def checksum(self) -> str: ...
    @property
    def is_whole(self) -> bool: ...
    @property
    def facts(self) -> Mapping[str, float | str]: ...


@dataclass(frozen=True)
class DataRequest:
    """Which data are wanted: those of the `profile`, with `train_s` seconds to train
    on where these are given, or the user's in `root`, which is refused where it has
    another sample rate unless it `may_resample`. `options` are the case's own."""

    profile: str
    root: Path | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = no_progress
    train_s: float | None = None
    may_resample: bool = True


@dataclass(frozen=True, eq=False)
class Input:
    """A batch (B, T, F), zero where padded; the true T of each item, and how many
    seconds of sound all of them are."""

    features: np.ndarray
    lengths: tuple[int, ...]
    audio_s: float


@dataclass(frozen=True)
class Gate:
    """How much worse than the baseline a measure may be: so much, or such a share of
    the baseline's value."""

    allowed: float
    is_share: bool = False

    def of(self, baseline: float) -> float:
        """In the measure's own units.

        >>> Gate(0.05, is_share=True).of(-8.0)
        0.4
        """
        return self.allowed * abs(baseline) if self.is_share else self.allowed


def parameters_of(model: nn.Module) -> int:
    """Pruned weights that are still there count."""
    return sum(one.numel() for one in model.parameters())


S = TypeVar("S", bound=Size)
D = TypeVar("D", bound=Dataset)


class Task(ABC, Generic[S, D]):
    """`name` is that of its folder in `workloads`, which holds its shipped weights.

    `measures` are the kinds of all that `score` counts, `gates` by their names.
    `data_options` names the options of a case that choose its data. `evaluation_batch`
    is the batch size in which accuracy is taken, where it is not the case's.
    `pruned_needs_training`: a pruned or factorized model has an accuracy only with
    weights that were trained after it. `onnx_names` are those of input and output in
    its ONNX files. `gives_frames`: False where an item's output is one row of numbers
    (B, K), which is compared over items. `proves_trained_gradients`: rounding moves
    gradients at random weights so far that only those at trained ones can be compared.
    `most_gradient_error` is what rounding alone explains, where that is more than the
    precision's own limit.
    """

    name: ClassVar[str]
    sizes: Mapping[str, S]
    measures: ClassVar[tuple[MetricKind, ...]] = ()
    gates: ClassVar[Mapping[str, Gate]] = {}
    data_options: ClassVar[frozenset[str]] = frozenset()
    evaluation_batch: ClassVar[int | None] = None
    pruned_needs_training: ClassVar[bool] = True
    stored_in_half: ClassVar[bool] = True
    onnx_names: ClassVar[tuple[str, str]] = ("features", "output")
    gives_frames: ClassVar[bool] = True
    proves_trained_gradients: ClassVar[bool] = False
    most_gradient_error: ClassVar[float] = 0.0

    @abstractmethod
    def dataset(self, size: S, request: DataRequest) -> D:
        """Raises `faults.AbsentError` where the user's folder holds none of the kind,
        NotHereError where the profile needs one and none is given."""

    @abstractmethod
    def model(self, size: S) -> nn.Module:
        """With random weights, in training mode."""

    def deployed(self, model: nn.Module) -> nn.Module:
        """The model as runtimes take it: one input (B, T, F), one output."""
        return model

    @abstractmethod
    def example(self, size: S) -> tuple[int, int]:
        """T and F of what a deployed model is traced with: T is that of the shortest
        input that it has to take."""

    @abstractmethod
    def inputs(
        self, size: S, data: D, batch_size: int, options: Mapping[str, str]
    ) -> list[Input]:
        """Held-out data, in an order of which any stretch is like the whole."""

    @abstractmethod
    def score(self, run: Run, data: D, batch_size: int) -> Scores:
        """The measures of a deployed model over all held-out data. Raises ValueError
        where there are none."""

    @abstractmethod
    def macs(self, size: S, frames: int, counted: Mapping[str, Any]) -> float:
        """Multiply-accumulates for one item of so many frames; `counted` is what
        `count` found."""

    def count(self, size: S, model: nn.Module) -> dict[str, int | float | str]:
        """What a model in evaluation mode holds and does, after its compression."""
        return {"parameters": parameters_of(model)}

    def calibration(self, data: D) -> Sequence[np.ndarray]:
        """Inputs (T, F) of the training part."""
        raise NotHereError(f"{self.name} has no inputs to calibrate with")

    def constants(self, data: D) -> Mapping[str, np.ndarray]:
        """What is saved beside the weights, such as the mean of the features."""
        return {}

    def with_constants(self, data: D, constants: Mapping[str, np.ndarray]) -> D:
        """The data as weights take them that were trained with these."""
        return data

    def arithmetic(self, size: S) -> str:
        """What tells a size's weights from those of the same shapes that its models
        once had, when they computed otherwise."""
        return ""

    def only_shape(
        self, size: S, batch_size: int, options: Mapping[str, str]
    ) -> tuple[int, int, int] | None:
        """(B, T, F) of all timed inputs where a service would know it beforehand."""
        return None

    def is_recurrent(self, size: S) -> bool:
        """Whether its model has LSTMs."""
        return False

    def why_not(
        self,
        size: S,
        compression: Compression,
        runtime: str,
        device: str,
        options: Mapping[str, str],
    ) -> str | None:
        """What keeps these models from a case that others can have."""
        return None

    def front_layers(self, size: S) -> int:
        """How many layers of its ONNX file, the first ones, make features of waveforms
        and stay in float whatever a compression keeps."""
        return 0

    def float_layers(self, compression: Compression, runtime: str) -> int:
        """How many layers the runtime has no kernels for, beside those that the
        compression keeps in float."""
        return 0

    def adapted(
        self, model: nn.Module, options: Mapping[str, str]
    ) -> tuple[nn.Module, Mapping[str, float | str]]:
        """The model of the case's own `options`, and what was done to it."""
        return model, {}

    def channel_groups(self, model: nn.Module) -> Sequence[Any]:
        """Which channels go together where whole ones are pruned."""
        raise NotHereError(f"{self.name} has no pruning of whole channels")

    def gradient_sample(self, data: D, count: int) -> Sequence[Any]:
        """At most `count` training items."""
        raise NotHereError(f"{self.name} has no pruning by gradients")

    def gradient_loss(self, model: nn.Module, item: Any) -> Any:
        """Of one such item: a tensor without axes."""
        raise NotHereError(f"{self.name} has no pruning by gradients")

    def train_s(self, size: S) -> float | None:
        """Seconds of built-in data to train on, where the profile `quick` has too
        few."""
        return None

    def recipe(
        self, size: S, data: D, compression: Compression | None = None
    ) -> Recipe:
        """How its weights are trained, or trained again after a compression."""
        raise NotHereError(f"{self.name} has no training")

    def timed_recipe(self, size: S, data: D, profile: str) -> Recipe:
        """How a case that is clocked trains."""
        raise NotHereError(f"{self.name} has no training")

    def objective(
        self, size: S, recipe: Recipe, data: D, device: Device, rank: Rank
    ) -> Objective:
        raise NotHereError(f"{self.name} has no training")

    def work_of(
        self, size: S, data: D, places: Sequence[int] | None = None
    ) -> tuple[int, float, float]:
        """Training items (all, or those at `places`), seconds of sound in them, and
        multiply-accumulates of learning from them, forward and backward."""
        raise NotHereError(f"{self.name} has no training")

    def batch_facts(
        self, data: D, batches: Sequence[Sequence[int]]
    ) -> Mapping[str, float | str]:
        """What a comparison must know of batches of training positions."""
        return {}

    def epoch_facts(self, data: D, recipe: Recipe) -> Mapping[str, float | str]:
        """The same of an epoch's batches."""
        return {}

    def typical_batches(self, data: D, batch_size: int, count: int) -> list[Any]:
        """Positions of at most `count` batches of the training part, evenly over the
        lengths that an epoch has."""
        raise NotHereError(f"{self.name} has no training")
