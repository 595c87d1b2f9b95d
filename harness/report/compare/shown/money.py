"""Everything in money, in the order of a buyer's questions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.metrics import MetricKinds, amount_text, level_text
from harness.report.compare.model import Comparison, Estimate, Money, Serving
from harness.report.compare.qualification import Qualification
from harness.report.compare.shown.columns import interval_column
from harness.report.compare.terms import MS
from harness.report.tables.table import (
    ABSENT,
    Column,
    Table,
    number_column,
    text_column,
    whole_column,
    without_empty,
)

STAGE = (
    "Each hour of audio is through that workload alone: a service adds those of the "
    "other stages, such as features and decoding."
)
SATURATED = (
    "A case with instances=N is priced by saturated throughput, that of N workers at "
    "once; any other by that of one worker on all cores."
)


def money_tables(comparison: Comparison) -> dict[str, Table | None]:
    """By the name of their place on the page."""
    money = comparison.money
    if money is None:
        return {}
    return {
        "prices": _prices(money, published=False),
        "serving": _serving(money, comparison.metrics),
        "to_accuracy": _to_accuracy(money, comparison.metrics, published=False),
        "break_even": _break_even(money),
        "total": _total(money),
        "published_prices": _prices(money, published=True),
        "published_to_accuracy": _to_accuracy(
            money, comparison.metrics, published=True
        ),
    }


def limits_text(asked: Money | Qualification, kinds: MetricKinds) -> str:
    """
    >>> limits_text(Money("USD", 1, 4, None, {"wer": 0.25, "p99_ms": 50},
    ...     (), (), (), (), (), ()), MetricKinds())
    'wer at most 25 %, p99 at most 50 ms'
    """
    texts = []
    for name, limit in asked.limits.items():
        if name.endswith(MS):
            percentile = name.removesuffix(MS).replace("_", ".")
            texts.append(f"{percentile} at most {limit:g} ms")
        else:
            amount = amount_text(kinds[name], limit)
            texts.append(f"{kinds[name].title} at most {amount}")
    for name, limit in asked.at_least.items():
        amount = amount_text(kinds[name], limit)
        texts.append(f"{kinds[name].title} at least {amount}")
    return ", ".join(texts)


def _prices(money: Money, published: bool) -> Table | None:
    """Of the candidates, or of machines that papers published times of."""
    found = [price for price in money.prices if price.published == published]
    currency = money.currency
    if not found:
        return None
    columns = (
        text_column("candidate", (price.candidate for price in found)),
        text_column("held", ("rented" if p.is_rented else "owned" for p in found)),
        _money_column("busy hour", (p.per_busy_hour for p in found), currency, 2),
        _money_column("fixed a year", (p.fixed_per_year for p in found), currency),
        _money_column(
            "energy, busy hour", (p.energy_per_busy_hour for p in found), currency
        ),
        text_column("energy", (price.energy_note for price in found)),
        text_column("machine", (price.description for price in found)),
        text_column("source", (price.source for price in found)),
    )
    utilization = f"at a utilization of {100 * money.utilization:g} %"
    if published:
        caption = f"Prices of the papers' machines {utilization}"
        return Table("published-prices", caption, without_empty(columns))
    return Table("prices", f"Prices {utilization}", without_empty(columns))


def _serving(money: Money, kinds: MetricKinds) -> Table | None:
    """An answer a model and candidate; where none is within the limits, the reason."""
    found, currency = money.serving, money.currency
    if not found:
        return None
    columns = (
        *_model_columns([(s.workload, s.model, s.candidate) for s in found]),
        text_column("case", (_case_text(serving) for serving in found), importance=3),
        _money_column("hour of audio", (s.per_audio_hour for s in found), currency, 5),
        interval_column(
            "95 % interval", map(_cost_estimate, found), unit=currency, importance=4
        ),
        number_column(
            "audio", (s.audio_hours_per_money for s in found), unit=f"h / {currency}"
        ),
        number_column(
            "energy", (s.joules_per_audio_hour for s in found), unit="J/h audio"
        ),
        number_column("RTFx", (serving.rtfx for serving in found), importance=2),
        number_column("p99", (serving.p99_ms for serving in found), unit="ms"),
        *_errors_columns(found, kinds),
        text_column("reason", (serving.reason for serving in found), importance=4),
    )
    limits = limits_text(money, kinds)
    caption = f"The cheapest hour of audio{f' with {limits}' if limits else ''}"
    notes = [STAGE]
    if any(name.endswith(MS) for name in money.limits):
        notes.append("A latency is that of a step, one after the other: no arrivals.")
    if any(one.work is not None and one.work.instances for one in found):
        notes.append(SATURATED)
    return Table("serving", caption, without_empty(columns), tuple(notes))


def _cost_estimate(serving: Serving) -> Estimate | None:
    if serving.per_audio_hour is None:
        return None
    low, high = serving.per_audio_hour_low, serving.per_audio_hour_high
    return Estimate(serving.per_audio_hour, low, high, ())


def _case_text(serving: Serving) -> str | None:
    """What of the work's id the workload and the model do not tell.

    >>> from harness.report.compare.model import Work
    >>> work = Work("asr", "small", "fp32", "eager", 1)
    >>> _case_text(Serving("asr", "small", "a", work, None))
    'fp32/eager/b1'
    """
    if serving.work is None:
        return None
    return str(serving.work)[len(f"{serving.work.workload}/{serving.work.model}/") :]


def _errors_columns(found: Sequence[Serving], kinds: MetricKinds) -> Iterable[Column]:
    for metric in kinds.in_order(name for one in found for name in one.errors):
        values, kind = [one.errors.get(metric) for one in found], kinds[metric]
        yield number_column(
            kind.title,
            (None if value is None else value * kind.scale for value in values),
            kind.decimals,
            unit=kind.unit,
        )


def _to_accuracy(money: Money, kinds: MetricKinds, published: bool) -> Table | None:
    """Of times that were measured, or of those that papers published."""
    found = [one for one in money.to_accuracy if one.published == published]
    if not found:
        return None
    levels = (level_text(kinds[one.metric], one.level) for one in found)
    columns = (
        text_column("work", (str(one.work) for one in found), is_name=True),
        text_column("candidate", (one.candidate for one in found), is_name=True),
        text_column("level", levels),
        number_column("time to it", (one.tta_s for one in found), unit="s"),
        _money_column("cost", (one.cost for one in found), money.currency, 2),
        text_column("source", (one.source for one in found)),
    )
    if published:
        caption = "Cost to accuracy by the papers' times: other machines, other speech"
        return Table("published-to-accuracy", caption, without_empty(columns))
    return Table("to-accuracy", "Cost to accuracy", without_empty(columns))


def _break_even(money: Money) -> Table | None:
    found = money.break_even
    if not found:
        return None
    percents = [
        None if one.utilization is None else 100 * one.utilization for one in found
    ]
    columns = (
        *_model_columns([(one.workload, one.model, one.owned) for one in found]),
        text_column("cheaper than", (one.other for one in found)),
        number_column("from a utilization of", percents, unit="%"),
        text_column("reason", (one.reason for one in found)),
    )
    caption = "From which utilization on owning is cheaper"
    return Table("break-even", caption, without_empty(columns))


def _total(money: Money) -> Table | None:
    found, load = money.total, money.load_audio_hours_per_day
    if not found or load is None:
        return None
    columns = (
        *_model_columns([(one.workload, one.model, one.candidate) for one in found]),
        whole_column("machines", (one.machines for one in found)),
        _money_column("total", (one.cost for one in found), money.currency, 2),
    )
    caption = f"Total cost of {load:,g} hours of audio a day over {money.years:g} years"
    notes = ("A machine is paid pro rata over these years, not over its whole life.",)
    return Table("total", caption, columns, notes)


def _model_columns(names: Sequence[tuple[str, str, str]]) -> tuple[Column, ...]:
    """Of (workload, model, candidate)."""
    return (
        text_column("workload", (one[0] for one in names), is_name=True),
        text_column("model", (one[1] for one in names), is_name=True),
        text_column("candidate", (one[2] for one in names), is_name=True),
    )


def _money_column(
    title: str, values: Iterable[float | None], currency: str, importance: int = 0
) -> Column:
    """Cents where the amounts are of money, three digits where they are fractions."""
    column = number_column(title, values, unit=currency, importance=importance)
    assert column.values is not None
    known = [abs(value) for value in column.values if value]
    if not known or min(known) < 1:
        return column
    texts = (ABSENT if value is None else f"{value:,.2f}" for value in column.values)
    return replace(column, texts=tuple(texts))
