"""What a runtime says of itself, and a model that it has opened.

Importing this module imports no runtime.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from workloads.compression.step import Compression, Step
from workloads.installed import why_not_installed
from workloads.runtimes.session import Session

if TYPE_CHECKING:
    from workloads.compressed import CompressedModel


@dataclass(frozen=True)
class Place:
    """Where a model shall run: torch's name of the device, the highest instruction set
    that kernels may use (None: the CPU's own), and how many threads."""

    device: str = "cpu"
    isa: str | None = None
    threads: int = 1

    @property
    def is_cuda(self) -> bool:
        return self.device.startswith("cuda")


@dataclass(frozen=True)
class Opening:
    """How a model shall be opened: `options` are those of the case's id; `shape` is
    that of all inputs (B, T, F), None where they differ."""

    place: Place
    options: Mapping[str, str] = field(default_factory=dict)
    shape: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class OpenModel:
    """A model on its runtime. `float_layers` of a step compute in float on purpose,
    whatever its compression claims; `facts` are for the record."""

    session: Session[Any]
    model_bytes: int
    float_layers: int = 0
    facts: Mapping[str, float | str] = field(default_factory=dict)


class Runtime(ABC):
    """`packages` are those that it needs, `options` the names of what a case's id may
    set of it, `takes` the kinds of steps that it runs what was made of."""

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    takes: ClassVar[tuple[type[Step], ...]]
    options: ClassVar[tuple[str, ...]] = ()

    def why_not(
        self, compression: Compression, place: Place, is_recurrent: bool
    ) -> str | None:
        """What keeps it from running a compression there, None for nothing;
        `is_recurrent`: of a model with LSTMs."""
        reasons = (
            self.why_not_after(s, place, is_recurrent) for s in compression.steps
        )
        return self.why_not_on(place) or next(filter(None, reasons), None)

    def why_not_installed(self) -> str | None:
        """Which package is missing here; unlike all else it depends on the machine."""
        return why_not_installed(self.name, {name: name for name in self.packages})

    def why_not_on(self, place: Place) -> str | None:
        """What keeps it from running anything there."""
        return None

    def why_not_after(self, step: Step, place: Place, is_recurrent: bool) -> str | None:
        """What keeps it from running what was made by a step."""
        return None if isinstance(step, self.takes) else self.lack(step, place)

    @abstractmethod
    def lack(self, step: Step, place: Place) -> str:
        """Which kernels it has not, of steps that it does not take, and what to use."""

    def reads(self, model: CompressedModel) -> Path:
        """The kept file that `open` reads, made now or before."""
        return model.file.path

    @abstractmethod
    def open(self, model: CompressedModel, opening: Opening) -> OpenModel:
        """Raises OperatorMissingError or PrecisionMissingError where it lacks an
        operator, or would compute in another precision."""


class FileRuntime(Runtime):
    """A runtime of ONNX files, measured on the CPU alone."""

    def why_not_on(self, place: Place) -> str | None:
        if not place.is_cuda:
            return None
        return (
            f"{self.name} is measured on the CPU; on {place.device} use eager or "
            "compile"
        )

    @abstractmethod
    def session(self, path: Path, precision: str, opening: Opening) -> Session[Any]:
        """Of a file, whose float layers compute in a precision."""

    def reads(self, model: CompressedModel) -> Path:
        return model.onnx().path

    def open(self, model: CompressedModel, opening: Opening) -> OpenModel:
        file, precision = model.onnx(), model.compression.float_precision
        session = self.session(file.path, precision, opening)
        return OpenModel(session, file.bytes, file.float_layers, file.facts)
