"""The parent's side of what is made before the first case: by as many processes as
there are cores, so that no case makes anything while it is measured.

What could not be made is said, and breaks nothing: the case tries again, and fails, or
is skipped, for its own reason.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from time import monotonic

from harness.hardware import Hardware
from harness.measure.jobs import BuildTask, Job, PipeError, plain_fields
from harness.measure.made_before import MadeBefore, made_as
from harness.measure.making import MakingTask
from harness.measure.messages import (
    FailureMessage,
    MadeMessage,
    Message,
    WarningMessage,
)
from harness.measure.run import CASE_LIMIT_S, Settings
from harness.measure.spawn import Worker, how_it_ended
from harness.measure.worker import name_of
from harness.observe.cgroups import memory_available_bytes
from harness.plan import Planned

MAKER_BYTES = 3 << 30  # of a process that makes, with the one that exports or trains
# The same on every machine, and as many processes as cores share them anyway.
MAKER_HARDWARE = "cpu:threads=1"


@dataclass(frozen=True)
class Making:
    """So much is made; `what` is the case for which something was last."""

    done: int
    total: int
    what: str


@dataclass(frozen=True)
class _Ended:
    """A case's making. A fault of no case is the processes' own."""

    planned: Planned | None
    seconds: float = 0.0
    fault: str = ""


@dataclass
class Makers:
    """Processes that share the cases for which something is to be made."""

    settings: Settings
    left: deque[Planned]
    ended: SimpleQueue[_Ended | str | None] = field(default_factory=SimpleQueue)
    _workers: set[Worker] = field(default_factory=set)

    @property
    def scratch(self) -> Path:
        return self.settings.work_dir / "scratch" / "made-ahead"

    def serve(self, number: int) -> None:
        """Until nothing is left; a process that died is replaced."""
        try:
            while self.left and self._serve(number):
                pass
        finally:
            self.ended.put(None)

    def stop(self) -> None:
        """What is being made is lost."""
        self.left.clear()
        for worker in list(self._workers):
            worker.kill()

    def _serve(self, number: int) -> bool:
        """Whether the process made anything, or tried to."""
        settings = self.settings
        logs = settings.work_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        hardware = Hardware.parse(MAKER_HARDWARE).environment(settings.machine)
        cpus = tuple(sorted(os.sched_getaffinity(0)))
        job = Job("harness.measure.making:run_job", cpus, MakingTask(number))
        environment = {**hardware, **settings.passed}
        worker = Worker(job, environment, logs / f"made-ahead-{number}.log")
        self._workers.add(worker)
        try:
            return self._follow(worker)
        finally:
            self._workers.discard(worker)
            worker.close()

    def _follow(self, worker: Worker) -> bool:
        at_work: Planned | None = None
        asked, why = False, ""
        try:
            for message in worker.messages(CASE_LIMIT_S * (1 + len(self.left))):
                if isinstance(message, MadeMessage):
                    if at_work is not None:
                        self._end(at_work, message)
                    asked, at_work = True, self._next()
                    worker.answer(self._task(at_work) if at_work else "")
                why = self._why_it_ends(message) or why
        except (TimeoutError, PipeError) as error:
            why = str(error)
            worker.kill()
        if at_work is not None or not asked:
            why = why or how_it_ended(worker.wait(), None)
            self.ended.put(_Ended(at_work, fault=why))
        return asked

    def _why_it_ends(self, message: Message) -> str:
        """Why the process is about to end, where that is what it says."""
        if isinstance(message, WarningMessage):
            self.ended.put(message.text)
        return message.reason if isinstance(message, FailureMessage) else ""

    def _next(self) -> Planned | None:
        try:
            return self.left.popleft()
        except IndexError:
            return None

    def _end(self, planned: Planned, message: MadeMessage) -> None:
        self.ended.put(_Ended(planned, message.seconds, message.error or ""))

    def _task(self, planned: Planned) -> str:
        assert planned.workload.make is not None
        settings, case = self.settings, made_as(planned.case)
        root = settings.data_root
        task = BuildTask(
            build=name_of(planned.workload.make),
            case_id=case.id,
            hardware=case.hardware,
            profile=settings.profile,
            seed=settings.seed,
            scratch_dir=str(self.scratch),
            data_root=str(root) if root else None,
        )
        return json.dumps(task, default=plain_fields)


def make_ahead(
    planned: Sequence[Planned],
    settings: Settings,
    cache: Path | None,
    show: Callable[[Making], None],
) -> list[str]:
    """Make what these cases take and was not made here before; what was warned of, and
    what could not be made."""
    before = MadeBefore.of(settings, cache)
    missing = before.missing(planned)
    if not missing:
        return []
    makers, began_s = Makers(settings, deque(missing)), monotonic()
    makers.scratch.mkdir(parents=True, exist_ok=True)
    count = makers_for(len(missing))
    with ThreadPoolExecutor(count) as pool:
        served = [pool.submit(makers.serve, number) for number in range(count)]
        try:
            said = _gather(makers, count, len(missing), before, show)
        except BaseException:  # Ctrl-C, too: nobody waits for what is being made
            makers.stop()
            raise
    for one in served:
        one.result()
    shutil.rmtree(makers.scratch, ignore_errors=True)
    before.save()
    took_s = monotonic() - began_s
    made = f"made ahead, or found, what {len(missing)} cases take: {took_s:.0f} s"
    return [*said, made]


def _gather(
    makers: Makers,
    count: int,
    total: int,
    before: MadeBefore,
    show: Callable[[Making], None],
) -> list[str]:
    """Follow the makers to the end of the last of them."""
    said: dict[str, None] = {}
    done = 0
    show(Making(0, total, ""))
    while count:
        match makers.ended.get():
            case None:
                count -= 1
            case str(warning):
                said[warning] = None
            case _Ended(planned=None, fault=fault):
                said[f"nothing is made ahead: {fault}"] = None
            case _Ended(planned=Planned() as one, seconds=seconds, fault=fault):
                done += 1
                show(Making(done, total, one.case.id))
                if fault:
                    said[f"not made ahead: {one.case.id}: {fault}"] = None
                else:
                    before.add(one.case, seconds)
    return list(said)


def makers_for(cases: int) -> int:
    """How many processes: one a core, as many as memory has room for."""
    room = memory_available_bytes() // MAKER_BYTES
    return max(1, min(cases, len(os.sched_getaffinity(0)), room))
