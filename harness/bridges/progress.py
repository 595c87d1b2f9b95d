"""What a person sees while cases run: each case and its result as it ends; until then,
on a terminal a line with its stage and the time left, and elsewhere one a minute."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from threading import Event, Thread
from time import monotonic

from rich.console import Console
from rich.progress import Progress

from harness.live import (
    EVERY_S,
    ShowProgress,
    duration_text,
    live_console,
    live_line,
    once_a_minute,
)
from harness.measure.ahead import MakingProgress
from harness.measure.follow import Listener, Progressing
from harness.plan import Planned
from harness.record.schema import Record
from harness.report.case_line import case_line

Write = Callable[[str], None]


class Display:
    """`write` takes whole lines, None where nobody wants them; `columns` is the room
    for each, None for as much as it needs. Without `tells_results` there are lines of
    what takes long alone."""

    def __init__(
        self,
        console: Console | None = None,
        write: Write | None = None,
        columns: int | None = None,
        tells_results: bool = True,
    ) -> None:
        self._console = console or live_console(sys.__stderr__)
        self._write, self._columns = write, columns
        self._tells_results = tells_results
        self._left: dict[str, float] = {}
        self._total = 0
        self._began, self._expected_s = 0.0, 0.0
        self._now = Progressing("start")
        self._progress: Progress | None = None
        self._ticker: _MinuteTicker | None = None
        self._tell_making: ShowProgress | None = None

    def begin(self, planned: Sequence[Planned]) -> None:
        """The cases to come, with the seconds that each is expected to take."""
        self._left = {p.case.id: p.expected_s for p in planned}
        self._total = len(planned)

    def listener(self, planned: Planned) -> Listener:
        """Shows one case; what is left counts from here."""
        self.pause()  # of a case that never ended
        case_id = planned.case.id
        self._began = monotonic()
        self._expected_s = self._left.pop(case_id, planned.expected_s)

        def listen(now: Progressing) -> None:
            self._now = now
            self._draw(planned)

        listen(Progressing("start"))
        if self._write is not None and not self._console.is_terminal:
            self._ticker = _MinuteTicker(lambda: self._still(planned))
        return listen

    def end(self, record: Record) -> None:
        """A case has ended so: its line stays."""
        self.pause()
        if self._write is not None and self._tells_results:
            took_s = monotonic() - self._began
            place = f"[{self._place()}]"
            self._write(case_line(record, place, duration_text(took_s), self._columns))

    def making(self, now: MakingProgress) -> None:
        """Shows what is made before the first case."""
        text = f"[{now.done}/{now.total}] making what cases take, once: {now.what}"
        if self._console.is_terminal:
            self._show(text, now.done, now.total)
        elif self._write is not None:
            self._tell_making = self._tell_making or once_a_minute(self._write)
            self._tell_making(text, now.done, now.total)

    def pause(self) -> None:
        """Leave the terminal to others between cases."""
        if self._ticker is not None:
            self._ticker.stop()
            self._ticker = None
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _place(self) -> str:
        return f"{self._total - len(self._left)}/{self._total}"

    def _left_s(self) -> float:
        own_s = self._expected_s - (monotonic() - self._began)
        return sum(self._left.values()) + max(0.0, own_s)

    def _stage(self) -> str:
        now = self._now
        detail = f" {now.what}" if now.what else ""
        if now.total:
            detail += f" {now.done}/{now.total}"
        return f"{now.stage}{detail}"

    def _still(self, planned: Planned) -> None:
        """A line of a case that takes its time."""
        assert self._write is not None
        took_s = monotonic() - self._began
        self._write(
            f"[{self._place()}] {planned.case.id}  {self._stage()}: "
            f"{duration_text(took_s)} so far, {duration_text(self._expected_s)} "
            f"expected; about {duration_text(self._left_s())} left of all"
        )

    def _draw(self, planned: Planned) -> None:
        # The id last: it is long, and a narrow terminal cuts the end.
        text = (
            f"[{self._place()}] about {duration_text(self._left_s())} left, "
            f"{self._stage()}: {planned.case.id}"
        )
        self._show(text, max(0, self._total - len(self._left) - 1), self._total)

    def _show(self, text: str, done: int, total: int) -> None:
        if not self._console.is_terminal:
            return
        if self._progress is None:
            self._progress = live_line(self._console)
            self._progress.start()
            self._progress.add_task("", total=max(1, total))
        self._progress.update(
            self._progress.task_ids[0], completed=done, description=text, refresh=True
        )


class _MinuteTicker:
    """Calls `tell` each minute until it is stopped, in a thread that sleeps between:
    a worker may have nothing to say for minutes."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell, self._stopped = tell, Event()
        self._thread = Thread(target=self._run, name="every-minute", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(EVERY_S):
            self._tell()
