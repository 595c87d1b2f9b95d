"""What measuring costs, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from harness.bridges.cost import Showing
from harness.live import live
from harness.measure.overhead import (
    FASTER,
    HARNESS,
    LIMIT_PERCENT,
    LIMITED,
    REFERENCE_STEP_S,
    Answer,
    Cost,
    Overhead,
)
from harness.measure.power import Power
from harness.measure.steady import SEGMENT_S
from harness.report.tables.table import (
    ABSENT,
    Table,
    figure_column,
    number_column,
    text_column,
)

# 2 is that of a command that was called wrongly.
EXIT_STATUS: dict[Answer, int] = {"yes": 0, "no": 1, "cannot tell": 3}


@contextmanager
def progress(rounds: int) -> Iterator[Callable[[int], None]]:
    """What a person sees between blocks."""
    with live() as tell:
        yield lambda done: tell(
            f"overhead: round {min(done + 1, rounds)} of {rounds}", done, rounds
        )


def table(found: Overhead) -> Table:
    """A row for everything that was measured."""
    costs = found.costs
    limits = [LIMIT_PERCENT if cost.name in LIMITED else None for cost in costs]
    columns = (
        text_column("part", (cost.name for cost in costs)),
        figure_column(
            "%", map(_percent, costs), (cost.percent for cost in costs), importance=4
        ),
        figure_column("95 % interval", map(_interval, costs), importance=3),
        number_column("low", (cost.low_percent for cost in costs), hidden=True),
        number_column("high", (cost.high_percent for cost in costs), hidden=True),
        figure_column(
            "pairs",
            (str(cost.pairs) for cost in costs),
            (cost.pairs for cost in costs),
        ),
        figure_column("limit %", map(_limit, limits), limits, importance=1),
        figure_column("kept", (cost.answer or "" for cost in costs), importance=2),
    )
    return Table("overhead", "what measuring adds to a step", columns)


def _limit(percent: float | None) -> str:
    return "" if percent is None else f"{percent:g}"


def _percent(cost: Cost) -> str:
    return ABSENT if cost.percent is None else f"{cost.percent:+.3f}"


def _interval(cost: Cost) -> str:
    if cost.percent is None:
        return "raise --pairs"
    return f"{cost.low_percent:+.3f} to {cost.high_percent:+.3f}"


def remarks(found: Overhead, showing: Showing) -> list[str]:
    """The answer, how the table was measured, and what is not of the timed stage."""
    return [
        _sentence(found),
        *_pause(found),
        f"{HARNESS}: of a step of {1e3 * REFERENCE_STEP_S:g} ms, measured on one of "
        f"{1e3 * found.step_s:.2f} ms; the others: {FASTER} times as often as in a "
        f"run, and divided by {FASTER}",
        f"showing {showing.samples} samples to pytest-benchmark, after the timed "
        f"stage: {1e3 * showing.median_s:.1f} ms a case, {1e3 * showing.least_s:.1f} "
        f"to {1e3 * showing.most_s:.1f} ms in {showing.cases} cases of one process",
    ]


def _pause(found: Overhead) -> list[str]:
    """
    >>> _pause(Overhead((), 1e-3, pause_s=0.012))
    ['all sensors: a worker waits 12.0 ms after each segment of 1 s, untimed']
    """
    if found.pause_s is None:
        return []
    return [
        f"all sensors: a worker waits {1e3 * found.pause_s:.1f} ms after each segment "
        f"of {SEGMENT_S:g} s, untimed"
    ]


def _sentence(found: Overhead) -> str:
    """
    >>> _sentence(Overhead((Cost(HARNESS, 0.1, 0.0, 0.2, 9),), 1e-3))
    'measuring costs at most 0.5 %: yes'
    """
    text = f"measuring costs at most {LIMIT_PERCENT:g} %: {found.answer}"
    if found.answer != "cannot tell":
        return text
    unknown = [cost.name for cost in found.costs if cost.answer == "cannot tell"]
    return (
        f"{text}, the limit lies within the interval of {' and '.join(unknown)}; raise "
        "--pairs, or measure when nothing else runs"
    )


def as_json(found: Overhead, showing: Showing, power: Power) -> str:
    """All figures with the limit; percent of a step's time, and seconds; and how often
    what was injected was found, where 0 % are false alarms."""
    plain = asdict(found) | {
        "answer": found.answer,
        "limit_percent": LIMIT_PERCENT,
        "reference_step_s": REFERENCE_STEP_S,
        "showing": asdict(showing),
        "power": asdict(power),
    }
    return json.dumps(plain, indent=2) + "\n"
