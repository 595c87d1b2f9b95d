"""The cases that a run would measure, as a table, and what their times rest on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from harness.expectations import RUNS_KEPT, Expectations
from harness.live import duration_text
from harness.plan import Planned
from harness.report.tables.table import Table, figure_column, text_column

REFERENCE = "two cores of an AMD EPYC (Zen 4)"  # what cases are declared for
DECLARED = f"expected on {REFERENCE}, once all that is kept is made"


class _Line(NamedTuple):
    text: str
    expected: str
    workload: str
    expected_s: float | None  # None: it heads others, or sums them up


def plan_table(planned: Sequence[Planned]) -> Table:
    """Each workload with what it does, its cases and their times; then the sum."""
    lines = []
    for workload, some in groupby(planned, key=lambda one: one.workload):
        heading = f"{workload.name}: {workload.description}"
        lines.append(_Line(heading, "", workload.name, None))
        for one in some:
            expected = duration_text(one.expected_s)
            lines.append(_Line(one.case.id, expected, workload.name, one.expected_s))
    total_s = sum(one.expected_s for one in planned)
    count = "1 case" if len(planned) == 1 else f"{len(planned)} cases"
    lines.append(_Line(count, duration_text(total_s), "", None))
    columns = (
        text_column("case", (line.text for line in lines)),
        figure_column("expected", (line.expected for line in lines)),
        figure_column(
            "expected time",
            (line.expected for line in lines),
            (line.expected_s for line in lines),
            unit="s",
            hidden=True,
        ),
        text_column("workload", (line.workload for line in lines), hidden=True),
    )
    headings = (n for n, line in enumerate(lines) if line.expected_s is None)
    return Table("plan", "", columns, headings=frozenset(headings))


def rests_on(planned: Sequence[Planned], here: Expectations) -> list[str]:
    """What the times of these cases rest on, and what comes before the first."""
    known = sum(here.of(one).runs > 0 for one in planned)
    declared = len(planned) - known
    lines = []
    if known:
        lines.append(
            f"{known} of {len(planned)} cases: what they took here, each stage's "
            f"median over the last {RUNS_KEPT} runs at most"
        )
    if declared:
        lines.append(
            f"{declared} of {len(planned)} cases: what is declared for {REFERENCE}; "
            f"all but timed samples takes {here.scale:.2f} times as long here (by "
            "registers)"
        )
    count, seconds = here.making(planned)
    if count:
        lines.append(
            f"before the first case, once: about {duration_text(seconds)} to make what "
            f"{count} of them take"
        )
    else:
        lines.append("all that these cases take is made")
    return lines
