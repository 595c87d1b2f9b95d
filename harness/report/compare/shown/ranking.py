"""The ranking, its doubt, and what it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from harness.clusters import MOST_SURE
from harness.report.compare.model import Comparison, Estimate, Ranking
from harness.report.compare.shown.columns import (
    estimate_columns,
    interval_column,
    work_columns,
)
from harness.report.tables.table import (
    ABSENT,
    Column,
    Table,
    brief,
    number_column,
    percent,
    text_column,
    whole_column,
    without_empty,
)


def ranking_tables(comparison: Comparison) -> dict[str, Table | None]:
    """By the name of their place on the page; None where there is nothing to tell."""
    ranking = comparison.ranking
    if ranking is None:
        return dict.fromkeys(("scores", "wins", "weights", "left_out"))
    return {
        "scores": _scores(comparison, ranking),
        "wins": _wins(ranking),
        "weights": _weights(ranking),
        "left_out": _left_out(ranking),
    }


def _scores(comparison: Comparison, ranking: Ranking) -> Table | None:
    scores, money = ranking.scores, comparison.money
    if not scores:
        return None
    estimates = [Estimate(s.score, s.low, s.high, ()) for s in scores]
    hours = {p.candidate: p.per_busy_hour for p in money.prices} if money else {}
    prices = [hours.get(score.candidate) for score in scores]
    first = [s.rank_shares[0] if s.rank_shares else None for s in scores]
    columns = (
        text_column("rank", map(str, range(1, len(scores) + 1)), importance=1),
        text_column("candidate", (s.candidate for s in scores), is_name=True),
        *estimate_columns(
            "speed",
            estimates,
            unit=f"x {ranking.baseline or comparison.baseline}",
            importance=5,
        ),
        interval_column("95 % interval", estimates, importance=4),
        _share_column("comes first", first, _most(ranking), importance=3),
        number_column(
            "busy hour", prices, unit=money.currency if money else "", importance=2
        ),
        number_column("speed for the price", (score.per_money for score in scores)),
    )
    return Table(
        "scores",
        "Candidates from best to worst",
        without_empty(columns),
        tuple(_speeds_used(ranking)),
    )


def _speeds_used(ranking: Ranking) -> Iterator[str]:
    """What speed each work counts with, where that is not one worker's of all."""
    for one in ranking.saturated:
        splits = ", ".join(
            f"{split or 'one worker'} on {label}" for label, split in one.splits.items()
        )
        yield (
            f"{one.work} counts with saturated throughput, that of the best split into "
            f"workers x threads: {splits}."
        )
    if ranking.saturated and len(ranking.works) > len(ranking.saturated):
        others = len(ranking.works) - len(ranking.saturated)
        yield (
            f"The other {others:,} works count with a step of one worker."
            if others > 1
            else "The other work counts with a step of one worker."
        )


def _most(ranking: Ranking) -> float:
    return MOST_SURE if ranking.few_runs else 1.0


def _share_column(
    title: str, shares: Iterable[float | None], most: float, importance: int = 0
) -> Column:
    found = tuple(None if share is None else brief(share) for share in shares)
    texts = tuple(ABSENT if share is None else percent(share, most) for share in found)
    return Column(title, texts, found, importance=importance)


def _wins(ranking: Ranking) -> Table | None:
    """P(the row is faster than the column), in the ranking's order."""
    wins = ranking.wins
    names = [score.candidate for score in ranking.scores]
    if wins is None or len(names) < 2:
        return None
    columns = (
        text_column("is faster than", names),
        *(
            _share_column(
                other,
                (None if name == other else wins[name][other] for name in names),
                _most(ranking),
            )
            for other in names
        ),
    )
    return Table("wins", "Probability that a candidate is faster than another", columns)


def _weights(ranking: Ranking) -> Table | None:
    if not ranking.weights:
        return None
    counts = Counter(work.workload for work in ranking.works)
    names = list(ranking.weights)
    columns = (
        text_column("workload", names),
        number_column(
            "weight", (100 * ranking.weights[name] for name in names), unit="%"
        ),
        whole_column("works", (counts[name] for name in names)),
    )
    return Table("weights", "Weights of the workloads", columns)


def _left_out(ranking: Ranking) -> Table | None:
    found = ranking.left_out
    if not found:
        return None
    columns = (
        *work_columns([one.work for one in found]),
        text_column("reason", (one.reason for one in found)),
    )
    return Table("left-out", "Works that the ranking leaves out", columns)
