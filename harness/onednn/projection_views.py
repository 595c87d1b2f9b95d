"""Replays as tables and lines."""

from __future__ import annotations

from collections.abc import Iterator

from harness.observe.onednn.replay.projection import NO_TIME, Projection
from harness.onednn.views import keyed_columns
from harness.report.tables.table import (
    Table,
    formatted_column,
    number_column,
    text_column,
    whole_column,
)


def projection_table(found: Projection) -> Table:
    rows = found.rows
    columns = (
        *keyed_columns(
            [row.execution for row in rows],
            ("primitive", "direction", "implementation", "dtypes", "problem"),
        ),
        whole_column("calls", (row.calls for row in rows), importance=2),
        whole_column("replays", (row.runs for row in rows), importance=1),
        number_column(
            "observed", (row.observed_ms for row in rows), unit="ms", importance=5
        ),
        number_column("hot", (row.hot_ms for row in rows), unit="ms", importance=5),
        number_column("cold", (row.cold_ms for row in rows), unit="ms", importance=4),
        formatted_column("hot to observed", (1 + row.error for row in rows), ".3f"),
        number_column(
            "to gain", (row.gain_ms for row in rows), unit="ms", importance=3
        ),
    )
    notes = (
        "hot: with its data in the caches; cold: with the caches full of other memory "
        "when its operator began: what comes behind a reorder of its own finds that "
        "one's result there; medians of replays, by their own log",
    )
    return Table("projection", "primitives, each run alone again", columns, notes)


def missed_table(found: Projection) -> Table:
    """What was not reproduced, by the reason why."""
    reasons: dict[tuple[str, str], list[float]] = {}
    for execution, time_ms in found.missed_ms.items():
        why = found.missed.get(execution, NO_TIME)
        reasons.setdefault((execution.primitive, why), []).append(time_ms)
    order = sorted(reasons.items(), key=lambda one: -sum(one[1]))
    columns = (
        text_column("primitive", (key[0] for key, _ in order), is_name=True),
        text_column("why it was not reproduced", (key[1] for key, _ in order)),
        whole_column("distinct", (len(some) for _, some in order)),
        number_column("time", (sum(some) for _, some in order), unit="ms"),
    )
    return Table("not-reproduced", "not reproduced", columns)


def projection_lines(found: Projection) -> Iterator[str]:
    if found.efficiency is None:
        yield "nothing was reproduced"
        return
    yield (
        f"reproduced: {100 * found.reproduced:.1f} % of the logged time"
        + (f", {100 * found.of_wall:.1f} % of the wall time" if found.of_wall else "")
    )
    yield (
        f"of that, observed {found.observed_ms:,.4g} ms, projected (hot) "
        f"{found.projected_ms:,.4g} ms: efficiency {found.efficiency:.3f}"
    )
    yield (
        f"hot times are off by {100 * found.median_error:.1f} % in the median over the "
        f"time; {100 * found.bracketed:.1f} % of it lies between hot and cold"
    )
