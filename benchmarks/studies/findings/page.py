"""The scores behind the findings as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from benchmarks.studies.command import Models, Report
from benchmarks.studies.display import HOVER, two_panels
from benchmarks.studies.findings.report import (
    Checked,
    improved,
    numbers,
    rules,
    table,
    verdict_table,
    verdicts,
)
from benchmarks.studies.findings.rules import BASELINE, FORMATS, HIGH, LOW, STRATEGIES
from harness.report.pages.pictures.picture import INK, TITLE_PX, escaped, whiskers
from harness.report.pages.plain import Part

ROW_PX, FRAME_PX, LEGEND_PX = 430, 180, 110
LOWEST_DB = -5.0  # shown at first: what lies below is lost, and would flatten the rest
# Of a criterion: colour (M. Okabe, K. Ito, "Color Universal Design", 2008) and symbol.
# Whole channels have solid lines and full symbols, single weights broken and open ones.
_CRITERIA = {
    "random": ("#000000", "circle"),
    "l1": ("#0072b2", "square"),
    "l2": ("#009e73", "diamond"),
    "gradient": ("#d55e00", "triangle-up"),
}


class Series(NamedTuple):
    """Compressions that belong together, by their places on the horizontal axis; with a
    `dash` a line joins them, without one each has its interval."""

    legend: str
    names: Mapping[Any, str]
    colour: str
    symbol: str
    dash: str | None = None


def _strategy(strategy: str) -> Series:
    """From the baseline, at no zeros, on."""
    criterion, kind = strategy.split("-")
    colour, symbol = _CRITERIA[criterion]
    names = {0: BASELINE, **{p: f"prune-{strategy}-{p}" for p in (*LOW, *HIGH)}}
    if kind == "structured":
        return Series(strategy, names, colour, symbol, "solid")
    return Series(strategy, names, colour, f"{symbol}-open", "dash")


PRUNINGS = tuple(map(_strategy, STRATEGIES))
OTHERS = (
    Series("number formats", {name: name for name in FORMATS}, "#000000", "x"),
    Series("CP", {f"cp-{p}": f"cp-{p}" for p in LOW}, "#cc79a7", "star"),
    Series(
        "Tucker", {f"tucker-{p}": f"tucker-{p}" for p in LOW}, "#56b4e9", "pentagon"
    ),
)


def report(checked: Sequence[Checked], models: Models) -> Report:
    """The verdicts, the figure, and all that they rest on."""
    pictures = verdict_table(checked), partial(figure, checked)
    parts: list[Part] = [*pictures, *map(table, checked), verdicts(checked), rules()]
    title = "Findings on compressed separators, checked"
    return Report(title, parts, numbers(checked), models)


def figure(checked: Sequence[Checked]) -> Any:
    """For each model, lines over the share of zeros beside points of all else."""
    whats = ("pruning", "number formats, low rank")
    titles = [f"{escaped(one.model)}: {what}" for one in checked for what in whats]
    shown = two_panels(len(checked), 0.6, titles)
    for row, one in enumerate(checked, 1):
        for column, panel in enumerate((PRUNINGS, OTHERS), 1):
            for series in panel:
                shown.add_trace(_trace(one, series, row == 1), row, column)
        shown.add_hline(one.baseline.value, row=row, line={"dash": "dot", "width": 1})
        _label_axes(shown, row, one)
    return shown.update_layout(
        height=ROW_PX * len(checked) + FRAME_PX,
        margin={"l": 10, "r": 20, "t": LEGEND_PX, "b": 80},
        legend={"y": 1 + TITLE_PX / (ROW_PX * len(checked)), "yanchor": "bottom"},
    )


def _trace(one: Checked, series: Series, is_in_legend: bool) -> dict[str, Any]:
    there = {x: name for x, name in series.names.items() if name in one.scores}
    found = [one.scores[name].improvement for name in there.values()]
    means = [measure.value for measure in found]
    ends = [measure.interval() for measure in found]
    is_line = series.dash is not None
    return {
        "type": "scatter",
        "x": list(there),
        "y": means,
        "mode": "lines+markers" if is_line else "markers",
        "name": series.legend,
        "legendgroup": series.legend,
        "showlegend": is_in_legend,
        "line": {"color": series.colour, "dash": series.dash},
        "marker": {"symbol": series.symbol, "size": 9 if is_line else 11},
        "error_y": {} if is_line else whiskers(means, ends, series.colour),
        "text": [_hover_text(one, name) for name in there.values()],
        "hovertemplate": HOVER,
    }


def _hover_text(one: Checked, name: str) -> str:
    """The name, the interval, and what else is to be known."""
    found = one.scores[name]
    lines = (name, improved(found.improvement), found.note)
    return "<br>".join(escaped(line) for line in lines if line)


def _label_axes(shown: Any, row: int, one: Checked) -> None:
    means = [found.improvement.value for found in one.scores.values()]
    hidden = sum(mean < LOWEST_DB for mean in means)
    below = f"<br>({hidden} below: double-click)" if hidden else ""
    lowest, highest = max(min(means), LOWEST_DB), max(0.0, *means)
    space = 0.08 * (highest - lowest) + 0.1
    shown.update_yaxes(range=[lowest - space, highest + 3 * space], row=row)
    title = f"SI-SDR improvement (dB){below}"
    shown.update_yaxes(
        title_text=title, zeroline=True, zerolinecolor=INK, row=row, col=1
    )
    pruned = "pruned: % of each layer's weights or channels"
    shown.update_xaxes(title_text=pruned, row=row, col=1)
    order = [name for series in OTHERS for name in series.names]
    shown.update_xaxes(categoryorder="array", categoryarray=order, row=row, col=2)
