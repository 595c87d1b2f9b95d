"""How a worker process ended: what it measured, and what sensors saw of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

from harness.measure.jobs import PipeError, parsed
from harness.measure.results import CaseResult, OperationResult
from harness.measure.steady import WarmUp
from harness.measure.watch import SensorReadings

R = TypeVar("R")


@dataclass(frozen=True)
class Outcome(Generic[R]):
    """One worker process. A failed one has a result where that is what was wrong."""

    kind: Literal["result", "skipped", "failed"]
    result: R | None
    seen: SensorReadings
    reason: str = ""
    warnings: tuple[str, ...] = ()  # of the work itself
    process: int = 0
    code: str = ""  # the digest of the code that the worker ran

    @property
    def done(self) -> R:
        """The result of a worker that was not skipped and did not fail."""
        assert self.result is not None, f"{self.kind}: {self.reason}"
        return self.result


CaseOutcome = Outcome[CaseResult]


def typed(outcome: Outcome[Any], kind: Any) -> Outcome[Any]:
    """With its plain result as what it is to be; failed where it is no such."""
    if outcome.kind != "result":
        return outcome
    try:
        return replace(outcome, result=parsed(kind, outcome.result, "result"))
    except PipeError as error:
        reason = f"the worker sent {error}"
        return replace(outcome, kind="failed", result=None, reason=reason)


def warm_ups(outcomes: Sequence[CaseOutcome]) -> list[WarmUp]:
    """Of the processes that have one: a training has none."""
    results = (one.result for one in outcomes)
    return [one.warm_up for one in results if isinstance(one, OperationResult)]
