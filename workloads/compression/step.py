"""A compression as a tuple of steps, each of which knows all that is said of it.

How a step is applied is its kind, and a runtime says which kinds it takes:

- `ModuleStep`: to the torch module, before any runtime gets it;
- `PrecisionStep`: by the runtime, which computes its float layers in a precision;
- `FileStep`: to an ONNX file;
- `ExportStep`: to a module that torch exports, for torch.compile.

Loads no torch: plans are made of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar, cast

import numpy as np

from workloads.compression.graph import KEPT
from workloads.compression.skipped import SkippedLayer

if TYPE_CHECKING:
    from torch import Tensor, nn

Need = Literal["calibration", "gradients", "training"]


class Step(ABC):
    """One thing that is done to weights or to arithmetic: a frozen dataclass.

    `base` begins its names; `summary` says in a line what it does. `claims` is the
    arithmetic that kernels have to show, `float_precision` that of layers that stay in
    float, and `rounds_to` the coarsest numbers in it, by which outputs are judged.
    `may_follow`: a step that changes the module may stand before it.
    """

    base: ClassVar[str]
    summary: ClassVar[str]
    claims: ClassVar[str] = "fp32"
    float_precision: ClassVar[str] = "fp32"
    rounds_to: ClassVar[str] = "fp32"
    may_follow: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """What `parse` reads."""
        return self.base

    @property
    def needs(self) -> frozenset[Need]:
        """Data to calibrate with, or to take gradients of; training after it, or for
        it, where it costs accuracy."""
        return frozenset()

    @classmethod
    def variants(cls) -> Sequence[Step]:
        """All that there are, where they can be listed."""
        return (cls(),)

    @classmethod
    def parse(cls, part: str) -> Step | None:
        """The step of this kind that has the name; None where there is none."""
        return next((one for one in cls.variants() if one.name == part), None)

    @classmethod
    def help(cls) -> str:
        """The names that `parse` takes, as an error lists them."""
        return ", ".join(one.name for one in cls.variants())


class CompressedTask(Protocol):
    """What a step asks of the task whose model it changes."""

    def channel_groups(self, model: nn.Module) -> Sequence[Any]: ...
    def gradient_loss(self, model: nn.Module, item: Any) -> Tensor: ...


class ModuleStep(Step):
    """A step that changes weights, or the layers that hold them.

    `leaves_zeros`: single weights of what it makes are zero, and still there.
    """

    @property
    def leaves_zeros(self) -> bool:
        return False

    @abstractmethod
    def applied(
        self, task: CompressedTask, model: nn.Module, sample: Sequence[Any]
    ) -> nn.Module:
        """A copy without any training; `sample` holds training items where it needs
        gradients."""

    def structure(self, model: nn.Module) -> nn.Module:
        """The modules that weights fit which were trained after it."""
        return model

    def ready(self, task: CompressedTask, model: nn.Module) -> nn.Module:
        """As it is run, from what was applied or trained."""
        return model.eval()

    @abstractmethod
    def skipped(
        self, task: CompressedTask, model: nn.Module
    ) -> tuple[SkippedLayer, ...]:
        """The layers with weights that it does not change."""

    def check_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Raise ValueError where those of a file's layers, each of one axis, cannot be
        of it."""


class PrecisionStep(Step):
    """A step that a runtime does: it computes in `float_precision`."""

    may_follow = True


@dataclass(frozen=True)
class Quantization(Step):
    """A step to integers. `keep` says which compute layers stay in float: "first" is
    the first one, "edges" the first two and the last two."""

    keep: str = "none"
    may_keep: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.keep not in (KEPT if self.may_keep else ("none",)):
            raise ValueError(f"no step is called {self.name!r}: give {self.help()}")

    @property
    def name(self) -> str:
        return self.base if self.keep == "none" else f"{self.base}-keep-{self.keep}"

    @property
    def float_layers(self) -> int:
        """How many layers are kept in float."""
        return sum(KEPT[self.keep])

    @classmethod
    def variants(cls) -> Sequence[Step]:
        return [cls(keep) for keep in (KEPT if cls.may_keep else ("none",))]


@dataclass(frozen=True)
class PreparedFile:
    """An ONNX file with shapes and names: nodes that stay in float are `excluded`,
    `calibrating` holds ONNX Runtime's arguments where calibration is needed."""

    path: Path
    excluded: Sequence[str]
    calibrating: Mapping[str, Any]


class FileStep(Quantization):
    """Of an ONNX file.

    `opset` is the file's, where it needs another; `reasons` says by operator why layers
    are left in float.
    """

    opset: ClassVar[int | None] = None
    reasons: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def write(self, file: PreparedFile, out: Path) -> None:
        """Write the quantized file."""


class ExportStep(Quantization):
    """Of a module that torch exports."""

    @abstractmethod
    def exported(
        self, module: nn.Module, example: Tensor, calibration: Sequence[np.ndarray]
    ) -> nn.Module:
        """A quantized copy of any batch and length, to be compiled; `example`
        (B, T, F) is what it is traced with, `calibration` holds utterances (T, F)."""


class CompressionError(ValueError):
    """A compression cannot be done to a model's weights, or training after it cannot
    help, or failed; the text says why."""


class FineTuner(Protocol):
    """What trains a model on for a step."""

    def converged(self, model: nn.Module, rate_factor: float = 1.0) -> Any:
        """Train in place at that share of the recipe's learning rate."""

    def in_rounds(
        self, model: nn.Module, choose: Callable[..., Any], by_gradients: bool
    ) -> Any:
        """Prune a copy ever more and train it in between; `choose(task, model, sample)`
        says what."""


class TrainedStep(Step):
    """A step after which, or for which, weights are trained."""

    @property
    def needs(self) -> frozenset[Need]:
        return super().needs | {"training"}

    @abstractmethod
    def fine_tuned(self, tuner: FineTuner, model: nn.Module) -> Any:
        """A copy of a trained model, trained on, as the tuner gives it."""


S = TypeVar("S", bound=Step)


@dataclass(frozen=True)
class Compression:
    """What is done to a model in fp32, in this order."""

    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        for before, step in pairwise(self.steps):
            if not (isinstance(before, ModuleStep) and step.may_follow):
                raise ValueError(f"{step.name} cannot follow {before.name}")

    def step_of(self, kind: Callable[..., S]) -> S | None:
        """The one of a kind, which is its own class or how it is applied."""
        # mypy takes no abstract class for type[S]
        wanted = cast(type[S], kind)
        return next((step for step in self.steps if isinstance(step, wanted)), None)

    @property
    def name(self) -> str:
        return "+".join(step.name for step in self.steps) or "fp32"

    @property
    def weights_name(self) -> str:
        """What is done to the module: "" for nothing."""
        step = self.step_of(ModuleStep)
        return step.name if step else ""

    @property
    def trained_name(self) -> str:
        """What training can mend or prepare: "" where the weights are those of fp32."""
        step = self.step_of(TrainedStep)
        return step.name if step else ""

    @property
    def _last(self) -> type[Step]:
        return type(self.steps[-1]) if self.steps else Step

    @property
    def float_precision(self) -> str:
        return self._last.float_precision

    @property
    def claims(self) -> str:
        return self._last.claims

    @property
    def rounds_to(self) -> str:
        return self._last.rounds_to

    @property
    def needs(self) -> frozenset[Need]:
        return frozenset().union(*(step.needs for step in self.steps))


FP32 = Compression()
