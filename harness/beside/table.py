"""Cases beside their runtimes' own tools, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from statistics import median

from harness.beside.held import Held
from harness.report.tables.table import (
    Table,
    figure_column,
    number_column,
    text_column,
    whole_column,
)


def table(held: Sequence[Held]) -> Table:
    """A row a case; one that was not timed has its reason."""
    ratios = [one.ratio if one.ours_s else None for one in held]
    known = [None if r is None or r.is_endless else r for r in ratios]
    lows = [None if r is None else r.low for r in known]
    highs = [None if r is None else r.high for r in known]
    intervals = (f"{r.low:.3f} to {r.high:.3f}" if r else None for r in known)
    results = (one.verdict if one.status == "ok" else one.status for one in held)
    columns = (
        text_column("case", (one.case_id for one in held)),
        figure_column(
            "ours / tool",
            (f"{r.ratio:.3f}" if r else None for r in ratios),
            (r.ratio if r else None for r in ratios),
            importance=3,
        ),
        figure_column("95 % interval", intervals, importance=2),
        number_column("low", lows, hidden=True),
        number_column("high", highs, hidden=True),
        number_column("ours", (_step_ms(one.ours_s) for one in held), unit="ms"),
        number_column("tool", (_step_ms(one.tool_s) for one in held), unit="ms"),
        text_column("tool's name", (one.tool or None for one in held)),
        whole_column("processes", (len(one.ours_s) for one in held)),
        text_column("result", results, importance=4),
        text_column("reason", (one.reason or None for one in held), importance=1),
    )
    return Table("beside", "Steps of ours beside those of the runtime's tool", columns)


def _step_ms(steps_s: Sequence[Sequence[float]]) -> float | None:
    return 1e3 * median(chain.from_iterable(steps_s)) if steps_s else None
