"""The parent's side of a case of several instances: workers that start together, are
timed while all of them run, and of which none may fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, NoReturn, TypeVar

from harness.measure.follow import Listener, Progressing, ended, follow
from harness.measure.instances.shares import Share
from harness.measure.instances.together import together
from harness.measure.instances.windows import (
    CYCLES,
    NoCycleError,
    WindowSeries,
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

LEAD_S = 0.02  # from asking all workers for a window to its begin
SETTLE_S = 0.2
# What another worker may take beyond what the first one took: pages that the kernel or
# a library sets aside when it sees fit.
MEMORY_RESERVE = 1.1
GIB = 2**30
M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class InstancesSetup:
    """A case of several instances: `start` starts the worker of a share. Each may live
    for `limit_s` until it is timed, and the first as long again while it is judged."""

    shares: tuple[Share, ...]
    start: Callable[[Share], Worker]
    watch: Callable[[int], Watch]  # of a worker's process id
    profile: Profile
    limit_s: float


def run_instances(setup: InstancesSetup, listen: Listener) -> CaseOutcome:
    """The outcome of all workers as of one. The first worker that is skipped or fails
    ends the case, and the reason names its number."""
    with ExitStack() as stack:
        try:
            return _Instances(setup, listen, stack).run()
        except _EndedEarlyError as error:
            return error.outcome


class _EndedEarlyError(Exception):
    """Ends a case before its time, with this outcome."""

    def __init__(self, outcome: CaseOutcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class _UnexpectedError(Exception):
    """A worker ended, or broke its protocol, before the message that was wanted; `last`
    is its last one, the text why there is none."""

    def __init__(self, last: Message | None, text: str = "") -> None:
        super().__init__(text)
        self.last = last


class _Instance:
    """One worker, and what it says."""

    def __init__(self, share: Share, worker: Worker, limit_s: float) -> None:
        self.share, self.worker = share, worker
        self.warnings: list[str] = []
        self._messages: Iterator[Message] = worker.messages(limit_s)

    def next(self, wanted: type[M], listen: Callable[[ProgressMessage], None]) -> M:
        """The next message of this kind, a result when the worker has closed its pipe
        too; _UnexpectedError where the worker ends, or says something else, before."""
        last: Message | None = None
        found: M | None = None
        try:
            for message in self._messages:
                if isinstance(message, wanted):
                    found = message
                    if not isinstance(message, ResultMessage):
                        break
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
        if found is None:
            raise _UnexpectedError(last)
        return found


class _Instances:
    """All workers of a case, from their start to their end; the `stack` closes what is
    open."""

    def __init__(
        self, setup: InstancesSetup, listen: Listener, stack: ExitStack
    ) -> None:
        self._setup, self._listen, self._stack = setup, listen, stack
        self._all: list[_Instance] = []
        self._add(setup.shares[0])
        self._watch = setup.watch(self._first.worker.pid)
        stack.callback(self._watch.close)

    @property
    def _first(self) -> _Instance:
        return self._all[0]

    def _add(self, share: Share) -> _Instance:
        worker = self._setup.start(share)
        self._stack.callback(worker.close)
        self._all.append(_Instance(share, worker, self._setup.limit_s))
        return self._all[-1]

    def run(self) -> CaseOutcome:
        self._build()
        self._enter("warmup")
        self._settle()
        self._enter("timed")
        settled = [self._next(one, WindowMessage) for one in self._all]
        series = WindowSeries(self._setup.profile, max(one.cycle_s for one in settled))
        while not series.is_done:
            self._draw(series)
        return self._end(series)

    def _settle(self) -> None:
        """Those that were warm first have waited for the last: once more all run at the
        same time, so that clocks and caches are those of the windows to come."""
        warm = [self._next(one, WindowMessage) for one in self._all]
        self._run_for(max(SETTLE_S, CYCLES * max(one.cycle_s for one in warm)))
        for one in self._all:
            self._next(one, StageMessage)

    def _run_for(self, seconds: float) -> None:
        """From one moment on, all of them."""
        begin_s = perf_counter() + LEAD_S
        for one in self._all:
            one.worker.answer(f"{begin_s!r} {begin_s + seconds!r}")

    def _build(self) -> None:
        """The first alone: what takes long fills caches once, and its memory tells
        whether the others fit."""
        self._next(self._first, StageMessage)
        self._watch.enter("build")
        self._listen(Progressing("build"))
        self._first.worker.go_on()
        self._next(self._first, StageMessage)
        self._check_memory()
        for share in self._setup.shares[1:]:
            self._watch.join(self._add(share).worker.pid)
        for one in self._all[1:]:
            self._next(one, StageMessage)
            one.worker.go_on()
        for one in self._all[1:]:
            self._next(one, StageMessage)

    def _check_memory(self) -> None:
        each = peak_private_bytes(self._first.worker.pid)
        left, more = memory_available_bytes(), len(self._setup.shares) - 1
        if each is None:
            self._first.warnings.append(
                "the kernel does not tell what memory an instance takes: whether all "
                "of them fit was not looked at"
            )
            return
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
        self._listen(Progressing(stage))
        for one in self._all:
            one.worker.go_on()

    def _draw(self, series: WindowSeries) -> None:
        self._run_for(series.next_s)
        ran = [self._next(one, WindowMessage) for one in self._all]
        found = window(ran)
        is_spoiled = not found.is_empty and self._watch.segment(len(found.samples_s))
        try:
            series.add(found, is_spoiled, max(one.cycle_s for one in ran))
        except NoCycleError as error:
            seen = self._watch.close()
            reason = f"stage {seen.stage}: {error}"
            raise _EndedEarlyError(Outcome("failed", None, seen, reason)) from None

    def _end(self, series: WindowSeries) -> CaseOutcome:
        """The others first, so that the first one's evaluation has no company."""
        self._watch.enter("ending")
        done: list[OperationResult] = []
        for one in self._all[1:]:
            one.worker.answer("")
            said = self._next(one, ResultMessage)
            done.append(self._result(one, self._ended(one, said)).done)
        first = self._first
        first.worker.answer("")
        limit_s = self._setup.limit_s
        outcome = follow(first.worker, self._watch, self._listen, limit_s)
        last = self._result(first, outcome)
        warnings = [w for one in self._all for w in one.warnings]
        return Outcome(
            "result",
            together(series, [last.done, *done], self._setup.shares),
            last.seen,
            warnings=(*dict.fromkeys(warnings), *last.warnings),
            code=last.code,
        )

    def _next(self, one: _Instance, wanted: type[M]) -> M:
        try:
            return one.next(wanted, self._show)
        except _UnexpectedError as error:
            if str(error):
                reason = f"stage {self._watch.stage}: {error}"
                self._fail(one, replace(self._unsaid(one), reason=reason))
            self._fail(one, self._ended(one, error.last))

    def _show(self, message: ProgressMessage) -> None:
        what, done, total = message.what, message.done, message.total
        self._listen(Progressing(self._watch.stage, what, done, total))

    def _unsaid(self, one: _Instance) -> Outcome[Any]:
        """A failed outcome of one worker, without sensors' readings: those are of all
        workers."""
        seen = unseen(self._watch.stage)
        return Outcome("failed", None, seen, warnings=tuple(one.warnings))

    def _ended(self, one: _Instance, last: Message | None) -> Outcome[Any]:
        return ended(self._unsaid(one), last, one.worker)

    def _result(
        self, one: _Instance, outcome: Outcome[Any]
    ) -> Outcome[OperationResult]:
        found = typed(outcome, OperationResult)
        if found.kind != "result":
            self._fail(one, found)
        return found

    def _fail(self, one: _Instance, outcome: Outcome[Any]) -> NoReturn:
        """Ends the case with this outcome. A failure's reason names the worker; a
        skip's does not, for no worker could run what this one cannot."""
        reason = outcome.reason
        if outcome.kind == "failed":
            count = len(self._setup.shares)
            reason = f"instance {one.share.number} of {count}: {reason}"
        seen = self._watch.close()
        raise _EndedEarlyError(replace(outcome, reason=reason, seen=seen))
