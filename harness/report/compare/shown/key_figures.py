"""The answer in three figures: who is fastest, what is cheapest, and how sure that is;
of a single machine how much was measured, what compression is worth there, and what
other load spoiled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from harness.clusters import MOST_SURE
from harness.report.compare.model import Comparison, Money, Serving
from harness.report.compare.shown.best import BestOfModel, variant_of
from harness.report.compare.shown.cases import cases, without_result
from harness.report.compare.shown.money import limits_text
from harness.report.compare.shown.qualified import out_of_all
from harness.report.compare.shown.verdict import (
    clear_winner,
    is_cheaper,
    no_verdict,
    speed_text,
    sureness,
    whom,
)
from harness.report.tables.table import ABSENT, number, percent
from harness.text import counted


@dataclass(frozen=True)
class KeyFigure:
    """What is asked, the answer in a word or a number, and of what it is true."""

    question: str
    answer: str
    detail: str


def key_figures(comparison: Comparison) -> tuple[KeyFigure, ...]:
    """Of several candidates."""
    return (
        _fastest(comparison),
        _cheapest(comparison),
        _how_sure(comparison),
    )


def key_figures_of_one(
    comparison: Comparison, best: Sequence[BestOfModel]
) -> tuple[KeyFigure, ...]:
    """Of a single machine; `best` are those of its models."""
    return (
        _measured(comparison),
        _best_compression(best),
        _spoiled(comparison),
    )


def _fastest(comparison: Comparison) -> KeyFigure:
    ranking = comparison.ranking
    if ranking is None or not ranking.scores:
        return KeyFigure("Fastest", ABSENT, _why_nobody(comparison))
    best, *others = ranking.scores
    baseline = ranking.baseline or comparison.baseline
    count = len(ranking.works)
    works = "1 work" if count == 1 else f"{count:,} works"
    question = "Fastest" if clear_winner(ranking) else "Ranks first, no clear winner"
    speed = speed_text(baseline, best, others)
    return KeyFigure(question, best.candidate, f"{speed}, over {works}")


def _why_nobody(comparison: Comparison) -> str:
    qualified = comparison.qualification
    alone = qualified and out_of_all(qualified, comparison.metrics)
    return alone or no_verdict(comparison)


def _how_sure(comparison: Comparison) -> KeyFigure:
    question, ranking = "How sure", comparison.ranking
    if ranking is None or not ranking.scores:
        return KeyFigure(question, ABSENT, "There is no order to be sure of.")
    best, *others = ranking.scores
    if ranking.wins is None or not others:
        reason = ranking.reason or "the processes are too few"
        return KeyFigure(question, ABSENT, f"Not known: {reason}.")
    share = percent(sureness(ranking), MOST_SURE if ranking.few_runs else 1.0)
    return KeyFigure(
        question, share, f"that {best.candidate} is faster than {whom(others)}"
    )


def _cheapest(comparison: Comparison) -> KeyFigure:
    money = comparison.money
    if money is None:
        question = "Cheapest hour of audio"
        return KeyFigure(question, ABSENT, "Not asked: --prices=FILE answers it.")
    limits = limits_text(money, comparison.metrics)
    question = f"Cheapest hour of audio{' within limits' if limits else ''}"
    under = f", with {limits}" if limits else ""
    winners = list(map(_winner, _by_model(money)))
    if not winners:
        return KeyFigure(question, ABSENT, f"No case has a price{under}.")
    if len(winners) == 1:
        return _of_one_model(question, money, *winners[0], under)
    counts = Counter(serving.candidate for serving, is_clear in winners if is_clear)
    if not counts:
        detail = f"The intervals tell none for any of {len(winners):,} models{under}."
        return KeyFigure(question, ABSENT, detail)
    ((candidate, count),) = counts.most_common(1)
    return KeyFigure(
        question, candidate, f"for {count:,} of {len(winners):,} models{under}"
    )


def _of_one_model(
    question: str, money: Money, best: Serving, is_clear: bool, under: str
) -> KeyFigure:
    cost = f"{number(best.per_audio_hour or 0.0)} {money.currency}"
    doubt = "" if is_clear else ", which the intervals do not tell from the next"
    return KeyFigure(question, cost, f"on {best.candidate}{doubt}{under}")


def _by_model(money: Money) -> list[list[Serving]]:
    """Those that have a price, of each model."""
    found: dict[tuple[str, str], list[Serving]] = {}
    for one in money.serving:
        if one.per_audio_hour is not None:
            found.setdefault((one.workload, one.model), []).append(one)
    return list(found.values())


def _winner(some: Sequence[Serving]) -> tuple[Serving, bool]:
    """The cheapest, and whether it is so by more than the intervals."""
    best, *others = sorted(some, key=lambda one: one.per_audio_hour or 0.0)
    return best, all(is_cheaper(best, other) for other in others)


def _measured(comparison: Comparison) -> KeyFigure:
    found = list(cases(comparison))
    failing = sum(case.measured.gate_passed is False for case in found)
    lose = counted(failing, "loses more accuracy than its", "lose more than their")
    have = counted(without_result(comparison), "has", "have")
    detail = f"{lose} gate allows, {have} no result"
    return KeyFigure("Cases measured", f"{len(found):,}", detail)


def _best_compression(best: Sequence[BestOfModel]) -> KeyFigure:
    question = "Best compression within its gate"
    found = [one for one in best if one.compression]
    if not found:
        return KeyFigure(question, ABSENT, "No compressed case passed a gate.")
    most = max(found, key=lambda one: one.compression.gain if one.compression else 0.0)
    assert most.compression is not None
    doubt = "; other load spoiled their times" if most.compression.is_spoiled else ""
    return KeyFigure(
        question,
        f"{most.compression.gain:.2f} x",
        f"{variant_of(most.compression.case)} over the fastest uncompressed case of "
        f"{most.name}{doubt}",
    )


def _spoiled(comparison: Comparison) -> KeyFigure:
    found = list(cases(comparison))
    count = sum(case.measured.spoiled for case in found)
    detail = "by other load, or by the host: their figures may be too slow"
    if not count:
        detail = "no case was disturbed by other load as far as it was watched"
    return KeyFigure("Spoiled", f"{count:,} of {len(found):,} cases", detail)
