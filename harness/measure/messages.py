"""What a worker tells its parent while it works, and how it ends.

A message is a JSON object a line, whose "kind" says which one it is. Workers of other
commits send them too: kinds and fields keep their names, and a field that comes later
has a default.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from harness.measure.jobs import PipeError, checked
from harness.suite import LoadedCode


@dataclass(frozen=True)
class StageMessage:
    """A stage begins; the worker waits for an answer: the sensors have been read."""

    name: str
    kind: Literal["stage"] = "stage"


@dataclass(frozen=True)
class SegmentMessage:
    """So many samples were timed since the last message; the worker waits to learn
    whether something disturbed them."""

    samples: int
    kind: Literal["segment"] = "segment"


@dataclass(frozen=True)
class TurnMessage:
    """A turn ended, with these samples; the worker waits for what to do next."""

    samples_s: list[float]
    kind: Literal["turn"] = "turn"


@dataclass(frozen=True)
class WindowMessage:
    """One of several workers ran: when each sample began, on the clock of all, and how
    long it took, all in seconds; `untimed_steps` went before them. `cycle` steps go
    once through all inputs, which takes `cycle_s`. It waits for the next window, or to
    learn that there is none.
    """

    begins_s: list[float]
    samples_s: list[float]
    cycle: int
    cycle_s: float
    untimed_steps: int = 0
    kind: Literal["window"] = "window"


@dataclass(frozen=True)
class ReadyMessage:
    """What was asked for is made, and the worker waits for what to make next."""

    kind: Literal["ready"] = "ready"


@dataclass(frozen=True)
class ProgressMessage:
    """So much of something is done."""

    what: str
    done: int
    total: int
    kind: Literal["progress"] = "progress"


@dataclass(frozen=True)
class WarningMessage:
    """The work itself warns, of a damaged cache, say."""

    text: str
    kind: Literal["warning"] = "warning"


@dataclass(frozen=True)
class ResultMessage:
    """The job is done. `value` is the result in plain values: who gave the job knows
    its type. Suites of before digests tell no code."""

    value: Any
    code: LoadedCode | None = None
    kind: Literal["result"] = "result"


@dataclass(frozen=True)
class SkipMessage:
    """The case cannot run here."""

    reason: str
    kind: Literal["skipped"] = "skipped"


@dataclass(frozen=True)
class FailureMessage:
    """The job broke; `text` is the traceback."""

    reason: str
    text: str = ""
    kind: Literal["failed"] = "failed"


Message = (
    StageMessage
    | SegmentMessage
    | TurnMessage
    | WindowMessage
    | ReadyMessage
    | ProgressMessage
    | WarningMessage
    | ResultMessage
    | SkipMessage
    | FailureMessage
)


@cache
def _adapter() -> TypeAdapter[Message]:
    return TypeAdapter(Annotated[Message, Field(discriminator="kind")])


def message_of(line: str | bytes) -> Message:
    """The message of a line; PipeError where it is none."""
    message: Message = checked(_adapter(), json_of(line), "message")
    return message


def json_of(line: str | bytes) -> Any:
    """The plain values of a line; PipeError for what is no JSON."""
    try:
        return json.loads(line)
    except ValueError as error:
        raise PipeError(f"no JSON ({error}): {line!r:.80}") from None
