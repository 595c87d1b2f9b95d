"""Throughput and latency of the works of one model, with intervals, side by side: the
best on top, each with its value, and "n/a" where a candidate has none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from harness.report.compare.model import Comparison, Measured, Row, Work
from harness.report.compare.shown.columns import interval_of, work_columns
from harness.report.pages.pictures.bar_figure import (
    Bars,
    add_absent,
    add_bar,
    add_values,
    frame,
    mark_if_wide,
)
from harness.report.pages.pictures.picture import (
    GREY,
    INK,
    Figure,
    Picture,
    whiskers,
)
from harness.report.pages.pictures.select import (
    Group,
    best,
    drawn_labels,
    groups,
    is_training,
    measured,
    ranked,
    rate,
    throughput_title,
)
from harness.report.tables.table import (
    Column,
    Table,
    number,
    number_column,
    text_column,
)
from harness.statistics import PercentileBound

MOST_WORKS = 20
TAIL = {"p90": ("p90", "line-ns-open"), "p99": ("p99", "diamond")}


def throughput(comparison: Comparison) -> Iterator[Picture]:
    """One picture a model: RTFx, or items a second where there is no audio."""
    for group in groups(comparison):
        if any(_drawn(comparison, row) for row in group.rows):
            yield _throughput(comparison, group)


def latency(comparison: Comparison) -> Iterator[Picture]:
    """One picture a model: the median latency of a step, with p90 and p99 where there
    are samples enough; the bar's whisker ends at the median's 99 % upper bound."""
    found = (_latency(comparison, group) for group in groups(comparison))
    yield from filter(None, found)


def _throughput(comparison: Comparison, group: Group) -> Picture:
    rows = [row for row in group.rows if _drawn(comparison, row)]
    kept, notes = best(rows, MOST_WORKS, rate)
    kept = [*sorted(kept, key=rate, reverse=True), *_skipped(group, len(kept))]
    has_audio = all(c.rtfx.value for row in kept for c in ranked(row).values())
    figure, bars = frame(comparison, kept, throughput_title(has_audio))
    for one in bars:
        cells = [cell for _, cell in one.cells]
        found = [c.rtfx if has_audio else c.throughput_items_per_s for c in cells]
        values = [estimate.value for estimate in found]
        ends = [interval_of(estimate) for estimate in found]
        add_bar(figure, one, values, ends, len(bars))
        high = [end[1] if end else v for end, v in zip(ends, values, strict=True)]
        add_values(figure, one, list(map(number, values)), high)
    mark_if_wide(figure)
    add_absent(figure, bars)
    id = f"throughput-{group.place}"
    return Picture(
        id,
        f"Throughput: {group.name}",
        figure,
        _throughput_table(id, group, bars),
        group.workload,
        (*notes, "Further right is better. Whiskers: 95 % interval over processes."),
    )


def _throughput_table(id: str, group: Group, bars: Sequence[Bars]) -> Table:
    cells = _flat(bars)
    figures = {
        "RTFx": [cell.rtfx for _, _, cell in cells],
        "items/s": [cell.throughput_items_per_s for _, _, cell in cells],
    }
    columns: list[Column] = [*_who(cells)]
    for name, found in figures.items():
        columns += (
            number_column(name, (e.value for e in found)),
            number_column(f"{name} low", (e.low for e in found)),
            number_column(f"{name} high", (e.high for e in found)),
        )
    return Table(f"{id}-table", f"Throughput of {group.name}", tuple(columns))


def _latency(comparison: Comparison, group: Group) -> Picture | None:
    medians = partial(_medians, comparison)
    rows = [row for row in group.rows if not is_training(row) and medians(row)]
    if not rows:
        return None
    kept, notes = best(rows, MOST_WORKS, lambda row: -min(medians(row)))
    kept = [
        *sorted(kept, key=lambda row: min(medians(row))),
        *_skipped(group, len(kept)),
    ]
    figure, bars = frame(comparison, kept, "latency of a step (ms)")
    for one in bars:
        _add_latencies(figure, one, len(bars))
    _add_tail_legend(figure, bars)
    mark_if_wide(figure)
    add_absent(figure, bars)
    id = f"latency-{group.place}"
    note = (
        "Further left is better. The median, then p90 and p99 where there are samples "
        "enough. Whiskers end at the 99 % upper bound."
    )
    return Picture(
        id,
        f"Latency: {group.name}",
        figure,
        _latency_table(id, group, bars),
        group.workload,
        (*notes, note),
    )


def _skipped(group: Group, drawn: int) -> list[Row]:
    """Works that no candidate measured, as far as there is room for them."""
    found = [row for row in group.rows if not measured(row)]
    return found[: max(MOST_WORKS - drawn, 0)]


def _drawn(comparison: Comparison, row: Row) -> list[Measured]:
    """Of the candidates that pictures have room for."""
    cells = ranked(row)
    return [cells[label] for label in drawn_labels(comparison) if label in cells]


def _medians(comparison: Comparison, row: Row) -> list[float]:
    found = (_value(cell, "p50") for cell in _drawn(comparison, row))
    return [value for value in found if value is not None]


def _value(cell: Measured, percentile: str) -> float | None:
    bound = cell.latency_ms.get(percentile)
    return bound.value if bound else None


def _latency_table(id: str, group: Group, bars: Sequence[Bars]) -> Table:
    cells = _flat(bars)
    columns: list[Column] = [*_who(cells)]
    for name in ("p50", *TAIL):
        bounds = [cell.latency_ms.get(name) for _, _, cell in cells]
        columns += (
            number_column(
                name, (None if b is None else b.value for b in bounds), unit="ms"
            ),
            number_column(
                f"{name} at most",
                (None if b is None else b.upper_bound for b in bounds),
                unit="ms",
            ),
        )
    return Table(f"{id}-table", f"Latency of {group.name}", tuple(columns))


def _add_latencies(figure: Figure, one: Bars, of: int) -> None:
    medians = [cell.latency_ms.get("p50") for _, cell in one.cells]
    ends = [_to_bound(bound) for bound in medians]
    medians_ms = [None if bound is None else bound.value for bound in medians]
    add_bar(figure, one, medians_ms, ends, of)
    for name, (shown, symbol) in TAIL.items():
        bounds = [cell.latency_ms.get(name) for _, cell in one.cells]
        values = [None if bound is None else bound.value for bound in bounds]
        if any(value is not None for value in values):
            figure["data"].append(
                {
                    "type": "scatter",
                    "name": f"{one.look.name} {shown}",
                    "mode": "markers",
                    "legendgroup": one.look.name,
                    "x": values,
                    "y": one.places,
                    "error_x": whiskers(
                        [value or 0.0 for value in values], map(_to_bound, bounds)
                    ),
                    "marker": _mark(symbol, one.look.colour),
                    "showlegend": False,
                    "hovertemplate": "%{fullData.name}<br>%{x:.4g} ms<extra></extra>",
                }
            )
    texts = [_latency_text(cell) for _, cell in one.cells]
    add_values(figure, one, texts, [_furthest(cell) for _, cell in one.cells])


def _latency_text(cell: Measured) -> str:
    """The median, and what stands furthest right of it."""
    known = {name: ms for name in ("p50", *TAIL) if (ms := _value(cell, name))}
    if "p50" not in known:
        return ""
    tail = [f" ({name} {number(ms)})" for name, ms in known.items() if name != "p50"]
    return f"{number(known['p50'])}{tail[-1] if tail else ''}"


def _furthest(cell: Measured) -> float | None:
    """What is drawn furthest right of a case."""
    bounds = [cell.latency_ms.get(name) for name in ("p50", *TAIL)]
    known = [b for b in bounds if b is not None and b.value is not None]
    return max((b.upper_bound or b.value or 0.0 for b in known), default=None)


def _to_bound(bound: PercentileBound | None) -> tuple[float, float] | None:
    if bound is None or bound.value is None or bound.upper_bound is None:
        return None
    return bound.value, bound.upper_bound


def _mark(symbol: str, colour: str) -> dict[str, object]:
    return {
        "symbol": symbol,
        "size": 9,
        "color": colour,
        "line": {"color": INK, "width": 1.5 if "open" in symbol else 1},
    }


def _add_tail_legend(figure: Figure, bars: Sequence[Bars]) -> None:
    """The marks once, in grey, for they mean the same on every candidate."""
    for name, (shown, symbol) in TAIL.items():
        if any(_value(cell, name) is not None for _, _, cell in _flat(bars)):
            figure["data"].append(
                {
                    "type": "scatter",
                    "name": shown,
                    "mode": "markers",
                    "x": [None],
                    "y": [None],
                    "marker": _mark(symbol, GREY),
                }
            )


def _flat(bars: Sequence[Bars]) -> list[tuple[str, Work, Measured]]:
    """(candidate, work, cell), by work, as the picture shows them."""
    found = [
        (place, one.label, *cell)
        for one in bars
        for place, cell in zip(one.places, one.cells, strict=True)
    ]
    found.sort(key=lambda entry: entry[0])
    return [entry[1:] for entry in found]


def _who(cells: Sequence[tuple[str, Work, Measured]]) -> tuple[Column, ...]:
    return (
        *work_columns([work for _, work, _ in cells], short=True),
        text_column("candidate", (label for label, _, _ in cells)),
    )
