"""The costs of the layers as a picture, in a page that needs no network."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from benchmarks.studies.intervals import with_interval
from benchmarks.studies.sensitivity.report import (
    STUDY,
    Setting,
    table,
    title,
    verdict,
)
from harness.report.pages import plain
from harness.report.tables.html import as_html
from workloads.compression.sensitivity import Cost, LayerCost, Sensitivity

ROW_PX, FRAME_PX = 30, 170
ALL = "all layers"
_KINDS = (  # of bars: legend and colour
    ("interval above 0", "#c0392b"),
    ("interval not above 0", "#9fb3c8"),
    (ALL, "#334e68"),
)


def page(found: Sensitivity, setting: Setting, origin: Mapping[str, str]) -> str:
    """HTML with the verdict, the figure, the table, and where it comes from."""
    parts = [
        f"<h1>{html.escape(_sentence(verdict(found, setting)))}</h1>",
        plain.figure_html(figure(found, setting), "picture"),
        as_html(table(found, setting)),
        plain.preformatted("\n".join(f"{n}: {value}" for n, value in origin.items())),
    ]
    return plain.page(title(found, setting), STUDY.kind, "\n".join(parts))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def figure(found: Sensitivity, setting: Setting) -> Any:
    """Bars in the graph's order, the input at the top: cost, and change of outputs."""
    from plotly.subplots import make_subplots

    shown = make_subplots(
        rows=1,
        cols=2,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        column_widths=[0.62, 0.38],
    )
    rows = [(_tick(layer), layer.cost) for layer in found.layers]
    rows.append((f"<b>{ALL}</b>", found.together))
    for kind, colour in _KINDS:
        costs = [
            (tick, cost) for tick, cost in rows if cost and _kind(tick, cost) == kind
        ]
        for column, bars in enumerate(_bars(costs, kind, colour), 1):
            shown.add_trace(bars, 1, column)
    for tick, cost in rows:
        if cost is None:
            shown.add_annotation(x=0, y=tick, text="stays in float", xanchor="left")
    _lay_out(shown, [tick for tick, _ in rows], found, setting)
    return shown


def _tick(layer: LayerCost) -> str:
    """
    >>> from workloads.compression.layers import Layer
    >>> _tick(LayerCost(1, Layer("a", "Conv", (64, 40, 48)), 13.32, None))
    'conv 1 (64x40x48, 13.3 %)'
    """
    shape = "x".join(map(str, layer.layer.shape))
    return f"{layer.label} ({shape}, {layer.weights_percent:.1f} %)"


def _kind(tick: str, cost: Cost) -> str:
    if ALL in tick:
        return ALL
    return _KINDS[0][0] if cost.shows else _KINDS[1][0]


def _bars(costs: list[tuple[str, Cost]], kind: str, colour: str) -> tuple[Any, Any]:
    """Of one kind, for both panels."""
    from plotly import graph_objects

    ticks = [tick for tick, _ in costs]
    differences = [cost.difference for _, cost in costs]
    values = [one.value for one in differences]
    common: dict[str, Any] = {
        "y": ticks,
        "orientation": "h",
        "marker_color": colour,
        "legendgroup": kind,
        "name": kind,
    }
    left = graph_objects.Bar(
        x=values,
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [one.high - one.value for one in differences],
            "arrayminus": [one.value - one.low for one in differences],
            "color": "#222",
            "thickness": 1.5,
            "width": 4,
        },
        text=[with_interval(one) for one in differences],
        textposition="none",
        hovertemplate="%{y}<br>%{text}<extra></extra>",
        **common,
    )
    changes = [cost.output_change for _, cost in costs]
    right = graph_objects.Bar(
        x=changes,
        text=[f"{change:.3g}" for change in changes],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}<br>%{x:.4g}<extra></extra>",
        showlegend=False,
        **common,
    )
    return left, right


def _lay_out(
    shown: Any, ticks: list[str], found: Sensitivity, setting: Setting
) -> None:
    shown.update_layout(
        barmode="overlay",
        bargap=0.35,
        height=ROW_PX * len(ticks) + FRAME_PX,
        margin={"l": 10, "r": 50, "t": 90, "b": 60},
        title={"text": title(found, setting), "font": {"size": 15}, "x": 0},
        template="plotly_white",
        font={"size": 13, "color": "#222"},
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
    )
    shown.update_yaxes(
        categoryorder="array",
        categoryarray=ticks,
        autorange="reversed",
        automargin=True,
        row=1,
    )
    shown.update_yaxes(
        title_text="layer quantized alone (weights, share of all)", row=1, col=1
    )
    axes = (
        f"cost: {setting.unit} above fp32, with its 95 % interval",
        f"mean absolute change of {setting.outputs} ({setting.output_unit})",
    )
    for column, text in enumerate(axes, 1):
        shown.update_xaxes(
            title_text=text,
            zeroline=True,
            zerolinecolor="#222",
            zerolinewidth=1,
            row=1,
            col=column,
        )
