"""The scores behind the findings as pictures, in a page that needs no network."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.studies.findings.report import (
    STUDY,
    Checked,
    improved,
    rules,
    table,
    verdicts,
)
from benchmarks.studies.findings.rules import (
    BASELINE,
    FORMATS,
    HIGH,
    LOW,
    STRATEGIES,
    Scored,
)
from harness.report.pages import plain
from harness.report.tables.html import as_html
from harness.report.tables.table import Table, text_column

ROW_PX, FRAME_PX = 430, 120
LOWEST_DB = -5.0  # shown at first: what lies below is lost, and would flatten the rest
INK = "#222"
# Of a criterion: colour (M. Okabe, K. Ito, "Color Universal Design", 2008) and symbol.
# Whole channels have solid lines and full symbols, single weights broken and open ones.
_CRITERIA = {
    "random": ("#000000", "circle"),
    "l1": ("#0072b2", "square"),
    "l2": ("#009e73", "diamond"),
    "gradient": ("#d55e00", "triangle-up"),
}
_FAMILIES = (  # of points: legend, names, colour, symbol
    ("number formats", FORMATS, "#000000", "x"),
    ("CP", tuple(f"cp-{p}" for p in LOW), "#cc79a7", "star"),
    ("Tucker", tuple(f"tucker-{p}" for p in LOW), "#56b4e9", "pentagon"),
)


def page(checked: Sequence[Checked], origin: Mapping[str, str]) -> str:
    """HTML with the verdicts, the figure, all numbers, and where they come from."""
    heading = "Findings on compressed separators, checked"
    parts = [
        f"<h1>{heading}</h1>",
        as_html(verdict_table(checked)),
        plain.figure_html(figure(checked), "picture"),
        *(
            as_html(replace(table(one), id=f"pairs-{n}"))
            for n, one in enumerate(checked)
        ),
        plain.preformatted(verdicts(checked)),
        plain.preformatted(rules(checked[0].limits)),
        plain.preformatted("\n".join(f"{n}: {value}" for n, value in origin.items())),
    ]
    return plain.page(heading, STUDY.kind, "\n".join(parts))


def verdict_table(checked: Sequence[Checked]) -> Table:
    """A row for each finding, a column for each model."""
    columns = (
        text_column("finding", (one.text for one in checked[0].findings)),
        *(text_column(one.model, (f.verdict for f in one.findings)) for one in checked),
    )
    return Table("verdicts", "Verdicts", columns)


def figure(checked: Sequence[Checked]) -> Any:
    """For each model, lines over the share of zeros beside points of all else."""
    from plotly.subplots import make_subplots

    shown = make_subplots(
        rows=len(checked),
        cols=2,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        column_widths=[0.6, 0.4],
        subplot_titles=[
            f"{html.escape(one.model)}: {what}"
            for one in checked
            for what in ("pruning", "number formats, low rank")
        ],
    )
    for row, one in enumerate(checked, 1):
        for strategy in STRATEGIES:
            shown.add_trace(_line(one, strategy, first=row == 1), row, 1)
        for family in _FAMILIES:
            shown.add_trace(_points(one, *family, first=row == 1), row, 2)
        shown.add_hline(one.baseline.mean, row=row, line={"dash": "dot", "width": 1})
        _label_axes(shown, row, one)
    shown.update_layout(
        height=ROW_PX * len(checked) + FRAME_PX,
        margin={"l": 10, "r": 20, "t": 60, "b": 60},
        template="plotly_white",
        font={"size": 13, "color": INK},
        legend={
            "orientation": "h",
            "x": 0,
            "y": -0.08 / len(checked),
            "yanchor": "top",
        },
    )
    return shown


def _line(one: Checked, strategy: str, first: bool) -> Any:
    """A strategy from the baseline, at no zeros, on."""
    from plotly import graph_objects

    criterion, kind = strategy.split("-")
    colour, symbol = _CRITERIA[criterion]
    structured = kind == "structured"
    names = {0: BASELINE, **{p: f"prune-{strategy}-{p}" for p in (*LOW, *HIGH)}}
    there = {p: name for p, name in names.items() if name in one.scores}
    return graph_objects.Scatter(
        x=list(there),
        y=[one.scores[name].improvement.mean for name in there.values()],
        mode="lines+markers",
        name=strategy,
        legendgroup=strategy,
        showlegend=first,
        line={"color": colour, "dash": "solid" if structured else "dash"},
        marker={"symbol": symbol if structured else f"{symbol}-open", "size": 9},
        **_hover(one, list(there.values())),
    )


def _points(
    one: Checked,
    legend: str,
    names: Sequence[str],
    colour: str,
    symbol: str,
    first: bool,
) -> Any:
    from plotly import graph_objects

    there = [name for name in names if name in one.scores]
    values = [one.scores[name].improvement for name in there]
    bounds = [value.interval() for value in values]
    return graph_objects.Scatter(
        x=there,
        y=[value.mean for value in values],
        mode="markers",
        name=legend,
        legendgroup=legend,
        showlegend=first,
        marker={"symbol": symbol, "size": 11, "color": colour},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [b[1] - v.mean for b, v in zip(bounds, values, strict=True)],
            "arrayminus": [v.mean - b[0] for b, v in zip(bounds, values, strict=True)],
        },
        **_hover(one, there),
    )


def _hover(one: Checked, names: Sequence[str]) -> dict[str, Any]:
    """The name and the interval of each point, and what is to be known of it."""
    return {
        "text": [_hover_text(name, one.scores[name]) for name in names],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _hover_text(name: str, found: Scored) -> str:
    note = f"<br>{html.escape(found.note)}" if found.note else ""
    return f"{html.escape(name)}<br>{improved(found.improvement)}{note}"


def _label_axes(shown: Any, row: int, one: Checked) -> None:
    means = [found.improvement.mean for found in one.scores.values()]
    hidden = sum(mean < LOWEST_DB for mean in means)
    below = f"<br>({hidden} below: double-click)" if hidden else ""
    lowest, highest = max(min(means), LOWEST_DB), max(0.0, *means)
    space = 0.08 * (highest - lowest) + 0.1
    shown.update_yaxes(range=[lowest - space, highest + 3 * space], row=row)
    shown.update_yaxes(
        title_text=f"SI-SDR improvement (dB){below}",
        zeroline=True,
        zerolinecolor=INK,
        row=row,
        col=1,
    )
    shown.update_xaxes(
        title_text="pruned: % of each layer's weights or channels", row=row, col=1
    )
    order = [name for _, names, *_ in _FAMILIES for name in names]
    shown.update_xaxes(categoryorder="array", categoryarray=order, row=row, col=2)
