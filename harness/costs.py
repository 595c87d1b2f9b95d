"""What measuring costs, as a table in a terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from harness.bridges.cost import Showing
from harness.measure.overhead import (
    FASTER,
    HARNESS,
    LIMIT_PERCENT,
    LIMITED,
    REFERENCE_STEP_S,
    Cost,
    Overhead,
)

ABSENT = "-"


@contextmanager
def progress(rounds: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, drawn between blocks; nothing anywhere else."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    # Drawn when a block ends, never by a thread of its own: that would be measured.
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task("overhead", total=rounds)

        def on_round(done: int) -> None:
            text = f"overhead: round {min(done + 1, rounds)} of {rounds}"
            bar.update(task, completed=done, description=text, refresh=True)

        yield on_round


def table(found: Overhead) -> Table:
    """A row for everything that was measured."""
    shown = Table(title="what measuring adds to a step", title_justify="left", box=None)
    shown.add_column("part", no_wrap=True)
    for title in ("%", "95 % interval", "pairs", "limit %"):
        shown.add_column(title, justify="right", no_wrap=True)
    for cost in found.costs:
        limit = f"{LIMIT_PERCENT:g}" if cost.name in LIMITED else ""
        shown.add_row(Text(cost.name), *_figures(cost), str(cost.pairs), limit)
    return shown


def _figures(cost: Cost) -> tuple[str, str]:
    if cost.percent is None:
        return ABSENT, "raise --pairs"
    interval = f"{cost.low_percent:+.3f} to {cost.high_percent:+.3f}"
    return f"{cost.percent:+.3f}", interval


def remarks(found: Overhead, showing: Showing) -> list[str]:
    """How the table was measured, and what is not of the timed stage."""
    return [
        f"{HARNESS}: of a step of {1e3 * REFERENCE_STEP_S:g} ms, measured on one of "
        f"{1e3 * found.step_s:.2f} ms; the others: {FASTER} times as often as in a "
        f"run, and divided by {FASTER}",
        f"showing {showing.samples} samples to pytest-benchmark, after the timed "
        f"stage: {1e3 * showing.median_s:.1f} ms a case, 95 % interval "
        f"{1e3 * showing.low_s:.1f} to {1e3 * showing.high_s:.1f} ms over "
        f"{showing.cases} cases",
    ]


def as_json(found: Overhead, showing: Showing) -> str:
    """All figures with the limit; percent of a step's time, and seconds."""
    plain = asdict(found) | {
        "limit_percent": LIMIT_PERCENT,
        "reference_step_s": REFERENCE_STEP_S,
        "showing": asdict(showing),
    }
    return json.dumps(plain, indent=2) + "\n"
