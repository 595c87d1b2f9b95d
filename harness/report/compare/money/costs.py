"""What follows from the prices: what an hour of audio costs, and what an accuracy.

Amounts are in the price list's currency. A case counts where every candidate did the
same work, it did not fail its gate, and its errors are known: no speed, and so no
money, without accuracy. What is not in another priced candidate's files counts for
nobody: that one might do it for less.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.report.compare.limits import limited
from harness.report.compare.model import (
    AccuracyCost,
    Candidate,
    Measured,
    Money,
    NotMeasured,
    Row,
    Serving,
    Work,
)
from harness.report.compare.money.loads import Choice, break_even, over_load, total
from harness.report.compare.money.prices import PriceList, Tariff, energy_gaps, tariff
from harness.report.compare.published import PublishedTime
from harness.report.compare.terms import Terms

REASONS = 3  # of why no case qualifies, listed at most
LEAST_RTFX = 1e-6  # below, a step does no audio to speak of


@dataclass(frozen=True)
class _Group:
    """The cases of one model in one workload."""

    workload: str
    model: str
    rows: tuple[Row, ...]


def money(
    rows: Sequence[Row],
    candidates: Sequence[Candidate],
    prices: PriceList,
    terms: Terms,
    published: Sequence[PublishedTime] = (),
    without_errors: Collection[str] = (),
) -> Money:
    """Everything that the prices say of the rows. `without_errors` names workloads that
    do not end in text by nature, such as feeding alone: they serve nobody, and have no
    price."""
    served = _groups(limited(rows, terms), without_errors)
    ours, warnings = energy_gaps(_tariffs(rows, candidates, prices, terms))
    theirs = _published_tariffs(published, prices, terms)
    servings, choices = [], []
    for group in served:
        found = [_serve(group, each.label, ours) for each in candidates]
        servings += [serving for serving, _ in found]
        choices.append([choice for _, choice in found if choice is not None])
    return Money(
        currency=prices.currency,
        utilization=terms.utilization,
        years=terms.years,
        load_audio_hours_per_day=terms.load_audio_hours_per_day,
        limits=dict(terms.limits),
        at_least=dict(terms.at_least),
        prices=tuple(each.price for each in (*ours.values(), *theirs.values())),
        serving=tuple(servings),
        to_accuracy=(*_to_accuracy(rows, ours), *_published_costs(published, theirs)),
        break_even=tuple(row for group in choices for row in break_even(group)),
        total=tuple(row for group in choices for row in total(group, terms)),
        over_load=tuple(row for group in choices for row in over_load(group, terms)),
        warnings=tuple(warnings),
    )


def _tariffs(
    rows: Iterable[Row],
    candidates: Iterable[Candidate],
    prices: PriceList,
    terms: Terms,
) -> dict[str, Tariff]:
    """By label, of the candidates that the list knows."""
    cases: dict[str, list[Measured]] = {}
    for row in rows:
        for label, cell in row.cells.items():
            if isinstance(cell, Measured):
                cases.setdefault(label, []).append(cell)
    return {
        each.label: tariff(
            each.label, machine, cases.get(each.label, []), terms.utilization
        )
        for each in candidates
        if (machine := prices.machine_of(each)) is not None
    }


def _groups(rows: Iterable[Row], without_errors: Collection[str]) -> list[_Group]:
    """Of the workloads that turn audio into text, and are no trainings."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.work.workload not in without_errors:
            found.setdefault((row.work.workload, row.work.model), []).append(row)
    return [
        _Group(workload, model, tuple(group))
        for (workload, model), group in found.items()
        if any(_is_served(cell) for row in group for cell in row.cells.values())
    ]


def _is_served(cell: Measured | NotMeasured) -> bool:
    return isinstance(cell, Measured) and cell.training is None


def _serve(
    group: _Group, label: str, tariffs: Mapping[str, Tariff]
) -> tuple[Serving, Choice | None]:
    """The candidate's cheapest case: price per busy hour / RTFx is the price of an hour
    of audio."""
    nothing = Serving(group.workload, group.model, label, None, None)
    if label not in tariffs:
        return replace(nothing, reason="no price in the price list"), None
    paid = tariffs[label]
    offers: list[tuple[float, Work, Measured]] = []
    reasons: dict[str, None] = {}  # in order, each once
    for row in group.rows:
        cell = row.cells.get(label)
        reason = _unfit(row, cell, tariffs)
        if reason is None and isinstance(cell, Measured):
            cost = paid.per_busy_hour(cell) / cell.rtfx.value
            offers.append((cost, row.work, cell))
        elif reason is not None:
            reasons[reason] = None
    if not offers:
        return replace(nothing, reason=_none_fits(group, list(reasons))), None
    _, work, cell = min(offers, key=lambda offer: offer[:2])
    serving = _serving(nothing, paid.per_busy_hour(cell), work, cell)
    return serving, _choice(serving, cell, paid)


def _unfit(
    row: Row, cell: Measured | NotMeasured | None, rivals: Collection[str]
) -> str | None:
    """Why a case is not to be bought; None where it may be."""
    if cell is None:
        return "not in its files"
    if isinstance(cell, NotMeasured):
        return f"{cell.status}: {cell.reason}"
    if not row.same:
        return "not the same work on all candidates"
    if lacking := [label for label in rivals if _is_missing(row.cells.get(label))]:
        return f"not in the files of {', '.join(lacking)}"
    if cell.gate_passed is False:
        return "beyond its gate"
    if not cell.errors:
        return f"no accuracy: {cell.errors_reason or 'no reason given'}"
    if cell.rtfx.value < LEAST_RTFX:
        return f"an RTFx of {cell.rtfx.value:g}"
    return cell.beyond_limits


def _is_missing(cell: Measured | NotMeasured | None) -> bool:
    """What cannot run there, or failed, is not missing: nobody can do it for less."""
    return isinstance(cell, NotMeasured) and cell.status == "missing"


def _none_fits(group: _Group, reasons: Sequence[str]) -> str:
    more = len(reasons) - REASONS
    listed = "; ".join(reasons[:REASONS]) + (f"; {more} more reasons" * (more > 0))
    return f"none of {len(group.rows)} cases: {listed}"


def _serving(
    nothing: Serving, per_busy_hour: float, work: Work, cell: Measured
) -> Serving:
    """The interval of its cost is that of the speed alone: prices and power are taken
    as they stand."""
    joules, p99 = cell.joules_per_audio_hour, cell.latency_ms.get("p99")
    slowest, fastest = cell.rtfx.low, cell.rtfx.high
    return replace(
        nothing,
        work=work,
        per_audio_hour=per_busy_hour / cell.rtfx.value,
        per_audio_hour_low=per_busy_hour / fastest if fastest else None,
        per_audio_hour_high=per_busy_hour / slowest if slowest else None,
        joules_per_audio_hour=joules.value if joules is not None else None,
        audio_hours_per_money=cell.rtfx.value / per_busy_hour,
        rtfx=cell.rtfx.value,
        p99_ms=p99.upper_bound if p99 is not None else None,
        errors={name: error.value for name, error in cell.errors.items()},
    )


def _choice(serving: Serving, cell: Measured, paid: Tariff) -> Choice:
    return Choice(
        serving.workload,
        serving.model,
        serving.candidate,
        cell.rtfx.value,
        paid.machine.fixed_per_year,
        paid.running_per_busy_hour(cell),
        cell.rtfx.low,
        cell.rtfx.high,
    )


def _to_accuracy(
    rows: Iterable[Row], tariffs: Mapping[str, Tariff]
) -> list[AccuracyCost]:
    """Time to accuracy in hours x price per busy hour, where every run reached it."""
    return [
        AccuracyCost(
            row.work,
            label,
            target.metric,
            target.level,
            target.tta_s.value,
            target.tta_s.value / 3600 * tariffs[label].per_busy_hour(cell),
        )
        for row in rows
        for label, cell in row.cells.items()
        if row.same and label in tariffs and isinstance(cell, Measured)
        if cell.training is not None and cell.gate_passed is not False
        for target in cell.training.targets
        if target.tta_s is not None
    ]


def _published_tariffs(
    published: Iterable[PublishedTime], prices: PriceList, terms: Terms
) -> dict[str, Tariff]:
    """Of the documents' machines that the list knows; nobody measured their energy."""
    found = {}
    for name in dict.fromkeys(time.machine for time in published):
        if (machine := prices.machines.get(name)) is not None:
            rate = tariff(name, machine, (), terms.utilization)
            found[name] = replace(rate, price=replace(rate.price, published=True))
    return found


def _published_costs(
    published: Iterable[PublishedTime], tariffs: Mapping[str, Tariff]
) -> list[AccuracyCost]:
    return [
        AccuracyCost(
            _published_work(time),
            time.machine,
            time.metric,
            time.level,
            time.tta_s,
            time.tta_s / 3600 * tariffs[time.machine].price.per_busy_hour,
            published=True,
            source=time.source,
        )
        for time in published
        if time.tta_s is not None and time.machine in tariffs
    ]


def _published_work(time: PublishedTime) -> Work:
    """What its id would be here; "published" stands where ours names the runtime."""
    setting = (("setting", time.setting),)
    return Work(
        time.workload,
        time.model,
        time.compression,
        "published",
        time.batch_size,
        setting,
    )
