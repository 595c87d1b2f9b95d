"""Result files, prices and weights to one comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from harness.case import Case
from harness.report.compare.limits import limited, qualification
from harness.report.compare.model import Comparison, Mismatch, Money, Ranking, Row
from harness.report.compare.money.costs import money
from harness.report.compare.money.prices import PriceList, load_prices, unpriced
from harness.report.compare.published import published_times
from harness.report.compare.ranking.rank import per_money, rank
from harness.report.compare.ranking.weights import load_weights
from harness.report.compare.reading.figures import row
from harness.report.compare.reading.gather import Gathered, gather
from harness.report.compare.reading.match import Matched, match
from harness.report.compare.reading.software import differing_software
from harness.report.compare.terms import QuestionError, Terms, check_limits
from harness.selection import ALL, Selection
from harness.workload import Workload


@dataclass(frozen=True)
class Question:
    """What is asked of the files. `files` are paths, globs and NAME=GLOB; `baseline` is
    a candidate's label, None for the first; `selection` tells which cases count. The
    limits of its `terms` are in the metrics' units: wer=25 is 25 %."""

    files: Sequence[str]
    terms: Terms
    baseline: str | None = None
    selection: Selection = ALL
    allow: frozenset[str] = frozenset()
    prices: Path | None = None
    weights: Path | None = None


def assemble(question: Question, workloads: Sequence[Workload]) -> Comparison:
    """The answer. `workloads` tell what has an accuracy, and what was published.

    ValueError and ResultError name what is wrong with the files or the question.
    """
    prices = load_prices(question.prices) if question.prices else None
    gathered = gather(question.files, "software" in question.allow)
    baseline = _baseline(gathered, question.baseline)
    labels = [candidate.label for candidate in gathered.candidates]
    matched = match(gathered, question.allow)
    works = question.selection.of(matched.works, _names, "these files")
    rows = tuple(row(one, labels, baseline) for one in works)
    terms = question.terms.as_recorded(gathered.metrics)
    check_limits(terms, rows, gathered.metrics)
    rows = limited(rows, terms)
    found = _of_these(matched.mismatches, rows)
    comparison = Comparison(
        candidates=gathered.candidates,
        baseline=baseline,
        rows=rows,
        mismatches=found,
        differences=matched.differences,
        software=tuple(differing_software(gathered.candidates)),
        ranking=None,
        money=None,
        published=published_times(workloads, {one.work.workload for one in rows}),
        warnings=(*gathered.warnings, *_idle_permits(question, found)),
        qualification=qualification(rows, labels, terms),
        metrics=gathered.metrics,
        idle=gathered.idle,
    )
    if prices is not None:
        comparison = _priced(comparison, prices, terms, workloads)
    if len(labels) == 1:
        if question.baseline is not None:
            raise QuestionError(
                f"baseline {question.baseline!r}: there is only {labels[0]}, and "
                "ratios are to another candidate; give the results of one"
            )
        if question.weights is not None:
            raise QuestionError(
                f"weights {question.weights}: there is only {labels[0]}, and a single "
                "candidate is not ranked; give the results of another"
            )
        return comparison
    weights = _weights(question.weights, rows)
    ranking = _ranking(comparison, weights, workloads)
    warnings = (*comparison.warnings, *_idle_weights(weights, ranking))
    return replace(comparison, ranking=ranking, warnings=warnings)


def _names(one: Matched) -> list[str]:
    """A work as it is shown, and the ids of its case on every candidate's hardware."""
    work, attempts = one.work, chain.from_iterable(one.attempts.values())
    axes = (work.workload, work.model, work.compression, work.runtime)
    hardware = dict.fromkeys(attempt.extract.hardware for attempt in attempts)
    cases = (Case(*axes, each, work.batch_size, work.options) for each in hardware)
    return [str(work), *(case.id for case in cases)]


def _idle_permits(question: Question, found: Sequence[Mismatch]) -> Iterator[str]:
    """Warnings of what was allowed and is nowhere."""
    for kind in sorted(question.allow - {one.what for one in found}):
        yield f"--allow={kind} did nothing: no work differs in it"


def _idle_weights(
    weights: Mapping[str, float], ranking: Ranking | None
) -> Iterator[str]:
    """Warnings of workloads that were weighed, and of which no work counts."""
    counted = ranking.weights if ranking is not None else {}
    for name, weight in weights.items():
        if weight and name not in counted:
            found = f"the weight {weight:g} of {name} did nothing"
            yield f"{found}: none of its works counts"


def _baseline(gathered: Gathered, wanted: str | None) -> str:
    labels = [candidate.label for candidate in gathered.candidates]
    if wanted is None:
        return labels[0]
    if wanted not in labels:
        names = ", ".join(map(repr, labels))
        raise QuestionError(f"baseline {wanted!r}: expected one of {names}")
    return wanted


def _of_these(
    mismatches: Sequence[Mismatch], rows: Sequence[Row]
) -> tuple[Mismatch, ...]:
    works = {None, *(one.work for one in rows)}
    return tuple(one for one in mismatches if one.work in works)


def _without_errors(workloads: Sequence[Workload]) -> set[str]:
    return {one.name for one in workloads if not one.tells_errors}


def _priced(
    comparison: Comparison,
    prices: PriceList,
    terms: Terms,
    workloads: Sequence[Workload],
) -> Comparison:
    """With money; what has no price has a warning."""
    found: Money = money(
        comparison.rows,
        comparison.candidates,
        prices,
        terms,
        comparison.published,
        _without_errors(workloads),
    )
    missing = (*unpriced(prices, comparison.candidates), *found.warnings)
    warnings = (*comparison.warnings, *missing)
    return replace(comparison, money=found, warnings=warnings)


def _weights(path: Path | None, rows: Sequence[Row]) -> Mapping[str, float]:
    known = sorted({one.work.workload for one in rows})
    return load_weights(path, known) if path else {}


def _ranking(
    comparison: Comparison,
    weights: Mapping[str, float],
    workloads: Sequence[Workload],
) -> Ranking | None:
    """Of the candidates that qualify; None where these are fewer than two."""
    labels = [candidate.label for candidate in comparison.candidates]
    if comparison.qualification is not None:
        labels = list(comparison.qualification.contenders)
    if len(labels) < 2:
        return None
    baseline = comparison.baseline if comparison.baseline in labels else labels[0]
    found = rank(comparison.rows, labels, baseline, weights, _without_errors(workloads))
    found = replace(found, baseline=baseline)
    if comparison.money is None:
        return found
    hours = {
        price.candidate: price.per_busy_hour
        for price in comparison.money.prices
        if not price.published
    }
    return per_money(found, baseline, hours)
