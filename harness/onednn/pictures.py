"""A log's groups as bars: by the first key, in colours by the second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.onednn.totals import Totals
from harness.report.pages.pictures.picture import COLOURS, INK, TEMPLATE, escaped

MOST_BARS, MOST_COLOURS = 25, len(COLOURS)
BAR_PX, FRAME_PX = 26, 130
OTHERS = "others"
PATTERNS = ("", "/", "\\", "x", "-", "|", "+", ".")  # for print without colours


def breakdown_figure(totals: Totals, name: str) -> Any:
    """Shares of the primitives' time in the log of that name."""
    whole = totals.time_ms()
    groups = {
        group: 100 * one.time_ms / whole for group, one in totals.of().items() if whole
    }
    bars = _ranked(groups, place=0, most=MOST_BARS)
    colours = _ranked(groups, place=1, most=MOST_COLOURS)
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": escaped(colour or "all"),
            "y": [escaped(bar) for bar in bars],
            "x": [_share(groups, bar, colour, bars, colours) for bar in bars],
            "marker": _look(number),
            "hovertemplate": "%{y}, %{fullData.name}: %{x:.1f} %<extra></extra>",
        }
        for number, colour in enumerate(colours)
    ]
    title = f"{escaped(name)}: share of the time of primitives (%)"
    return _figure(traces, len(bars), title, "stack")


def difference_figure(
    totals: Sequence[Totals], names: Sequence[str], divisors: Sequence[float]
) -> Any:
    """Times of groups side by side."""
    groups = [
        {
            " ".join(filter(None, group)): one.time_ms / by
            for group, one in t.of().items()
        }
        for t, by in zip(totals, divisors, strict=True)
    ]
    largest = {
        bar: max(some.get(bar, 0.0) for some in groups)
        for bar in dict.fromkeys([*groups[0], *groups[1]])
    }
    bars = sorted(largest, key=lambda bar: -largest[bar])[:MOST_BARS]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": escaped(name),
            "y": [escaped(bar) for bar in bars],
            "x": [some.get(bar, 0.0) for bar in bars],
            "marker": _look(number),
            "hovertemplate": "%{y}, %{fullData.name}: %{x:.4g} ms<extra></extra>",
        }
        for number, (name, some) in enumerate(zip(names, groups, strict=True))
    ]
    return _figure(traces, 2 * len(bars), "time (ms)", "group")


def _ranked(groups: dict[tuple[str, ...], float], place: int, most: int) -> list[str]:
    """Values of one key by falling share; the last of too many is all the others."""
    shares: dict[str, float] = {}
    for group, share in groups.items():
        name = _value(group, place)
        shares[name] = shares.get(name, 0.0) + share
    order = sorted(shares, key=lambda name: -shares[name])
    return order if len(order) <= most else [*order[: most - 1], OTHERS]


def _value(group: tuple[str, ...], place: int) -> str:
    return group[place] if place < len(group) else ""


def _share(
    groups: dict[tuple[str, ...], float],
    bar: str,
    colour: str,
    bars: Sequence[str],
    colours: Sequence[str],
) -> float:
    def shown(name: str, names: Sequence[str]) -> str:
        return name if name in names else OTHERS

    return sum(
        share
        for group, share in groups.items()
        if shown(_value(group, 0), bars) == bar
        and shown(_value(group, 1), colours) == colour
    )


def _look(number: int) -> dict[str, Any]:
    return {
        "color": COLOURS[number % len(COLOURS)],
        "pattern": {"shape": PATTERNS[number % len(PATTERNS)], "fgcolor": INK},
    }


def _figure(traces: list[dict[str, Any]], bars: int, title: str, mode: str) -> Any:
    import plotly.graph_objects as go

    shown = go.Figure(traces)
    return shown.update_layout(
        template=TEMPLATE,
        barmode=mode,
        height=BAR_PX * bars + FRAME_PX,
        xaxis={"title": {"text": title}},
        legend={"traceorder": "normal"},
        yaxis={"autorange": "reversed"},
        margin={"l": 10, "r": 20, "t": 60, "b": 60},
    )
