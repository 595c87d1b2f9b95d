"""What a person sees while something takes long: on a terminal a line that is drawn
anew, anywhere else a line a minute."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

EVERY_S = 60.0  # where there is no terminal


class ShowProgress(Protocol):
    """What goes on now, and how far it is: `done` of `total`, if that is known."""

    def __call__(
        self, text: str, done: float = 0.0, total: float | None = None
    ) -> None: ...


def live_console(file: TextIO | None = None) -> Console:
    """A console on standard error. It draws on a terminal alone: what FORCE_COLOR and
    its like ask for in a pipe is colour, and no line that is drawn over and over."""
    file = file or sys.stderr
    if file.isatty():
        return Console(file=file)
    return Console(
        file=file, force_terminal=False, force_interactive=False, color_system=None
    )


def live_line(console: Console) -> Progress:
    """A line of a text, a bar and the time; it is gone once it ends. It is drawn when
    something is said, never by a thread of its own: that would take time from what is
    measured."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        auto_refresh=False,
    )


@contextmanager
def live(console: Console | None = None) -> Iterator[ShowProgress]:
    """Shows what is said within."""
    console = console or live_console()
    if not console.is_terminal:
        yield once_a_minute(lambda line: _print(line, console))
        return
    with live_line(console) as line:
        task = line.add_task("", total=None)

        def tell(text: str, done: float = 0.0, total: float | None = None) -> None:
            line.update(
                task, description=text, completed=done, total=total, refresh=True
            )

        yield tell


def _print(line: str, console: Console) -> None:
    console.print(Text(line), soft_wrap=True, highlight=False)


def once_a_minute(write: Callable[[str], None]) -> ShowProgress:
    """Writes what is said a minute or more after the line before, with the time so far
    and an estimate of what is left."""
    began = monotonic()
    last = began

    def tell(text: str, done: float = 0.0, total: float | None = None) -> None:
        nonlocal last
        now = monotonic()
        if now - last < EVERY_S:
            return
        last = now
        left = ""
        if total and done:
            left = (
                f", about {duration_text((now - began) * (total - done) / done)} left"
            )
        write(f"{text}: {duration_text(now - began)} so far{left}")

    return tell


def duration_text(seconds: float) -> str:
    """A duration as people say it.

    >>> duration_text(42), duration_text(150), duration_text(7300)
    ('42 s', '2.5 min', '2.0 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"
