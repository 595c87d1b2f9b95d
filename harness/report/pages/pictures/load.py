"""What a load costs on each candidate over the years, from a small load to a large."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from harness.report.compare.model import Comparison, LoadCost, Money
from harness.report.pages.pictures.picture import (
    GREY,
    Figure,
    Look,
    Picture,
    blank,
    escaped,
    log_axis,
    looks,
    small_label,
)
from harness.report.pages.pictures.select import drawn_labels
from harness.report.tables.table import Table, number_column, text_column, whole_column

HEIGHT_PX = 420


def pictures(comparison: Comparison) -> Iterator[Picture]:
    """One picture a model that the price list could be asked about."""
    money = comparison.money
    if money is None:
        return
    found: dict[tuple[str, str], list[LoadCost]] = {}
    for cost in money.over_load:
        found.setdefault((cost.workload, cost.model), []).append(cost)
    for place, ((workload, model), costs) in enumerate(found.items(), 1):
        yield _picture(comparison, money, costs, f"{workload} / {model}", place)


def _picture(
    comparison: Comparison,
    money: Money,
    costs: Sequence[LoadCost],
    name: str,
    place: int,
) -> Picture:
    figure = blank(
        HEIGHT_PX,
        log_axis("load (hours of audio a day)", (c.audio_hours_per_day for c in costs)),
        log_axis(
            f"{escaped(money.currency)} over {money.years:g} years",
            (cost.cost for cost in costs),
        ),
    )
    look = looks(comparison)
    for label in drawn_labels(comparison):
        own = [cost for cost in costs if cost.candidate == label]
        if own:
            _add_line(figure, own, look[label])
    if money.load_audio_hours_per_day:
        _add_stated_load(figure, money.load_audio_hours_per_day)
    id = f"load-{place}"
    note = (
        "Lower is better. An owned machine costs the same however little it does, "
        "until the load takes one more; a rented one costs what it is busy."
    )
    return Picture(
        id,
        f"Cost against load: {name}",
        figure,
        _table(id, name, costs, money),
        None,
        (note,),
    )


def _add_line(figure: Figure, own: Sequence[LoadCost], look: Look) -> None:
    figure["data"].append(
        {
            "type": "scatter",
            "name": look.name,
            "mode": "lines",
            "x": [cost.audio_hours_per_day for cost in own],
            "y": [cost.cost for cost in own],
            "line": {"color": look.colour, "dash": look.dash, "width": 2},
            "text": [f"{cost.machines:,}" for cost in own],
            "hovertemplate": "%{fullData.name}<br>%{x:.4g} h a day: %{y:,.0f}<br>"
            "machines: %{text}<extra></extra>",
        }
    )


def _add_stated_load(figure: Figure, load: float) -> None:
    """A line takes the load itself, its label the logarithm: so are plotly's axes."""
    figure["layout"]["shapes"].append(
        {
            "type": "line",
            "x0": load,
            "x1": load,
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "line": {"color": GREY, "width": 1, "dash": "dash"},
        }
    )
    label = small_label("your load") | {
        "x": math.log10(load),
        "xanchor": "left",
        "y": 1,
        "yref": "paper",
        "yanchor": "top",
    }
    figure["layout"]["annotations"].append(label)


def _table(id: str, name: str, costs: Sequence[LoadCost], money: Money) -> Table:
    columns = (
        text_column("candidate", (cost.candidate for cost in costs)),
        number_column("load", (c.audio_hours_per_day for c in costs), unit="h/day"),
        whole_column("machines", (cost.machines for cost in costs)),
        number_column("cost", (cost.cost for cost in costs), unit=money.currency),
    )
    return Table(f"{id}-table", f"Cost over {money.years:g} years, {name}", columns)
