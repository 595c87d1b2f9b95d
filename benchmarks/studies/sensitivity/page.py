"""The costs of the layers as a picture."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.studies.command import Models, Report
from benchmarks.studies.display import HOVER, two_panels, with_interval
from benchmarks.studies.sensitivity.report import (
    ALL,
    Setting,
    numbers,
    shape,
    table,
    title,
    verdict,
)
from harness.report.pages.pictures.picture import INK, whiskers
from workloads.compression.sensitivity import Cost, LayerCost, Sensitivity

ROW_PX, FRAME_PX = 30, 170
_COLOURS = {  # of bars, by their kind
    "interval above 0": "#c0392b",
    "interval not above 0": "#9fb3c8",
    ALL: "#334e68",
}
Bar = dict[str, Any]


def report(found: Sensitivity, setting: Setting, models: Models) -> Report:
    """The verdict, the figure, and all numbers."""
    said = verdict(found, setting)
    return Report(
        title(found, setting),
        [partial(figure, found, setting), table(found, setting)],
        numbers(found, setting),
        models,
        heading=f"{said[0].upper()}{said[1:]}.",
    )


def figure(found: Sensitivity, setting: Setting) -> Any:
    """Bars in the graph's order, the input at the top: cost, and change of outputs."""
    rows = {_tick(layer): layer.cost for layer in found.layers}
    whole = f"<b>{ALL}</b>"
    shown = two_panels(1, 0.62)
    for kind, colour in _COLOURS.items():
        costs = {
            tick: cost
            for tick, cost in [*rows.items(), (whole, found.together)]
            if cost and kind == (ALL if tick == whole else _kind(cost))
        }
        shown.add_traces(_bars(costs, kind, colour), rows=[1, 1], cols=[1, 2])
    for tick, cost in rows.items():
        if cost is None:
            shown.add_annotation(x=0, y=tick, text="stays in float", xanchor="left")
    _lay_out(shown, [*rows, whole], found, setting)
    return shown


def _tick(layer: LayerCost) -> str:
    """
    >>> from workloads.compression.graph import Layer
    >>> _tick(LayerCost(1, Layer("a", "Conv", (64, 40, 48)), 13.32, None))
    'conv 1 (64x40x48, 13.3 %)'
    """
    return f"{layer.label} ({shape(layer)}, {layer.weights_percent:.1f} %)"


def _kind(cost: Cost) -> str:
    return "interval above 0" if cost.shows else "interval not above 0"


def _bars(costs: dict[str, Cost], kind: str, colour: str) -> tuple[Bar, Bar]:
    """Of one kind, for both panels."""
    differences = [cost.difference for cost in costs.values()]
    values = [one.value for one in differences]
    changes = [cost.output_change for cost in costs.values()]
    common = {
        "type": "bar",
        "y": list(costs),
        "orientation": "h",
        "marker": {"color": colour},
        "legendgroup": kind,
        "name": kind,
    }
    left = {
        **common,
        "x": values,
        "error_x": whiskers(values, [(one.low, one.high) for one in differences]),
        "text": list(map(with_interval, differences)),
        "textposition": "none",
        "hovertemplate": f"%{{y}}<br>{HOVER}",
    }
    right = {
        **common,
        "x": changes,
        "text": [f"{change:.3g}" for change in changes],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{y}<br>%{x:.4g}<extra></extra>",
        "showlegend": False,
    }
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
        legend={"y": 1, "yanchor": "bottom"},
    )
    shown.update_yaxes(
        categoryorder="array",
        categoryarray=ticks,
        autorange="reversed",
        automargin=True,
    )
    what = "layer quantized alone (weights, share of all)"
    shown.update_yaxes(title_text=what, col=1)
    shown.update_xaxes(zeroline=True, zerolinecolor=INK, zerolinewidth=1)
    cost = f"cost: {setting.unit} above fp32, with its 95 % interval"
    change = f"mean absolute change of {setting.outputs} ({setting.output_unit})"
    shown.update_xaxes(title_text=cost, col=1)
    shown.update_xaxes(title_text=change, col=2)
