"""What a whole machine carries counts in a ranking, where every candidate tells it."""

from dataclasses import replace

import pytest
from ranked import BOTH, reasons, scores
from rows import estimate, measured, row, work

from harness.report.compare.model import NotMeasured
from harness.report.compare.ranking.rank import rank
from harness.report.splits import Split

WHOLE = work()
SKIPPED = NotMeasured("skipped", "more instances than cores")


def carries(items_per_s, split=None, **changes):
    """A case that does so many items a second, each step of one taking a second."""
    rate = estimate(*([items_per_s] * 2))
    return measured(1.0, 1.0, throughput_items_per_s=rate, split=split, **changes)


def at(count, same=True, **cells):
    several = replace(WHOLE, options=(("instances", str(count)),))
    return row(several, cells, same)


def alone(a, b):
    return row(WHOLE, {"a": carries(a, Split(1, 8)), "b": carries(b, Split(1, 4))})


def test_the_best_split_of_each_counts():
    rows = [
        alone(1, 1),
        at(2, a=carries(3, Split(2, 4)), b=carries(2, Split(2, 2))),
        at(4, a=carries(2, Split(4, 2)), b=carries(6, Split(4, 1))),
        at(8, a=carries(1, Split(8, 1)), b=SKIPPED),
    ]
    ranking = rank(rows, BOTH, "a", {})
    assert scores(ranking) == {"b": pytest.approx(2.0), "a": 1.0}
    (one,) = ranking.saturated
    assert one.work == WHOLE
    assert one.splits == {"a": Split(2, 4), "b": Split(4, 1)}
    assert ranking.works == (WHOLE,)
    assert ranking.left_out == ()


def test_one_worker_is_the_best_split_where_it_carries_the_most():
    rows = [alone(4, 1), at(2, a=carries(3, Split(2, 4)), b=carries(2, Split(2, 2)))]
    ranking = rank(rows, BOTH, "a", {})
    assert scores(ranking)["b"] == pytest.approx(0.5)
    assert ranking.saturated[0].splits["a"] == Split(1, 8)


def test_where_one_was_not_split_no_ones_split_counts():
    """Else the best of one would stand beside whatever the other has."""
    rows = [alone(1, 1), at(2, a=carries(3)), at(4, a=SKIPPED, b=SKIPPED)]
    ranking = rank(rows, BOTH, "a", {})
    assert scores(ranking) == {"a": 1.0, "b": 1.0}
    assert ranking.saturated == ()
    assert reasons(ranking) == [
        "it counts where every candidate has it: b was measured in no split"
    ]
    assert ranking.left_out[0].work.instances == 2


@pytest.mark.parametrize(
    "changes", [{"gate_passed": False}, {"beyond_limits": "p90 of 70 ms"}]
)
def test_a_split_that_may_not_be_ranked_does_not_count(changes):
    fast = carries(9, Split(2, 4), **changes)
    rows = [alone(1, 1), at(2, a=fast, b=carries(2, Split(2, 2)))]
    ranking = rank(rows, BOTH, "a", {})
    assert scores(ranking)["b"] == pytest.approx(2.0)
    assert ranking.saturated[0].splits["a"] == Split(1, 8)


def test_a_split_of_another_work_does_not_count():
    both = {"a": carries(9), "b": carries(2)}
    rows = [alone(1, 1), at(2, same=False, **both), at(4, **both)]
    assert scores(rank(rows, BOTH, "a", {}))["b"] == pytest.approx(2 / 9)
    rows = [alone(1, 1), at(2, same=False, **both)]
    ranking = rank(rows, BOTH, "a", {})
    assert scores(ranking) == {"a": 1.0, "b": 1.0}
    assert ranking.saturated == ()
    assert [one.work.instances for one in ranking.left_out] == [2]


def test_splits_without_the_work_of_one_are_works_like_others():
    ranking = rank([at(2, a=carries(9), b=carries(2))], BOTH, "a", {})
    assert ranking.works[0].instances == 2
    assert ranking.saturated == ()


def test_a_work_that_does_not_count_is_not_told_as_saturated():
    rows = [
        row(WHOLE, {"a": carries(1), "b": NotMeasured("failed", "broken")}),
        at(2, a=carries(9), b=carries(2)),
    ]
    ranking = rank(rows, BOTH, "a", {})
    assert (ranking.works, ranking.saturated) == ((), ())
    assert reasons(ranking) == ["b: failed: broken"]


@pytest.mark.parametrize("spoiled", [True, False])
def test_what_counts_may_be_spoiled_where_the_work_of_one_is_not(spoiled):
    """And the other way round."""
    whole = row(WHOLE, dict.fromkeys(BOTH, carries(1, spoiled=not spoiled)))
    used = at(2, a=carries(9, spoiled=spoiled), b=carries(2))
    (one,) = rank([whole, used], BOTH, "a", {}).saturated
    assert one.spoiled is spoiled
