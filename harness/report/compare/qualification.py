"""What a buyer's limits leave of a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Qualification:
    """What a buyer's limits leave. By label: how many `cases` were measured, how many
    of them `qualified` (the same work everywhere, within their gate and the limits),
    and the first `reasons` of those that did not; `without` are the ids of the works
    that qualify on no candidate."""

    limits: Mapping[str, float]  # at most: "wer": 0.25, "p99_ms": 50
    at_least: Mapping[str, float]
    qualified: Mapping[str, int]
    cases: Mapping[str, int]
    reasons: Mapping[str, tuple[str, ...]]
    without: tuple[str, ...]

    @property
    def contenders(self) -> tuple[str, ...]:
        """Those of which any case qualifies: nobody else may be ranked."""
        return tuple(label for label, count in self.qualified.items() if count)
