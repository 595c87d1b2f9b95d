"""Following a worker to its end: its stages, what it warns of, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from harness.measure.channel import SPOILED
from harness.measure.jobs import PipeError
from harness.measure.messages import (
    FailureMessage,
    Message,
    ProgressMessage,
    ResultMessage,
    SegmentMessage,
    SkipMessage,
    StageMessage,
    WarningMessage,
)
from harness.measure.outcome import Outcome
from harness.measure.spawn import Worker, how_it_ended
from harness.measure.watch import Watch
from harness.suite import other_code


@dataclass(frozen=True)
class Progressing:
    """Where a case stands, for whoever shows it."""

    stage: str
    what: str = ""
    done: int = 0
    total: int = 0


Listener = Callable[[Progressing], None]


def follow(
    worker: Worker, watch: Watch, listen: Listener, limit_s: float
) -> Outcome[Any]:
    """Read a worker's messages to its end."""
    last: Message | None = None
    warnings: list[str] = []
    try:
        for message in worker.messages(limit_s):
            match message:
                case StageMessage(name=stage):
                    watch.enter(stage)
                    listen(Progressing(stage))
                    worker.go_on()
                case SegmentMessage(samples=samples):
                    spoiled = watch.segment(samples)
                    worker.answer(SPOILED if spoiled else "")
                case ProgressMessage(what=what, done=done, total=total):
                    listen(Progressing(watch.stage, what, done, total))
                case WarningMessage(text=text):
                    warnings.append(text)
                case _:
                    last = message
    except (TimeoutError, PipeError) as error:
        stage = watch.stage
        worker.kill()
        reason = f"stage {stage}: {error}; killed"
        return Outcome("failed", None, watch.close(), reason, tuple(warnings))
    seen = watch.close()
    unsaid: Outcome[Any] = Outcome("failed", None, seen, warnings=tuple(warnings))
    return ended(unsaid, last, worker)


def ended(outcome: Outcome[Any], last: Message | None, worker: Worker) -> Outcome[Any]:
    """How a worker ended that closed its pipe after this message."""
    seen, status = outcome.seen, worker.wait()
    match last:
        case ResultMessage(value=value, code=code):
            assert code is not None, "a worker of this suite says what code it ran"
            if other := other_code(code):
                return replace(outcome, reason=other)
            return replace(outcome, kind="result", result=value, code=code.digest)
        case SkipMessage(reason=reason):
            return replace(outcome, kind="skipped", reason=reason)
        case FailureMessage(reason=reason, text=text):
            return replace(outcome, reason=f"stage {seen.stage}: {reason}\n{text}")
    reason = f"stage {seen.stage}: {how_it_ended(status, seen.last_rss_bytes)}"
    tail = worker.log_tail()
    return replace(outcome, reason=f"{reason}\n{tail}" if tail else reason)
