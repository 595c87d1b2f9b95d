"""A picture, and what all pictures share: colours, fonts, axes, escaped text.

Figures are plotly's in JSON: dicts of traces and layout, as plotly.js takes them. The
objects of plotly's own Python package check every property on every change, which takes
half a minute for the pictures of 2,000 works; a test checks each kind of figure once.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report.compare.model import Comparison
from harness.report.tables.table import Table

# Okabe and Ito, Color Universal Design, 2008: eight colours that people with any kind
# of colour blindness tell apart. Yellow, the faintest on white, comes last.
COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7"),
    *("#E69F00", "#56B4E9", "#000000", "#F0E442"),
)
# Colour is never alone: lines and marks differ in print without colours, too.
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = (
    *("circle", "square", "diamond", "triangle-up"),
    *("triangle-down", "cross", "star", "pentagon", "hexagram"),
)
INK, GREY, LIGHT = "#222222", "#595959", "#e4e4e4"
TITLE_PX = 26  # of a panel
LABEL_PX = 78  # of a level, right of its line
LONG_LABEL = 14  # characters
TEMPLATE: dict[str, Any] = {
    "layout": {
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "colorway": list(COLOURS),
        "margin": {"l": 12, "r": 16, "t": 12, "b": 12, "pad": 4},
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "namelength": -1},
        "modebar": {"bgcolor": "#ffffff", "color": GREY, "activecolor": INK},
        # Above the picture, where it never covers data however many lines it takes.
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.02,
            "yanchor": "bottom",
        },
    }
}
_AXIS = {
    "automargin": True,
    "exponentformat": "none",  # 0.00005, not 50µ
    "gridcolor": LIGHT,
    "linecolor": GREY,
    "showline": True,
    "ticks": "outside",
    "tickcolor": GREY,
    "ticklen": 4,
    "zeroline": False,
    "title": {"standoff": 10, "font": {"size": 13}},
}
TEMPLATE["layout"]["xaxis"] = TEMPLATE["layout"]["yaxis"] = _AXIS


Figure = dict[str, Any]  # "data" and "layout"
Trace = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """A figure with what stands around it. `workload` is its place on the page, None
    where it is of all; `table` holds the very numbers that are drawn. `is_aside`: few
    look at it, and those open it."""

    id: str
    title: str
    figure: Figure
    table: Table
    workload: str | None
    notes: tuple[str, ...] = ()
    is_aside: bool = False


@dataclass(frozen=True)
class Look:
    """How one candidate is drawn in every picture of a comparison. `name` is escaped,
    and leaves out how the names of all begin."""

    name: str
    colour: str
    dash: str
    symbol: str


def looks(comparison: Comparison) -> dict[str, Look]:
    """By label, in the candidates' order."""
    labels = [candidate.label for candidate in comparison.candidates]
    names = dict(zip(labels, distinct(labels, " "), strict=True))
    return {
        candidate.label: Look(
            escaped(names[candidate.label]),
            COLOURS[place % len(COLOURS)],
            DASHES[place % len(DASHES)],
            SYMBOLS[place % len(SYMBOLS)],
        )
        for place, candidate in enumerate(comparison.candidates)
    }


def symbol(place: int) -> str:
    """That of so many, no two alike until all are used in four styles.

    >>> symbol(0), symbol(9), symbol(18)
    ('circle', 'circle-open', 'circle-dot')
    """
    styles = ("", "-open", "-dot", "-open-dot")
    style, place = divmod(place, len(SYMBOLS))
    return f"{SYMBOLS[place]}{styles[style % len(styles)]}"


def distinct(names: Sequence[str], separator: str) -> list[str]:
    """Names without the words that all begin with, and never without all.

    >>> distinct(["epyc cpu", "epyc cpu:threads=1"], " ")
    ['cpu', 'cpu:threads=1']
    >>> distinct(["epyc", "xeon"], " "), distinct(["epyc", "epyc cpu"], " ")
    (['epyc', 'xeon'], ['epyc', 'epyc cpu'])
    >>> distinct(["epyc cpu"], " ")
    ['epyc cpu']
    """
    words = [name.split(separator) for name in names]
    shortest = min(map(len, words), default=0)
    alike = 0
    while len(words) > 1 and alike < shortest - 1:
        if len({own[alike] for own in words}) > 1:
            break
        alike += 1
    return [separator.join(own[alike:]) for own in words]


def blank(height_px: float, x: dict[str, Any], y: dict[str, Any]) -> Figure:
    """A figure without traces, as wide as its place; `x` and `y` are its axes."""
    layout = {"height": height_px, "showlegend": True, "xaxis": x, "yaxis": y}
    return {"data": [], "layout": layout | {"shapes": [], "annotations": []}}


def panelled(
    heights_px: Sequence[float], gap_px: float, frame_px: float, titles: Sequence[str]
) -> Figure:
    """A figure of panels one below the other, with a title each (or none, escaped);
    axes `x`, `y`, then `x2`, `y2` and so on. The frame holds legend and axis title."""
    inside = sum(heights_px) + gap_px * (len(heights_px) - 1)
    figure = blank(inside + frame_px, {}, {})
    if titles[0]:  # the legend stands above it
        figure["layout"]["legend"] = {"y": 1 + TITLE_PX / inside}
    top = 1.0
    for number, (height, title) in enumerate(zip(heights_px, titles, strict=True), 1):
        bottom = max(top - height / inside, 0.0)
        figure["layout"] |= {
            key("x", number): {"anchor": axis("y", number)},
            key("y", number): {"anchor": axis("x", number), "domain": [bottom, top]},
        }
        if title:
            figure["layout"]["annotations"].append(_title(title, top))
        top = bottom - gap_px / inside
    return figure


def _title(text: str, y: float) -> dict[str, Any]:
    return {
        "text": text,
        "showarrow": False,
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "y": y,
        "yref": "paper",
        "yanchor": "bottom",
    }


def axis(letter: str, number: int) -> str:
    """An axis as traces name it.

    >>> axis("x", 1), axis("y", 2)
    ('x', 'y2')
    """
    return letter if number == 1 else f"{letter}{number}"


def key(letter: str, number: int) -> str:
    """An axis as the layout names it.

    >>> key("x", 1), key("y", 2)
    ('xaxis', 'yaxis2')
    """
    return f"{letter}axis" if number == 1 else f"{letter}axis{number}"


def titled(text: str, **more: Any) -> dict[str, Any]:
    """An axis with a title."""
    return {"title": {"text": text}, **more}


def log_axis(text: str, values: Iterable[float]) -> dict[str, Any]:
    """A logarithmic axis whose every tick has its number in full: plotly's own have a
    digit between the powers of ten."""
    sizes = [value for value in values if value > 0]
    if not sizes:
        return titled(text, type="log")
    low, high = math.log10(min(sizes)), math.log10(max(sizes))
    steps = (1, 2, 5) if high - low < 2.5 else (1,)
    powers = range(math.floor(low), math.ceil(high) + 1)
    ticks = [step * 10.0**power for power in powers for step in steps]
    texts = [f"{tick:,.0f}" if tick >= 1 else f"{tick:g}" for tick in ticks]
    return titled(text, type="log", tickvals=ticks, ticktext=texts)


def line_across(
    level: float, number: int, text: str, up_px: float = 0.0
) -> tuple[Any, Any]:
    """A dashed line at a level of the panel's vertical axis, and its label, which needs
    LABEL_PX of a margin on the right; `up_px` keeps it clear of the label below."""
    shape = {
        "type": "line",
        "xref": f"{axis('x', number)} domain",
        "x0": 0,
        "x1": 1,
        "yref": axis("y", number),
        "y0": level,
        "y1": level,
        "line": {"color": GREY, "width": 1, "dash": "dash"},
    }
    label = small_label(text) | {
        "xref": f"{axis('x', number)} domain",
        "x": 1,
        "xanchor": "left",
        "yref": axis("y", number),
        "y": level,
        "yanchor": "middle",
        "yshift": up_px,
    }
    return shape, label


def colour_legend(look: Mapping[str, Look]) -> list[Trace]:
    """A broad line for each candidate, where its marks and dashes mean something else.
    A click on it hides all traces of the group."""
    return [
        {
            "type": "scatter",
            "name": one.name,
            "legendgroup": one.name,
            "mode": "lines",
            "x": [None],
            "y": [None],
            "line": {"color": one.colour, "width": 7},
        }
        for one in look.values()
    ]


def small_label(text: str) -> dict[str, Any]:
    return {"text": text, "showarrow": False, "font": {"size": 11, "color": GREY}}


def escaped(text: object) -> str:
    """Text for plotly, which renders some HTML in every text that it draws: names come
    from files, so they are shown, never rendered.

    >>> escaped("<b>fast</b> & cheap")
    '&lt;b&gt;fast&lt;/b&gt; &amp; cheap'
    """
    # No quotes: they need no escape outside of attributes, and plotly knows none.
    return html.escape(str(text), quote=False)


def in_two_lines(label: str) -> str:
    """A candidate on an axis, escaped: machine, then hardware where that is long.

    >>> in_two_lines("epyc"), in_two_lines("two-core-epyc cpu:threads=1")
    ('epyc', 'two-core-epyc<br>cpu:threads=1')
    """
    machine, space, hardware = escaped(label).partition(" ")
    if len(label) <= LONG_LABEL or not space:
        return escaped(label)
    return f"{machine}<br>{hardware}"


def whiskers(
    values: Sequence[float],
    ends: Iterable[tuple[float, float] | None],
    colour: str = INK,
) -> dict[str, Any]:
    """Error bars from values to the ends of their intervals; None has no bar."""
    spans = list(ends)
    above = [e and max(e[1] - v, 0.0) for v, e in zip(values, spans, strict=True)]
    below = [e and max(v - e[0], 0.0) for v, e in zip(values, spans, strict=True)]
    if not any(spans):
        return {"visible": False}
    return {
        "type": "data",
        "symmetric": False,
        "array": above,
        "arrayminus": below,
        "color": colour,
        "thickness": 1.5,
        "width": 4,
    }


def time_unit(longest_s: float) -> tuple[float, str]:
    """Seconds a unit, and its name, for times up to so many seconds.

    >>> time_unit(90), time_unit(1800), time_unit(86400)
    ((1.0, 's'), (60.0, 'min'), (3600.0, 'h'))
    """
    if longest_s <= 600:
        return 1.0, "s"
    return (60.0, "min") if longest_s <= 3 * 3600 else (3600.0, "h")


def spans_much(values: Iterable[float], factor: float = 20.0) -> bool:
    """Whether an axis needs a logarithm: the largest is many times the smallest."""
    sizes = [value for value in values if value > 0]
    return bool(sizes) and max(sizes) > factor * min(sizes)


def thinned(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many of the items, evenly, with the first and the last.

    >>> thinned(range(10), 4)
    [0, 3, 6, 9]
    """
    if len(items) <= most:
        return list(items)
    step = (len(items) - 1) / (most - 1)
    return [items[round(place * step)] for place in range(most)]
