"""Primitives that run faster alone than in the step: what each would gain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.report.compare.model import Comparison, Work
from harness.report.compare.replayed import ReplayedKernel, ReplayedKernels
from harness.report.compare.shown.columns import work_columns
from harness.report.pages.pictures.picture import (
    COLOURS,
    Figure,
    Picture,
    Trace,
    axis,
    escaped,
    key,
    panelled,
    titled,
)
from harness.report.pages.pictures.select import (
    Group,
    drawn_labels,
    groups,
    ranked,
    tick,
)
from harness.report.tables.table import (
    Table,
    formatted_column,
    number_column,
    text_column,
)

MOST_WORKS = 4
BAR_PX, GAP_PX, FRAME_PX = 34, 62, 130
IN_STEP, ALONE = "in the step", "alone, in the caches"


@dataclass(frozen=True)
class Replayed:
    """A work on one candidate."""

    work: Work
    label: str
    kernels: ReplayedKernels

    @property
    def gain_s(self) -> float:
        return sum(one.gain_s for one in self.kernels.most_to_gain)


def pictures(comparison: Comparison) -> Iterator[Picture]:
    """One picture a model, a panel for each of the works with most to gain."""
    found = (_picture(comparison, group) for group in groups(comparison))
    yield from filter(None, found)


def _picture(comparison: Comparison, group: Group) -> Picture | None:
    labels = drawn_labels(comparison)
    found = [
        Replayed(row.work, label, cell.replayed)
        for row in group.rows
        for label in labels
        if (cell := ranked(row).get(label)) and cell.replayed
    ]
    drawn = [one for one in found if one.kernels.most_to_gain]
    if not drawn:
        return None
    drawn = sorted(drawn, key=lambda one: -one.gain_s)[:MOST_WORKS]
    id = f"replays-{group.place}"
    return Picture(
        id,
        f"What kernels would gain alone: {group.name}",
        _figure(drawn),
        _table(id, group, found),
        group.workload,
        (
            "Each primitive ran again alone, by the same kernel on a problem of the "
            "same size; a part of its gain is that its data was in the caches.",
        ),
        is_aside=True,
    )


def _figure(drawn: Sequence[Replayed]) -> Figure:
    figure = panelled(
        [BAR_PX * len(one.kernels.most_to_gain) + BAR_PX / 2 for one in drawn],
        GAP_PX,
        FRAME_PX,
        [_title(one) for one in drawn],
    )
    figure["layout"]["barmode"] = "group"
    for panel, one in enumerate(drawn, 1):
        figure["data"] += _bars(one.kernels.most_to_gain, panel)
        figure["layout"][key("y", panel)] |= {
            "type": "category",
            "autorange": "reversed",
            "showgrid": False,
            "ticks": "",
        }
    figure["layout"][key("x", len(drawn))] |= titled("time of a step (ms)")
    return figure


def _title(one: Replayed) -> str:
    efficiency = one.kernels.efficiency
    known = "" if efficiency is None else f", efficiency {efficiency:.2f}"
    return f"{tick(one.work).replace('<br>', ' ')}, {escaped(one.label)}{known}"


def _bars(kernels: Sequence[ReplayedKernel], panel: int) -> Iterator[Trace]:
    names = [f"{number}. {_name(one)}" for number, one in enumerate(kernels, 1)]
    for place, (name, times_s) in enumerate(
        (
            (IN_STEP, [one.observed_s for one in kernels]),
            (ALONE, [one.hot_s for one in kernels]),
        )
    ):
        yield {
            "type": "bar",
            "name": name,
            "legendgroup": name,
            "showlegend": panel == 1,
            "orientation": "h",
            "x": [1e3 * time_s for time_s in times_s],
            "y": names,
            "text": [escaped(one.problem) for one in kernels],
            "textposition": "none",
            "marker": {
                "color": COLOURS[place],
                "pattern": {"shape": ("", "/")[place], "fgcolor": "#ffffff"},
            },
            "hovertemplate": "%{y}<br>%{text}<br>%{fullData.name}: %{x:.4g} ms"
            "<extra></extra>",
            "xaxis": axis("x", panel),
            "yaxis": axis("y", panel),
        }


def _name(one: ReplayedKernel) -> str:
    known = "" if one.direction in ("none", "") else one.direction.replace("_", " ")
    return escaped(f"{one.primitive} {known}".strip())


def _table(id: str, group: Group, found: Sequence[Replayed]) -> Table:
    rows = [(one, kernel) for one in found for kernel in one.kernels.most_to_gain]
    kernels = [kernel for _, kernel in rows]
    columns = (
        *work_columns([one.work for one, _ in rows], short=True),
        text_column("candidate", (one.label for one, _ in rows)),
        text_column("primitive", (kernel.primitive for kernel in kernels)),
        text_column("direction", (kernel.direction for kernel in kernels)),
        text_column("implementation", (kernel.implementation for kernel in kernels)),
        text_column("problem", (kernel.problem for kernel in kernels)),
        number_column("in the step", (1e3 * k.observed_s for k in kernels), unit="ms"),
        number_column("hot", (1e3 * k.hot_s for k in kernels), unit="ms"),
        number_column(
            "cold",
            (None if k.cold_s is None else 1e3 * k.cold_s for k in kernels),
            unit="ms",
        ),
        number_column("to gain", (1e3 * k.gain_s for k in kernels), unit="ms"),
        formatted_column(
            "efficiency of all", (one.kernels.efficiency for one, _ in rows), ".2f"
        ),
        formatted_column(
            "reproduced %", (one.kernels.reproduced_percent for one, _ in rows), ".0f"
        ),
    )
    return Table(f"{id}-table", f"What kernels of {group.name} would gain", columns)
