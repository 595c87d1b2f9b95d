"""What a runtime says of itself, and a model that it has opened.

Importing this module imports no runtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from workloads.runtimes.session import Session

if TYPE_CHECKING:
    from workloads.compressed import CompressedModel
    from workloads.compression.names import Compression


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


class Runtime(Protocol):
    """`packages` are those that it needs, `options` the names of what a case's id may
    set of it."""

    @property
    def name(self) -> str: ...
    @property
    def packages(self) -> tuple[str, ...]: ...
    @property
    def options(self) -> tuple[str, ...]: ...

    def why_not(
        self, compression: Compression, place: Place, is_recurrent: bool
    ) -> str | None:
        """What keeps it from running a compression there, None for nothing;
        `is_recurrent`: of a model with LSTMs."""

    def open(self, model: CompressedModel, opening: Opening) -> OpenModel:
        """Raises OperatorMissingError or PrecisionMissingError where it lacks an
        operator, or would compute in another precision."""
