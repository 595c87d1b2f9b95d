"""The verdict in one or two sentences: who ranks first, how sure, at what cost; or why
there is none."""

from __future__ import annotations

import math

from harness.clusters import MOST_SURE, SURE
from harness.report.compare.model import (
    Comparison,
    LoadCost,
    Money,
    Ranking,
    Score,
    Serving,
)
from harness.report.compare.money.prices import TOO_CHEAP
from harness.report.compare.shown.cases import cases, without_result
from harness.report.compare.shown.qualified import out_of_all, what_is_left
from harness.report.compare.shown.reserves import (
    reserves,
    reserves_of_those_that_qualify,
)
from harness.report.tables.table import number, percent
from harness.text import counted

NAMED = 3  # candidates without a measured case


def verdict(comparison: Comparison) -> tuple[str, ...]:
    """Sentences, as plain text."""
    idle = (f"{one}." for one in comparison.idle[:NAMED])
    return (*_sentences(comparison), *idle)


def _sentences(comparison: Comparison) -> tuple[str, ...]:
    qualified = comparison.qualification
    if qualified is not None and (alone := out_of_all(qualified, comparison.metrics)):
        rest = (_cheapest(comparison.money), what_is_left(comparison))
        kept = reserves_of_those_that_qualify(comparison)
        return tuple(filter(None, (alone, *rest, *kept)))
    if len(comparison.candidates) == 1:
        return (*_single(comparison), *filter(None, (what_is_left(comparison),)))
    ranking = comparison.ranking
    if ranking is None or not ranking.scores:
        parts = (no_verdict(comparison), what_is_left(comparison))
        return tuple(filter(None, parts))
    sentences = (
        _first(ranking.baseline or comparison.baseline, ranking),
        _cost(comparison, ranking),
        what_is_left(comparison),
        *reserves(comparison, ranking),
    )
    return tuple(sentence for sentence in sentences if sentence)


def _single(comparison: Comparison) -> tuple[str, ...]:
    """A single machine is described, not ranked."""
    found = list(cases(comparison))
    failing = sum(case.measured.gate_passed is False for case in found)
    skipped = without_result(comparison)
    measured = counted(len(found), "case was", "cases were")
    parts = [f"{measured} measured on {comparison.baseline}"]
    if failing:
        parts.append(f"{counted(failing, 'fails its', 'fail their')} gate")
    if skipped:
        parts.append(f"{counted(skipped, 'has', 'have')} no result")
    sentence = "; ".join(parts) + "; a single machine is not ranked."
    return tuple(filter(None, (sentence, _cheapest(comparison.money))))


def no_verdict(comparison: Comparison) -> str:
    """Why nobody ranks first."""
    ranking = comparison.ranking
    any_alike = any(row.same for row in comparison.rows)
    if any_alike and ranking is not None and ranking.reason:
        return f"There is no verdict: {ranking.reason}."
    kinds = dict.fromkeys(m.what for m in comparison.mismatches if not m.allowed)
    if kinds:
        return (
            "There is no verdict: the candidates did not do the same work (what "
            f"differs: {', '.join(kinds)})."
        )
    return "There is no verdict: no work was done, within its gate, by every candidate."


def _first(baseline: str, ranking: Ranking) -> str:
    best, *others = ranking.scores
    works = f"{len(ranking.works):,} works"
    if len(ranking.works) == 1:
        works = "1 work"
    speed = f"{speed_text(baseline, best, others)} over {works}"
    if ranking.wins is None or not others:
        reason = ranking.reason or "the processes are too few"
        return (
            f"{best.candidate} ranks first, {speed}; how sure that is, is not known: "
            f"{reason}."
        )
    rival = _rival(ranking)
    chance = _wins(ranking, best.candidate, rival.candidate)
    if clear_winner(ranking) is not None:
        sure = percent(sureness(ranking), MOST_SURE if ranking.few_runs else 1.0)
        return (
            f"{best.candidate} ranks first, {speed}: it is faster than "
            f"{whom(others)} with a probability of {sure}."
        )
    return (
        f"There is no clear winner: {best.candidate} ranks first, {speed}, but is "
        f"faster than {rival.candidate} with a probability of only {percent(chance)}."
    )


def clear_winner(ranking: Ranking) -> str | None:
    """Who is faster than every other with a probability of SURE; None where nobody is,
    or that is not known."""
    if ranking.wins is None or len(ranking.scores) < 2:
        return None
    return ranking.scores[0].candidate if sureness(ranking) >= SURE else None


def sureness(ranking: Ranking) -> float:
    """That the first is faster than its nearest rival, and than all others at once."""
    best = ranking.scores[0]
    chance = _wins(ranking, best.candidate, _rival(ranking).candidate)
    return min(chance, best.rank_shares[0] if best.rank_shares else chance)


def _rival(ranking: Ranking) -> Score:
    """The candidate that the first is the least surely faster than."""
    best, *others = ranking.scores
    return min(others, key=lambda s: _wins(ranking, best.candidate, s.candidate))


def _wins(ranking: Ranking, a: str, b: str) -> float:
    assert ranking.wins is not None
    return ranking.wins[a][b]


def whom(others: list[Score]) -> str:
    return others[0].candidate if len(others) == 1 else "every other candidate"


def speed_text(baseline: str, best: Score, others: list[Score]) -> str:
    """The best one's speed as a ratio; of the baseline itself, the next one's."""
    if best.candidate != baseline:
        return f"at {_ratio(best)} times the speed of {baseline}"
    if not others:
        return "alone"
    return f"with {others[0].candidate} at {_ratio(others[0])} times its speed"


def _ratio(score: Score) -> str:
    if score.low is None or score.high is None:
        return number(score.score)
    interval = f"{number(score.low)} to {number(score.high)}"
    return f"{number(score.score)} (95 % interval {interval})"


def _cost(comparison: Comparison, ranking: Ranking) -> str:
    money, best = comparison.money, ranking.scores[0]
    if money is None:
        return ""
    parts = [
        f"a busy hour of {best.candidate} costs {number(price.per_busy_hour)} "
        f"{money.currency}"
        for price in money.prices
        if price.candidate == best.candidate
    ]
    if most := _most_for_its_price(ranking):
        parts.append(f"{most} gives the most speed for its price")
    if cheapest := _cheapest(money):
        parts.append(cheapest[0].lower() + cheapest[1:].rstrip("."))
    if least := _least_total(money):
        parts.append(least)
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _most_for_its_price(ranking: Ranking) -> str | None:
    """Whose score for its price is above every other's by more than their intervals;
    None where doubt is left, or not known."""
    valued = [score for score in ranking.scores if score.per_money is not None]
    if len(valued) < 2:
        return None
    best, *others = sorted(valued, key=lambda score: -_per_money(score, score.score))
    low = _per_money(best, best.low)
    is_clear = all(low > _per_money(other, other.high) for other in others)
    return best.candidate if is_clear else None


def _per_money(score: Score, speed: float | None) -> float:
    """The end of its interval, or the score itself, for its price; NaN if not known."""
    if speed is None or score.per_money is None:
        return math.nan
    return score.per_money * speed / score.score


def _cheapest(money: Money | None) -> str:
    """Where an hour of audio costs least, of the one model that money was asked about;
    several have several answers: the table gives them."""
    found = [s for s in money.serving if s.per_audio_hour is not None] if money else []
    if money is None or len({(s.workload, s.model) for s in found}) != 1:
        return ""
    best, *others = sorted(found, key=lambda serving: serving.per_audio_hour or 0.0)
    cost = f"{number(best.per_audio_hour or 0.0)} {money.currency}"
    if not others:
        return f"An hour of audio on {best.candidate} costs {cost}."
    without = _without_energy(money, best.candidate)
    if all(is_cheaper(best, other) for other in others):
        return f"The cheapest hour of audio is on {best.candidate}: {cost}{without}."
    return (
        f"An hour of audio costs least on {best.candidate} ({cost}), which the "
        f"intervals do not tell from the next{without}."
    )


def _without_energy(money: Money, candidate: str) -> str:
    """What makes it too cheap beside others, if anything does."""
    notes = [p.energy_note for p in money.prices if p.candidate == candidate]
    is_too_cheap = any(TOO_CHEAP in note for note in notes)
    return ", without its energy, which others' costs hold" if is_too_cheap else ""


def _least_total(money: Money) -> str | None:
    """Who does the stated load at the least cost, of the one model asked about."""
    found, load = money.total, money.load_audio_hours_per_day
    if load is None or len({(one.workload, one.model) for one in found}) != 1:
        return None
    best, *others = sorted(found, key=lambda one: one.cost)
    machines = "1 machine" if best.machines == 1 else f"{best.machines:,} machines"
    cost = f"{number(best.cost)} {money.currency} ({machines})"
    over = f"{load:,g} hours of audio a day over {money.years:g} years cost"
    if not others:
        return f"{over} on {best.candidate}: {cost}"
    is_clear = all(_costs_less(best, other) for other in others)
    doubt = "" if is_clear else ", which the intervals do not tell from the next"
    return f"{over} least on {best.candidate}: {cost}{doubt}"


def _costs_less(one: LoadCost, other: LoadCost) -> bool:
    """By more than the intervals of both."""
    high, low = one.cost_high, other.cost_low
    return high is not None and low is not None and high < low


def is_cheaper(one: Serving, other: Serving) -> bool:
    """By more than the intervals of both."""
    high, low = one.per_audio_hour_high, other.per_audio_hour_low
    return high is not None and low is not None and high < low
