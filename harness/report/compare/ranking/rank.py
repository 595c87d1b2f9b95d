"""Who is fastest over all works as the buyer weighs them, and how sure that is.

C candidates, D draws of the bootstrap, N processes, W works.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.clusters import MOST_SURE, Cell
from harness.metrics import as_loss
from harness.report.compare.model import (
    Estimate,
    LeftOut,
    Measured,
    NotMeasured,
    Ranking,
    Row,
    Score,
    Training,
    Work,
)
from harness.report.compare.ranking.resampling import Doubt, doubt
from harness.report.compare.ranking.saturated import with_saturated
from harness.report.compare.reading.estimates import weighed

DRAWS = 10_000  # a share of 95 % is known to within 0.4 %
SEED = 0
LEAST_S, MOST_S = 1e-12, 1e12  # what a step may take, lest a ratio be infinite
ONE_PROCESS = "a single process on {}: it says nothing of the next"
NO_DOUBT = (
    "no work ran in two or more processes on every candidate: how sure the order is "
    "cannot be told; the profiles standard and paper run three"
)
NOTHING_RANKED = "no work counts: the reasons stand beside each"


@dataclass(frozen=True)
class _Times:
    """Of a work that counts: each candidate's time, in the candidates' order."""

    work: Work
    times: tuple[Estimate, ...]

    @property
    def is_repeated(self) -> bool:
        return all(len(time.values) > 1 for time in self.times)


def rank(
    rows: Sequence[Row],
    candidates: Sequence[str],
    baseline: str,
    weights: Mapping[str, float],
    without_errors: Collection[str] = (),
    draws: int = DRAWS,
) -> Ranking:
    """Candidates (labels) by their weighted geometric mean of speed ratios.

    A score is exp(sum over workloads of w x mean over its works of log(time of the
    baseline / time of the candidate)), w being the workload's weight over the sum of
    weights: however many works a workload has, it counts as it is weighed (Fleming and
    Wallace, How not to lie with statistics: the correct way to summarize benchmark
    results, CACM 29, 1986, for the geometric mean). A training's time is the one to its
    hardest level that every candidate reached in every run. Where every candidate did a
    work in several instances too, what its best split carries counts.

    The doubt is over the runs of every candidate, each with all its works, and the
    processes in them: intervals and P(a is faster than b) are Welch's, and how stable
    the order is comes of a parametric bootstrap with the same chances for each pair
    (resampling.Doubt). Works of a single process carry none: they are left out where
    others do, and where none does, all are ranked and the doubt is unknown.

    `without_errors` names workloads that have no accuracy by nature; of any other, a
    work without errors does not count.
    """
    whole = with_saturated(rows, candidates)
    used, left_out = _that_count(whole.rows, candidates, weights, without_errors)
    left_out += whole.left_out
    repeated = [each for each in used if each.is_repeated]
    if repeated:
        left_out += [_single(each, candidates) for each in used if not each.is_repeated]
        used = repeated
    works = tuple(each.work for each in used)
    shares = _shares({work.workload for work in works}, weights)
    ranking = Ranking(
        scores=(),
        wins=None,
        order_share=None,
        works=works,
        saturated=tuple(each for each in whole.saturated if each.work in works),
        left_out=tuple(left_out),
        weights=shares,
        reason=None if repeated else NO_DOUBT if used else NOTHING_RANKED,
    )
    if not used:
        return ranking
    means = _mean_logs(used, shares)
    base = list(candidates).index(baseline)
    scored = _scored(ranking, candidates, means[base] - means)
    if not repeated:
        return scored
    found = doubt(means, _weighed_cells(used, shares))
    assert found is not None, "of repeated works"
    return _with_doubt(scored, candidates, base, found, draws)


def per_money(
    ranking: Ranking, baseline: str, per_hour: Mapping[str, float]
) -> Ranking:
    """The ranking with each score divided by the candidate's price per hour over the
    baseline's, where both are known."""
    scores = [
        replace(
            score,
            per_money=score.score * per_hour[baseline] / per_hour[score.candidate],
        )
        if baseline in per_hour and score.candidate in per_hour
        else score
        for score in ranking.scores
    ]
    return replace(ranking, scores=tuple(scores))


def _that_count(
    rows: Sequence[Row],
    candidates: Sequence[str],
    weights: Mapping[str, float],
    without_errors: Collection[str],
) -> tuple[list[_Times], list[LeftOut]]:
    used, left_out = [], []
    for row in rows:
        workload = row.work.workload
        found = _times_of(row, candidates, workload in without_errors)
        if weights.get(workload, 1.0) == 0:
            found = "its workload has weight 0"
        if isinstance(found, str):
            left_out.append(LeftOut(row.work, found))
        else:
            used.append(_Times(row.work, found))
    return used, left_out


def _times_of(
    row: Row, candidates: Sequence[str], bare: bool
) -> str | tuple[Estimate, ...]:
    """Each candidate's time, or why there is no ranking of it."""
    cells = []
    for label in candidates:
        cell = row.cells.get(label) or NotMeasured("missing", "not in its files")
        if isinstance(cell, NotMeasured):
            return f"{label}: {cell.status}: {cell.reason}"
        if cell.gate_passed is False:
            return f"{label}: beyond its gate"
        if cell.beyond_limits is not None:
            return f"{label}: beyond the limits: {cell.beyond_limits}"
        if not cell.errors and not bare:
            return f"{label}: no accuracy: {cell.errors_reason or 'no reason given'}"
        cells.append(cell)
    if not row.same:
        return "not the same work on all candidates"
    times = _own_times(cells)
    if isinstance(times, str):
        return times
    seconds = [value for time in times for value in (time.value, *time.values)]
    beyond = [value for value in seconds if not LEAST_S <= value <= MOST_S]
    return f"a time of {beyond[0]:g} s" if beyond else times


def _own_times(cells: Sequence[Measured]) -> str | tuple[Estimate, ...]:
    """Seconds of a step; of trainings, seconds to the hardest level of the first
    target's metric that all reached."""
    trainings = [cell.training for cell in cells if cell.training is not None]
    if len(trainings) < len(cells):
        return tuple(cell.step_s for cell in cells)
    if not all(training.targets for training in trainings):
        return "a training without targets"
    first = trainings[0].targets[0]
    metric, better = first.metric, first.better
    reached = [_reached(training, metric) for training in trainings]
    levels = set[float].intersection(*(set(each) for each in reached))
    if not levels:
        return f"no level of {metric} that every candidate reached in every run"
    hardest = min(levels, key=lambda level: as_loss(level, better))
    return tuple(each[hardest] for each in reached)


def _reached(training: Training, metric: str) -> dict[float, Estimate]:
    return {
        target.level: target.tta_s
        for target in training.targets
        if target.metric == metric and target.tta_s is not None
    }


def _single(times: _Times, candidates: Sequence[str]) -> LeftOut:
    labels = [
        label
        for label, time in zip(candidates, times.times, strict=True)
        if len(time.values) < 2
    ]
    return LeftOut(times.work, ONE_PROCESS.format(", ".join(labels)))


def _shares(
    workloads: Collection[str], weights: Mapping[str, float]
) -> dict[str, float]:
    """The weights as used: they add up to 1."""
    raw = {name: weights.get(name, 1.0) for name in sorted(workloads)}
    return {name: weight / sum(raw.values()) for name, weight in raw.items()}


def _mean_logs(used: Sequence[_Times], shares: Mapping[str, float]) -> np.ndarray:
    """(C,): the weighted mean of the logarithms of the times."""
    total = np.zeros(len(used[0].times))
    for share, works in _by_workload(used, shares):
        values = [[time.value for time in each.times] for each in works]  # (W, C)
        total += share * np.log(values).mean(axis=0)
    return total


def _weighed_cells(
    used: Sequence[_Times], shares: Mapping[str, float]
) -> list[tuple[Cell, ...]]:
    """For each candidate each work's processes, with its weight in the mean."""
    by_work = [
        [weighed(time, share / len(works)) for time in each.times]
        for share, works in _by_workload(used, shares)
        for each in works
    ]
    return list(zip(*by_work, strict=True))


def _by_workload(
    used: Sequence[_Times], shares: Mapping[str, float]
) -> list[tuple[float, list[_Times]]]:
    return [
        (share, [each for each in used if each.work.workload == workload])
        for workload, share in shares.items()
    ]


def _scored(
    ranking: Ranking, candidates: Sequence[str], log_scores: np.ndarray
) -> Ranking:
    order = np.argsort(-log_scores, kind="stable")
    scores = tuple(
        Score(candidates[i], math.exp(log_scores[i]), None, None, None, None)
        for i in order
    )
    return replace(ranking, scores=scores)


def _with_doubt(
    ranking: Ranking, candidates: Sequence[str], baseline: int, found: Doubt, draws: int
) -> Ranking:
    """`baseline` is its place among the candidates, whose pairs the doubt is of."""
    order = [list(candidates).index(score.candidate) for score in ranking.scores]
    factors = np.exp(found.half_widths()[order, baseline])
    places = found.places(draws, np.random.default_rng(SEED))  # (C, D)
    few = tuple(candidates[i] for i in np.flatnonzero(found.is_allowed).tolist())
    most = MOST_SURE if few else 1.0
    scores = tuple(
        replace(
            score,
            low=float(score.score / factor),
            high=float(score.score * factor),
            rank_shares=tuple(
                (places == at).mean(axis=1).clip(1 - most, most).tolist()
            ),
        )
        for score, at, factor in zip(ranking.scores, order, factors, strict=True)
    )
    in_order = (places == np.array(order)[:, None]).all(axis=0)
    labels = [score.candidate for score in scores]
    return replace(
        ranking,
        scores=scores,
        wins=_wins(labels, found.wins()[order][:, order]),
        order_share=float(in_order.mean().clip(1 - most, most)),
        few_runs=few,
    )


def _wins(labels: Sequence[str], shares: np.ndarray) -> dict[str, dict[str, float]]:
    """From shares (C, C), in the labels' order."""
    return {
        a: {b: float(shares[i, j]) for j, b in enumerate(labels) if i != j}
        for i, a in enumerate(labels)
    }
