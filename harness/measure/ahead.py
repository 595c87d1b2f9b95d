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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from time import monotonic

from harness.hardware import Hardware
from harness.measure.jobs import BuildTask, Job, PipeError, plain_fields
from harness.measure.made_before import MadeCases, made_as
from harness.measure.messages import FailureMessage, ReadyMessage, WarningMessage
from harness.measure.run import CASE_LIMIT_S, Settings
from harness.measure.spawn import Worker, how_it_ended
from harness.measure.worker import name_of
from harness.observe.cgroups import memory_available_bytes
from harness.plan import Planned

MAKER_BYTES = 3 << 30  # of a process that makes, with the one that exports or trains
# The same on every machine, and as many processes as cores share them anyway.
MAKER_HARDWARE = "cpu:threads=1"


@dataclass(frozen=True)
class MakingProgress:
    """What `done` of `total` cases take is made; `what` is the last of these cases."""

    done: int
    total: int
    what: str


@dataclass(frozen=True)
class MakingOutcome:
    """How making for a case ended. A fault of no case is the process's own."""

    planned: Planned | None
    fault: str = ""


class MakerFailedError(Exception):
    """A process that makes says why it cannot go on."""


@dataclass
class Makers:
    """Processes that share the cases for which something is to be made."""

    settings: Settings
    left: deque[Planned]
    ended: SimpleQueue[MakingOutcome | str | None] = field(default_factory=SimpleQueue)
    _workers: set[Worker] = field(default_factory=set)
    _starts: Iterator[int] = field(default_factory=count)

    @property
    def scratch(self) -> Path:
        return self.settings.work_dir / "scratch" / "made-ahead"

    def serve(self) -> None:
        """Until nothing is left; a process that died is replaced."""
        try:
            while self.left and self._serve():
                pass
        finally:
            self.ended.put(None)

    def stop(self) -> None:
        """What is being made is lost."""
        self.left.clear()
        for worker in list(self._workers):
            worker.kill()

    def _serve(self) -> bool:
        """Whether the process made anything, or tried to."""
        settings = self.settings
        logs = settings.work_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        hardware = Hardware.parse(MAKER_HARDWARE).environment(settings.machine)
        cpus = tuple(sorted(os.sched_getaffinity(0)))
        job = Job("harness.measure.making:run_job", cpus, {})
        environment = {**hardware, **settings.passed}
        log = logs / f"made-ahead-{next(self._starts)}.log"
        worker = Worker(job, environment, log)
        self._workers.add(worker)
        try:
            return self._follow(worker)
        finally:
            self._workers.discard(worker)
            worker.close()

    def _follow(self, worker: Worker) -> bool:
        """Give the process case after case; whether it took any."""
        at_work: Planned | None = None
        took_any, fault = False, ""
        try:
            while self._is_ready(worker):
                if at_work is not None:
                    self.ended.put(MakingOutcome(at_work))
                took_any, at_work = True, self._next()
                worker.answer(self._task(at_work) if at_work else "")
        except (TimeoutError, PipeError, MakerFailedError) as error:
            fault = str(error)
            worker.kill()
        if at_work is not None or not took_any:
            self.ended.put(MakingOutcome(at_work, fault or _how_it_died(worker)))
        return took_any

    def _is_ready(self, worker: Worker) -> bool:
        """Whether the process waits for a case, after as long as one may take; False
        where it has ended."""
        for message in worker.messages(CASE_LIMIT_S):
            match message:
                case ReadyMessage():
                    return True
                case WarningMessage(text=text):
                    self.ended.put(text)
                case FailureMessage(reason=reason):
                    raise MakerFailedError(reason)
        return False

    def _next(self) -> Planned | None:
        try:
            return self.left.popleft()
        except IndexError:
            return None

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
    show: Callable[[MakingProgress], None],
) -> list[str]:
    """Make what these cases take and was not made here before; what was warned of, and
    what could not be made."""
    before = MadeCases.of(settings, cache)
    missing = before.missing(planned)
    if not missing:
        return []
    makers, began_s = Makers(settings, deque(missing)), monotonic()
    makers.scratch.mkdir(parents=True, exist_ok=True)
    processes, known = makers_for(len(missing)), len(before.names)
    with ThreadPoolExecutor(processes) as pool:
        served = [pool.submit(makers.serve) for _ in range(processes)]
        try:
            said = _gather(makers, processes, before, show)
        except BaseException:  # Ctrl-C, too: nobody waits for what is being made
            makers.stop()
            raise
    for one in served:
        one.result()
    shutil.rmtree(makers.scratch, ignore_errors=True)
    before.save()
    if made := len(before.names) - known:
        took_s = monotonic() - began_s
        share = f"{made} of {len(missing)} cases"
        said.append(f"made ahead, or found, what {share} take: {took_s:.0f} s")
    return said


def _how_it_died(worker: Worker) -> str:
    """With the last that it printed."""
    tail = worker.log_tail()
    how = how_it_ended(worker.wait(), None)
    return f"{how}\n{tail}" if tail else how


def _gather(
    makers: Makers,
    processes: int,
    before: MadeCases,
    show: Callable[[MakingProgress], None],
) -> list[str]:
    """Follow the makers to the end of the last of them."""
    said: dict[str, None] = {}
    done, total = 0, len(makers.left)
    show(MakingProgress(0, total, ""))
    while processes:
        match makers.ended.get():
            case None:
                processes -= 1
            case str(warning):
                said[warning] = None
            case MakingOutcome(planned=None, fault=fault):
                said[f"a process that makes what cases take has failed: {fault}"] = None
            case MakingOutcome(planned=Planned() as one, fault=fault):
                done += 1
                show(MakingProgress(done, total, one.case.id))
                if fault:
                    said[f"not made ahead: {one.case.id}: {fault}"] = None
                else:
                    before.add(one.case)
    return list(said)


def makers_for(cases: int) -> int:
    """How many processes: one a core, as many as memory has room for."""
    room = memory_available_bytes() // MAKER_BYTES
    return max(1, min(cases, len(os.sched_getaffinity(0)), room))
