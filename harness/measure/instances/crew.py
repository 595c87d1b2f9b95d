"""The parent's side of a case of several instances: workers that start together, are
timed while all of them run, and of which none may fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, NoReturn, TypeVar

from harness.measure.follow import Listener, Progressing, ended, follow
from harness.measure.instances.split import Share
from harness.measure.instances.together import together
from harness.measure.instances.windows import (
    CYCLES,
    Drawing,
    NoCycleError,
    window,
)
from harness.measure.jobs import PipeError
from harness.measure.messages import (
    Message,
    ProgressMessage,
    ResultMessage,
    StageMessage,
    WarningMessage,
    WindowMessage,
)
from harness.measure.outcome import CaseOutcome, Outcome, typed
from harness.measure.results import OperationResult
from harness.measure.spawn import Worker
from harness.measure.watch import Watch, unseen
from harness.observe.cgroups import memory_available_bytes
from harness.observe.cpu import peak_private_bytes
from harness.profile import Profile

LEAD_S = 0.02  # what a window takes to be told to all workers, before it begins
SETTLE_S = 0.2
# What another worker may take beyond what the first one took: pages that the kernel or
# a library sets aside when it sees fit.
MEMORY_RESERVE = 1.1
GIB = 2**30
M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Opening:
    """A case of several instances: `start` starts the worker of a share, which may live
    for `limit_s`."""

    shares: tuple[Share, ...]
    start: Callable[[Share], Worker]
    watch: Callable[[int], Watch]  # of a worker's process id
    profile: Profile
    limit_s: float


def run_instances(opening: Opening, listen: Listener) -> CaseOutcome:
    """How they ended, as if they were one: the first that is skipped or fails ends all,
    and the reason has its number."""
    crew = _Crew(opening, listen)
    try:
        return crew.run()
    except _EndedEarlyError as error:
        return error.outcome
    finally:
        crew.close()


class _EndedEarlyError(Exception):
    """The case has ended so."""

    def __init__(self, outcome: CaseOutcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class _UnexpectedError(Exception):
    """A worker said its `last`, or nothing more for the reason in the text."""

    def __init__(self, last: Message | None, text: str = "") -> None:
        super().__init__(text)
        self.last = last


class _Member:
    """One worker, and what it says."""

    def __init__(self, share: Share, worker: Worker, limit_s: float) -> None:
        self.share, self.worker = share, worker
        self.warnings: list[str] = []
        self._messages: Iterator[Message] = worker.messages(limit_s)

    def next(self, wanted: type[M], listen: Callable[[ProgressMessage], None]) -> M:
        """The next message of this kind; _UnexpectedError where the worker ends, or
        says something else, before."""
        last: Message | None = None
        try:
            for message in self._messages:
                if isinstance(message, wanted):
                    return message
                match message:
                    case ProgressMessage():
                        listen(message)
                    case WarningMessage(text=text):
                        self.warnings.append(text)
                    case _:
                        last = message
        except (TimeoutError, PipeError) as error:
            self.worker.kill()
            raise _UnexpectedError(None, f"{error}; killed") from None
        raise _UnexpectedError(last)


class _Crew:
    """All workers of a case, from their start to their end."""

    def __init__(self, opening: Opening, listen: Listener) -> None:
        self._opening, self._tell = opening, listen
        self._members: list[_Member] = []
        self._add(opening.shares[0])
        self._watch = opening.watch(self._first.worker.pid)

    @property
    def _first(self) -> _Member:
        return self._members[0]

    def _add(self, share: Share) -> _Member:
        worker = self._opening.start(share)
        self._members.append(_Member(share, worker, self._opening.limit_s))
        return self._members[-1]

    def close(self) -> None:
        self._watch.close()
        for member in self._members:
            member.worker.close()

    def run(self) -> CaseOutcome:
        self._build()
        self._enter("warmup")
        self._settle()
        self._enter("timed")
        settled = [self._next(member, WindowMessage) for member in self._members]
        drawing = Drawing(self._opening.profile, max(one.cycle_s for one in settled))
        while not drawing.is_done:
            self._draw(drawing)
        return self._end(drawing)

    def _settle(self) -> None:
        """Those that were warm first have waited for the last: once more all run at the
        same time, so that clocks and caches are those of the windows to come."""
        warm = [self._next(member, WindowMessage) for member in self._members]
        self._run_for(max(SETTLE_S, CYCLES * max(one.cycle_s for one in warm)))
        for member in self._members:
            self._next(member, StageMessage)

    def _run_for(self, seconds: float) -> None:
        """From one moment on, all of them."""
        begin_s = perf_counter() + LEAD_S
        for member in self._members:
            member.worker.answer(f"{begin_s!r} {begin_s + seconds!r}")

    def _build(self) -> None:
        """The first alone: what takes long fills caches once, and its memory tells
        whether the others fit."""
        self._next(self._first, StageMessage)
        self._watch.enter("build")
        self._tell(Progressing("build"))
        self._first.worker.go_on()
        self._next(self._first, StageMessage)
        self._check_memory()
        for share in self._opening.shares[1:]:
            self._watch.join(self._add(share).worker.pid)
        for member in self._members[1:]:
            self._next(member, StageMessage)
            member.worker.go_on()
        for member in self._members[1:]:
            self._next(member, StageMessage)

    def _check_memory(self) -> None:
        each = peak_private_bytes(self._first.worker.pid) or 0
        left, more = memory_available_bytes(), len(self._opening.shares) - 1
        if more * each * MEMORY_RESERVE <= left:
            return
        reason = (
            f"{more + 1} instances take {each / GIB:.3g} GiB each, and beside the "
            f"first {left / GIB:.3g} GiB are left of the machine, or of its "
            "container's limit: ask for fewer instances, or use a smaller batch size "
            "or model"
        )
        raise _EndedEarlyError(Outcome("skipped", None, self._watch.close(), reason))

    def _enter(self, stage: str) -> None:
        """All wait at this stage's door; let them in together."""
        self._watch.enter(stage)
        self._tell(Progressing(stage))
        for member in self._members:
            member.worker.go_on()

    def _draw(self, drawing: Drawing) -> None:
        self._run_for(drawing.next_s)
        ran = [self._next(member, WindowMessage) for member in self._members]
        found = window(ran)
        is_spoiled = not found.is_empty and self._watch.segment(len(found.samples_s))
        try:
            drawing.add(found, is_spoiled, max(one.cycle_s for one in ran))
        except NoCycleError as error:
            seen = self._watch.close()
            reason = f"stage {seen.stage}: {error}"
            raise _EndedEarlyError(Outcome("failed", None, seen, reason)) from None

    def _end(self, drawing: Drawing) -> CaseOutcome:
        """The others first, so that the first one's evaluation has no company."""
        self._watch.enter("ending")
        done: list[OperationResult] = []
        for member in self._members[1:]:
            member.worker.answer("")
            said = self._next(member, ResultMessage)
            done.append(self._result(member, self._ended(member, said)).done)
        first = self._first
        first.worker.answer("")
        limit_s = self._opening.limit_s
        outcome = follow(first.worker, self._watch, self._tell, limit_s)
        last = self._result(first, outcome)
        warnings = [w for member in self._members for w in member.warnings]
        return Outcome(
            "result",
            together(drawing, [last.done, *done], self._opening.shares),
            last.seen,
            warnings=(*dict.fromkeys(warnings), *last.warnings),
            code=last.code,
        )

    def _next(self, member: _Member, wanted: type[M]) -> M:
        try:
            return member.next(wanted, self._show)
        except _UnexpectedError as error:
            if str(error):
                reason = f"stage {self._watch.stage}: {error}"
                self._fail(member, replace(self._unsaid(member), reason=reason))
            self._fail(member, self._ended(member, error.last))

    def _show(self, message: ProgressMessage) -> None:
        what, done, total = message.what, message.done, message.total
        self._tell(Progressing(self._watch.stage, what, done, total))

    def _unsaid(self, member: _Member) -> Outcome[Any]:
        """Without what the sensors saw: that is of all."""
        seen = unseen(self._watch.stage)
        return Outcome("failed", None, seen, warnings=tuple(member.warnings))

    def _ended(self, member: _Member, last: Message | None) -> Outcome[Any]:
        return ended(self._unsaid(member), last, member.worker)

    def _result(
        self, member: _Member, outcome: Outcome[Any]
    ) -> Outcome[OperationResult]:
        found = typed(outcome, OperationResult)
        if found.kind != "result":
            self._fail(member, found)
        return found

    def _fail(self, member: _Member, outcome: Outcome[Any]) -> NoReturn:
        """With the number of the one that failed; what cannot run here can in none."""
        reason = outcome.reason
        if outcome.kind == "failed":
            count = len(self._opening.shares)
            reason = f"instance {member.share.number} of {count}: {reason}"
        seen = self._watch.close()
        raise _EndedEarlyError(replace(outcome, reason=reason, seen=seen))
