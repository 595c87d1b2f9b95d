"""The picture that a page opens with: speed with its intervals beside the cost of an
hour of audio; of a single machine, what the fastest case of each model does."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report.compare.model import Comparison, Money, Ranking, Score, Serving
from harness.report.compare.shown.best import BestOfModel, variant_of
from harness.report.compare.shown.columns import interval_of
from harness.report.pages.pictures.picture import (
    COLOURS,
    GREY,
    SYMBOLS,
    Figure,
    Picture,
    Trace,
    axis,
    blank,
    distinct,
    escaped,
    in_two_lines,
    key,
    log_axis,
    looks,
    spans_much,
    titled,
    whiskers,
)
from harness.report.pages.pictures.select import CANDIDATES, throughput_title
from harness.report.tables.fitting import shortened
from harness.report.tables.table import (
    Table,
    number,
    number_column,
    text_column,
)

LONGEST_VARIANT = 28  # characters beside a point
ID = "lead"
ROW_PX, FRAME_PX = 40, 110
GAP = 0.06  # of the width, between the two panels
MOST_MODELS = 5
MOST_ROWS = 20  # models of a single machine


@dataclass(frozen=True)
class CandidateValue:
    """A value of a candidate with the ends of its interval, as it is drawn."""

    candidate: str
    what: str
    value: float
    ends: tuple[float, float] | None


def speed_and_cost(comparison: Comparison) -> Picture | None:
    """A row a candidate, the fastest on top; None where nobody is ranked."""
    ranking, money = comparison.ranking, comparison.money
    if ranking is None or not ranking.scores:
        return None
    scores = ranking.scores[:CANDIDATES]
    speeds = [_speed(score) for score in scores]
    costs = list(_costs(money, [score.candidate for score in scores]))
    figure = _rows_of(scores, bool(costs))
    _add_speeds(figure, comparison, ranking, speeds)
    if money is not None and costs:
        _add_costs(figure, comparison, money, speeds, costs)
    cheaper = ", cheaper further left" if costs else ""
    note = f"Faster is further right{cheaper}. Whiskers: 95 % interval."
    return Picture(
        ID,
        "Speed and the cost of an hour of audio" if costs else "Speed",
        figure,
        _table([*speeds, *costs]),
        None,
        (note,),
    )


def _speed(score: Score) -> CandidateValue:
    ends = None
    if score.low is not None and score.high is not None:
        ends = score.low, score.high
    return CandidateValue(score.candidate, "speed", score.score, ends)


def _costs(money: Money | None, labels: Sequence[str]) -> Iterator[CandidateValue]:
    """Of the models that most candidates serve within the limits."""
    found: dict[tuple[str, str], list[Serving]] = {}
    for one in money.serving if money else ():
        if one.per_audio_hour is not None and one.candidate in labels:
            found.setdefault((one.workload, one.model), []).append(one)
    often = sorted(found, key=lambda name: -len(found[name]))[:MOST_MODELS]
    for name in found:
        for one in found[name] if name in often else ():
            assert one.per_audio_hour is not None
            low, high = one.per_audio_hour_low, one.per_audio_hour_high
            ends = None if low is None or high is None else (low, high)
            yield CandidateValue(
                one.candidate, " / ".join(name), one.per_audio_hour, ends
            )


def _rows_of(scores: Sequence[Score], has_costs: bool) -> Figure:
    names = distinct([score.candidate for score in scores], " ")
    rows = {
        "tickvals": list(range(len(scores))),
        "ticktext": list(map(in_two_lines, names)),
        "range": [len(scores) - 0.5, -0.5],
        "showgrid": False,
        "ticks": "",
    }
    figure = blank(FRAME_PX + ROW_PX * len(scores), {}, rows)
    if has_costs:
        layout = figure["layout"]
        layout[key("x", 1)] = {"domain": [0, 0.5 - GAP / 2]}
        layout[key("x", 2)] = {"domain": [0.5 + GAP / 2, 1], "anchor": axis("y", 2)}
        layout[key("y", 2)] = rows | {"anchor": axis("x", 2), "showticklabels": False}
    return figure


def _add_speeds(
    figure: Figure,
    comparison: Comparison,
    ranking: Ranking,
    speeds: Sequence[CandidateValue],
) -> None:
    baseline = escaped(ranking.baseline or comparison.baseline)
    figure["layout"][key("x", 1)] |= titled(
        f"speed, times that of {baseline}", rangemode="tozero"
    )
    look = looks(comparison)
    for place, one in enumerate(speeds):
        colour = look[one.candidate].colour
        trace = _mark([one], [place], colour, "circle", 1)
        figure["data"].append(
            trace | {"showlegend": False, "name": look[one.candidate].name}
        )
    figure["layout"]["shapes"].append(
        {
            "type": "line",
            "x0": 1,
            "x1": 1,
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "line": {"color": GREY, "width": 1, "dash": "dash"},
        }
    )


def _add_costs(
    figure: Figure,
    comparison: Comparison,
    money: Money,
    speeds: Sequence[CandidateValue],
    costs: Sequence[CandidateValue],
) -> None:
    """A symbol a model; the row tells the candidate."""
    places = {one.candidate: place for place, one in enumerate(speeds)}
    models = list(dict.fromkeys(one.what for one in costs))
    title = f"{escaped(money.currency)} an hour of audio"
    values = [one.value for one in costs]
    scale = titled(title, rangemode="tozero", nticks=5)
    if spans_much(values):
        scale = log_axis(title, values)
    figure["layout"][key("x", 2)] |= scale
    look = looks(comparison)
    for place, model in enumerate(models):
        own = [one for one in costs if one.what == model]
        colours = [look[one.candidate].colour for one in own]
        trace = _mark(
            own,
            [places[one.candidate] for one in own],
            colours,
            SYMBOLS[place],
            2,
        )
        figure["data"].append(trace | {"name": escaped(model)})


def _mark(
    lines: Sequence[CandidateValue],
    places: Sequence[float],
    colour: Any,
    symbol: str,
    panel: int,
) -> Trace:
    values = [one.value for one in lines]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": values,
        "y": list(places),
        "xaxis": axis("x", panel),
        "yaxis": axis("y", panel),
        "error_x": whiskers(values, [one.ends for one in lines], GREY),
        "marker": {"symbol": symbol, "size": 11, "color": colour},
        "text": [number(value) for value in values],
        "textposition": "top center",
        "cliponaxis": False,
        "hovertext": [escaped(f"{one.candidate}: {one.what}") for one in lines],
        "hovertemplate": "%{hovertext}<br>%{x:.4g}<extra></extra>",
    }


def _table(lines: Sequence[CandidateValue]) -> Table:
    columns = (
        text_column("candidate", (one.candidate for one in lines)),
        text_column("figure", (one.what for one in lines)),
        number_column("value", (one.value for one in lines)),
        number_column("low", (one.ends and one.ends[0] for one in lines)),
        number_column("high", (one.ends and one.ends[1] for one in lines)),
    )
    return Table(f"{ID}-table", "Speeds and costs", columns)


def rates_of_one(found: Sequence[BestOfModel]) -> Picture | None:
    """A row a model: the RTFx of its fastest case, on a logarithm, as they are of
    different work; None where no case has audio."""
    kept = [one for one in found if one.fastest.measured.rtfx.value][:MOST_ROWS]
    if not kept:
        return None
    rates = [one.fastest.measured.rtfx for one in kept]
    values = [rate.value for rate in rates]
    rows = {
        "tickvals": list(range(len(kept))),
        "ticktext": [
            f"{escaped(one.workload)}<br>{escaped(one.model)}" for one in kept
        ],
        "range": [len(kept) - 0.5, -0.5],
        "showgrid": True,
        "ticks": "",
    }
    # On a phone longer ones would cover the models' names; the table has them whole.
    variants = shortened([variant_of(one.fastest) for one in kept], LONGEST_VARIANT)
    scale = log_axis(throughput_title(True), values)
    figure = blank(FRAME_PX - 30 + ROW_PX * len(kept), scale, rows)
    figure["data"].append(
        {
            "type": "scatter",
            "mode": "markers+text",
            "showlegend": False,
            "x": values,
            "y": list(range(len(kept))),
            "error_x": whiskers(values, map(interval_of, rates), GREY),
            "marker": {"symbol": "circle", "size": 11, "color": COLOURS[0]},
            "text": [
                f" {number(value)}  {escaped(variant)} "
                for variant, value in zip(variants, values, strict=True)
            ],
            "textposition": [_beside(value, values) for value in values],
            "cliponaxis": False,
            "hovertemplate": "%{text}<extra></extra>",
        }
    )
    return Picture(
        ID,
        "What the fastest case of each model does",
        figure,
        _rates_table(kept),
        None,
        ("Further right is faster. Each model does work of its own.",),
    )


def _beside(value: float, values: Sequence[float]) -> str:
    """The side on which a mark's name has more room, on a logarithm."""
    middle = math.sqrt(min(values) * max(values))
    return "middle left" if value > middle else "middle right"


def _rates_table(found: Sequence[BestOfModel]) -> Table:
    rates = [one.fastest.measured.rtfx for one in found]
    columns = (
        text_column("model", (one.name for one in found)),
        text_column("fastest case", (variant_of(one.fastest) for one in found)),
        number_column("RTFx", (rate.value for rate in rates)),
        number_column("low", (rate.low for rate in rates)),
        number_column("high", (rate.high for rate in rates)),
    )
    return Table(f"{ID}-table", "The fastest case of each model", columns)
