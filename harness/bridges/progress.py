"""What a person sees while cases run: the case, its stage, the time left."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from harness.measure.run import Listener, Progressing
from harness.plan import Planned


class Display:
    """A progress line on a terminal; quiet anywhere else."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.__stderr__)
        self._left: dict[str, float] = {}
        self._total = 0
        self._progress: Progress | None = None

    def begin(self, planned: Sequence[Planned]) -> None:
        """The cases to come, with the seconds that each is expected to take."""
        self._left = {p.case.id: p.expected_s for p in planned}
        self._total = len(planned)

    def listener(self, planned: Planned) -> Listener:
        """Shows one case; what is left counts from here."""
        case_id = planned.case.id
        began = monotonic()
        later_s = sum(s for other, s in self._left.items() if other != case_id)

        def listen(now: Progressing) -> None:
            left_s = later_s + max(0.0, planned.expected_s - (monotonic() - began))
            self._show(case_id, now, left_s)

        self._left.pop(case_id, None)
        listen(Progressing("start"))
        return listen

    def _show(self, case_id: str, now: Progressing, left_s: float) -> None:
        if not self._console.is_terminal:
            return
        if self._progress is None:
            self._progress = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=20),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
                # Drawn when something is told, never by a thread of its own: that
                # would take time from the timed stage.
                auto_refresh=False,
            )
            self._progress.start()
            self._progress.add_task("", total=max(1, self._total))
        done = self._total - len(self._left)
        detail = f" {now.what}" if now.what else ""
        if now.total:
            detail += f" {now.done}/{now.total}"
        self._progress.update(
            self._progress.task_ids[0],
            completed=max(0, done - 1),
            # The id last: it is long, and a narrow terminal cuts the end.
            description=f"[{done}/{self._total}] about {minutes(left_s)} left, "
            f"{now.stage}{detail}: {case_id}",
            refresh=True,
        )

    def pause(self) -> None:
        """Leave the terminal to pytest's own lines between cases."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def minutes(seconds: float) -> str:
    """A duration as people say it.

    >>> minutes(42), minutes(150), minutes(7300)
    ('42 s', '2.5 min', '2.0 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"
