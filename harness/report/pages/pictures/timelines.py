"""How busy each machine was over the time of a work, with the stages of its worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from harness.report.compare.model import Comparison, Moment, Row
from harness.report.pages.pictures.picture import (
    COLOURS,
    Figure,
    Look,
    Picture,
    axis,
    escaped,
    key,
    looks,
    panelled,
    small_label,
    thinned,
    titled,
)
from harness.report.pages.pictures.select import drawn_labels, ranked
from harness.report.tables.table import Table, number_column, text_column

MOST_MOMENTS = 150
PANEL_PX, GAP_PX, FRAME_PX = 120, 34, 120
LABELLED_SHARE = 0.2  # of the time shown: a shorter stage has no room for its name
SHADES = ("#f2f2f2", "#ffffff")


@dataclass(frozen=True)
class Panel:
    label: str
    moments: list[Moment]


def pictures(comparison: Comparison) -> Iterator[Picture]:
    """One picture a workload: of its work that most candidates watched, the longest."""
    labels = drawn_labels(comparison)
    workloads = dict.fromkeys(row.work.workload for row in comparison.rows)
    for place, workload in enumerate(workloads, 1):
        rows = [r for r in comparison.rows if r.same and r.work.workload == workload]
        watched = [(row, _panels(row, labels)) for row in rows]
        if known := [(row, panels) for row, panels in watched if panels]:
            row, panels = max(known, key=lambda pair: (len(pair[1]), _span_s(pair[1])))
            yield _picture(comparison, row, panels, place, len(known))


def _panels(row: Row, labels: Sequence[str]) -> list[Panel]:
    cells = ranked(row)
    return [
        Panel(label, thinned(cells[label].timeline, MOST_MOMENTS))
        for label in labels
        if label in cells and len(cells[label].timeline) > 1
    ]


def _span_s(panels: Sequence[Panel]) -> float:
    return max(panel.moments[-1].t_s for panel in panels)


def _picture(
    comparison: Comparison, row: Row, panels: Sequence[Panel], place: int, of: int
) -> Picture:
    id = f"timeline-{place}"
    notes = [
        "Lines: percent of all cores of the machine, and of each GPU (left); the "
        "worker's own cores (right). Grey and white bands are the worker's stages."
    ]
    if of > 1:
        notes.append(f"The longest of {of:,} works of this workload.")
    return Picture(
        id,
        f"Utilization: {row.work}",
        _figure(panels, looks(comparison)),
        _table(id, row, panels),
        row.work.workload,
        tuple(notes),
        is_aside=True,
    )


def _figure(panels: Sequence[Panel], look: Mapping[str, Look]) -> Figure:
    figure = panelled(
        [PANEL_PX] * len(panels),
        GAP_PX,
        FRAME_PX,
        [look[panel.label].name for panel in panels],
    )
    named: set[str] = set()
    for number, panel in enumerate(panels, 1):
        _add_axes(figure, number, number + len(panels), number == len(panels))
        _add_lines(figure, panel, number, number + len(panels), named)
        _add_stages(figure, panel, number, _span_s(panels))
    return figure


def _add_axes(figure: Figure, number: int, right: int, is_last: bool) -> None:
    """Percent on the left, cores on the right; one axis of time, told at the bottom."""
    layout = figure["layout"]
    layout[key("y", number)] |= titled("%", range=[0, 105])
    layout[key("y", right)] = titled(
        "cores",
        overlaying=axis("y", number),
        anchor=axis("x", number),
        side="right",
        rangemode="tozero",
        tickmode="auto",  # not where the left axis has its ticks
        nticks=4,
        showgrid=False,
    )
    shown = titled("time (s)") if is_last else {"showticklabels": False}
    matches = {"matches": "x"} if number > 1 else {}
    layout[key("x", number)] |= shown | matches


def _add_lines(
    figure: Figure, panel: Panel, number: int, right: int, named: set[str]
) -> None:
    for name, values, look, is_right in _series(panel.moments):
        if all(value is None for value in values):
            continue
        figure["data"].append(
            {
                "type": "scatter",
                "name": name,
                "legendgroup": name,
                "showlegend": name not in named,
                "mode": "lines",
                "x": [moment.t_s for moment in panel.moments],
                "y": values,
                "xaxis": axis("x", number),
                "yaxis": axis("y", right if is_right else number),
                "line": look,
                "text": [escaped(moment.stage) for moment in panel.moments],
                "hovertemplate": "%{fullData.name}, %{text}<br>%{x:.4g} s: %{y:.4g}"
                "<extra></extra>",
            }
        )
        named.add(name)


def _series(
    moments: Sequence[Moment],
) -> list[tuple[str, list[float | None], dict[str, object], bool]]:
    """(name, values, line, whether its axis is the right one) of every sensor."""
    gpus = max(len(moment.gpu_percent) for moment in moments)
    worker = [m.worker_cpu_percent for m in moments]
    return [
        (
            "machine's CPU (%)",
            [moment.machine_cpu_percent for moment in moments],
            {"color": COLOURS[0], "width": 2},
            False,
        ),
        *(
            (
                f"GPU {gpu} (%)",
                [_of_gpu(moment, gpu) for moment in moments],
                {"color": COLOURS[2 + gpu % 6], "width": 2, "dash": "dash"},
                False,
            )
            for gpu in range(gpus)
        ),
        (
            "worker (cores)",
            [value and value / 100 for value in worker],
            {"color": COLOURS[1], "width": 1.5, "dash": "dot"},
            True,
        ),
    ]


def _of_gpu(moment: Moment, gpu: int) -> float | None:
    return moment.gpu_percent[gpu] if gpu < len(moment.gpu_percent) else None


def _add_stages(figure: Figure, panel: Panel, number: int, span_s: float) -> None:
    """Bands behind the lines, named where there is room."""
    across = {"xref": axis("x", number), "yref": f"{axis('y', number)} domain"}
    start_s = 0.0
    for place, (stage, some) in enumerate(groupby(panel.moments, lambda m: m.stage)):
        end_s = list(some)[-1].t_s
        band: dict[str, Any] = {"type": "rect", "layer": "below", **across}
        band |= {"line": {"width": 0}, "x0": start_s, "x1": end_s, "y0": 0, "y1": 1}
        figure["layout"]["shapes"].append(band | {"fillcolor": SHADES[place % 2]})
        if end_s - start_s > LABELLED_SHARE * span_s:
            at = {"x": start_s, "xanchor": "left", "y": 0, "yanchor": "bottom"}
            name = small_label(escaped(stage)) | across | at
            figure["layout"]["annotations"].append(name)
        start_s = end_s


def _table(id: str, row: Row, panels: Sequence[Panel]) -> Table:
    found = [(panel.label, moment) for panel in panels for moment in panel.moments]
    moments = [moment for _, moment in found]
    gpus = max(len(moment.gpu_percent) for moment in moments)
    columns = (
        text_column("candidate", (label for label, _ in found)),
        number_column("time", (moment.t_s for moment in moments), unit="s"),
        text_column("stage", (moment.stage for moment in moments)),
        number_column(
            "machine's CPU", (m.machine_cpu_percent for m in moments), unit="%"
        ),
        number_column(
            "worker's CPU",
            (m.worker_cpu_percent for m in moments),
            unit="% of a core",
        ),
        *(
            number_column(f"GPU {gpu}", (_of_gpu(m, gpu) for m in moments), unit="%")
            for gpu in range(gpus)
        ),
    )
    return Table(f"{id}-table", f"Readings of the sensors during {row.work}", columns)
