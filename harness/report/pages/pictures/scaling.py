"""Throughput over batch size, for the variants of one model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.report.compare.model import Comparison, Estimate, Measured, Row
from harness.report.compare.shown.columns import interval_of, rate_of
from harness.report.pages.pictures.picture import (
    DASHES,
    GREY,
    SYMBOLS,
    Figure,
    Look,
    Picture,
    Trace,
    blank,
    colour_legend,
    escaped,
    looks,
    titled,
    whiskers,
)
from harness.report.pages.pictures.select import (
    Group,
    drawn_labels,
    groups,
    is_training,
    ranked,
    rate,
    throughput_title,
    variant,
)
from harness.report.tables.table import Table, number_column, text_column, whole_column

MOST_VARIANTS = 4
HEIGHT_PX = 440


@dataclass(frozen=True)
class VariantRates:
    """One variant on one candidate, by batch size; `place` is the variant's."""

    place: int
    variant: str
    label: str
    sizes: list[int]
    cells: list[Measured]


def pictures(comparison: Comparison) -> Iterator[Picture]:
    """One picture a model that was measured at two batch sizes or more."""
    found = (_picture(comparison, group) for group in groups(comparison))
    yield from filter(None, found)


def _picture(comparison: Comparison, group: Group) -> Picture | None:
    variants = _variants(group)
    chosen = dict(list(variants.items())[:MOST_VARIANTS])
    lines = _lines(drawn_labels(comparison), chosen)
    if not lines:
        return None
    figure = _figure(comparison, lines, chosen)
    id = f"scaling-{group.place}"
    notes = ["Higher is better. Whiskers: 95 % interval over processes."]
    if len(variants) > len(chosen):
        notes.append(
            f"The {len(chosen)} fastest of {len(variants)} variants with several batch "
            "sizes."
        )
    return Picture(
        id,
        f"Batch sizes: {group.name}",
        figure,
        _table(id, group, lines),
        group.workload,
        tuple(notes),
    )


def _variants(group: Group) -> dict[str, list[Row]]:
    """Rows by variant, those with several batch sizes, the fastest variant first."""
    found: dict[str, list[Row]] = {}
    for row in group.rows:
        if ranked(row) and not is_training(row):
            found.setdefault(variant(row.work), []).append(row)
    several = {
        name: rows
        for name, rows in found.items()
        if len({row.work.batch_size for row in rows}) > 1
    }
    order = sorted(several, key=lambda name: -max(map(rate, several[name])))
    return {name: several[name] for name in order}


def _lines(labels: Sequence[str], chosen: dict[str, list[Row]]) -> list[VariantRates]:
    lines = []
    for place, (name, rows) in enumerate(chosen.items()):
        for label in labels:
            found = {
                row.work.batch_size: ranked(row)[label]
                for row in sorted(rows, key=lambda row: row.work.batch_size)
                if label in ranked(row)
            }
            if found:
                cells = list(found.values())
                lines.append(VariantRates(place, name, label, list(found), cells))
    return lines


def _figure(
    comparison: Comparison, lines: Sequence[VariantRates], chosen: dict[str, list[Row]]
) -> Figure:
    sizes = sorted({size for line in lines for size in line.sizes})
    has_audio = all(cell.rtfx.value for line in lines for cell in line.cells)
    figure = blank(
        HEIGHT_PX,
        titled(
            "batch size", type="log", tickvals=sizes, ticktext=list(map(str, sizes))
        ),
        titled(throughput_title(has_audio), rangemode="tozero"),
    )
    look = looks(comparison)
    shown = dict.fromkeys(line.label for line in lines)
    figure["data"] = [
        *colour_legend({label: look[label] for label in shown}),
        *_variant_legend(list(chosen)),
        *(_line(line, look[line.label]) for line in lines),
    ]
    return figure


def _line(line: VariantRates, look: Look) -> Trace:
    found = _rates(line)
    values = [estimate.value for estimate in found]
    return {
        "type": "scatter",
        "name": look.name,
        "legendgroup": look.name,
        "showlegend": False,
        "mode": "lines+markers",
        "x": line.sizes,
        "y": values,
        "error_y": whiskers(values, map(interval_of, found), look.colour),
        "line": {"color": look.colour, "dash": DASHES[line.place], "width": 2},
        "marker": {"symbol": SYMBOLS[line.place], "size": 8},
        "text": [escaped(line.variant)] * len(values),
        "hovertemplate": "%{fullData.name}<br>%{text} b%{x}<br>%{y:.4g}<extra></extra>",
    }


def _rates(line: VariantRates) -> list[Estimate]:
    return [rate_of(cell) for cell in line.cells]


def _variant_legend(names: Sequence[str]) -> list[Trace]:
    """What the dashes mean, in grey, where there are several."""
    return [
        {
            "type": "scatter",
            "name": escaped(name),
            "mode": "lines+markers",
            "x": [None],
            "y": [None],
            "line": {"color": GREY, "dash": DASHES[place], "width": 2},
            "marker": {"symbol": SYMBOLS[place], "size": 8},
        }
        for place, name in enumerate(names if len(names) > 1 else ())
    ]


def _table(id: str, group: Group, lines: Sequence[VariantRates]) -> Table:
    points = [
        (line, size, cell)
        for line in lines
        for size, cell in zip(line.sizes, line.cells, strict=True)
    ]
    rates = [rate_of(cell) for _, _, cell in points]
    has_audio = [bool(cell.rtfx.value) for _, _, cell in points]
    columns = (
        text_column("variant", (line.variant for line, _, _ in points)),
        text_column("candidate", (line.label for line, _, _ in points)),
        whole_column("batch size", (size for _, size, _ in points)),
        number_column("throughput", (estimate.value for estimate in rates)),
        number_column("low", (estimate.low for estimate in rates)),
        number_column("high", (estimate.high for estimate in rates)),
        text_column("is in", ("RTFx" if audio else "items/s" for audio in has_audio)),
    )
    return Table(f"{id}-table", f"Throughput over batch size of {group.name}", columns)
