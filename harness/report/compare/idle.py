"""Who is compared with nobody."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class IdleCandidate:
    """A candidate of which no case was measured: it is compared with nobody."""

    machine: str
    label: str
    cases: int
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.label} is left out: none of its {self.cases} cases was measured "
            f"({self.reason})"
        )
