"""What a process that goes through the trials of a sweep says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class TryingMessage:
    """The trial of that number begins; it may end its process."""

    index: int
    kind: Literal["trying"] = "trying"


@dataclass(frozen=True)
class TriedMessage:
    """Relative errors of a trial by direction, None for what is no number.

    Of wrong ones: the kernels by direction, and of each way round that was tried the
    directions that it makes right. `reason` is why the runtime does not offer it.
    """

    index: int
    errors: Mapping[str, float | None]
    kernels: Mapping[str, str | None] = field(default_factory=dict)
    ways: Mapping[str, list[str]] = field(default_factory=dict)
    reason: str | None = None
    kind: Literal["tried"] = "tried"


@dataclass(frozen=True)
class Died:
    """The process ended before its last trial."""

    reason: str


@dataclass(frozen=True)
class Late:
    """The process was not done in its time."""

    reason: str


@dataclass(frozen=True)
class Absent:
    """The runtime is not installed."""

    reason: str


Message = TryingMessage | TriedMessage | Died | Late | Absent
