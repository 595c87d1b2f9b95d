"""The verdict in sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compared import single, small

from harness.report.compare.model import (
    Measured,
    NotMeasured,
    Saturated,
    Serving,
)
from harness.report.compare.qualification import Qualification
from harness.report.compare.shown.verdict import verdict

# The verdict


ALLOWED = "Not all of it is the same work, as allowed: seed differs"


APART = (
    "wer 20 % of asr-training/ds2-small/fp32/eager/b16 does not count: arm did not "
    "reach it in every run, which others did; not done alike, and counted nowhere: 1 "
    "of 28 works (corpus); within the gate on some candidates, beyond it on others, "
    "and counted nowhere: 8 of 28 works."
)


def test_a_sure_verdict_names_the_first_its_speed_its_probability_and_its_cost():
    """The probability is that it comes first of all, and no pair's."""
    scores = small().ranking.scores
    first = replace(scores[0], rank_shares=(0.976, 0.024, 0.0))
    wins = small().ranking.wins | {"xeon": {"epyc": 0.99, "arm": 0.99}}
    ranking = replace(small().ranking, scores=(first, *scores[1:]), wins=wins)
    found = replace(small(), ranking=ranking)
    speed, cost, allowed = verdict(found)
    assert speed == (
        "xeon ranks first, at 1.61 (95 % interval 1.55 to 1.68) times the speed of "
        "epyc over 27 works: it is faster than every other candidate with a "
        "probability of 97.6 %."
    )
    assert cost.startswith("A busy hour of xeon costs 0.548 USD; ")
    assert allowed == f"{ALLOWED}; {APART}"


def test_a_case_that_other_load_spoiled_is_stated_with_the_verdict():
    row = small().rows[0]
    spoiled = replace(row.cells["epyc"], spoiled=True)
    rows = (replace(row, cells={**row.cells, "epyc": spoiled}), *small().rows[1:])
    *_, stated = verdict(replace(small(), rows=rows))
    assert stated == f"{ALLOWED}; other load spoiled 1 of the 27 works; {APART}"


@pytest.mark.parametrize(
    ("spoiled", "stated"),
    [(True, "; other load spoiled 1 of the 27 works; "), (False, "; ")],
)
def test_of_a_saturated_work_what_counts_may_be_spoiled(spoiled, stated):
    comparison = small()
    saturated = Saturated(comparison.ranking.works[0], {}, spoiled)
    ranking = replace(comparison.ranking, saturated=(saturated,))
    *_, found = verdict(replace(comparison, ranking=ranking))
    assert found == f"{ALLOWED}{stated}{APART}"


def served(*costs):
    """A comparison in which an hour of audio costs (low, value, high) on each."""
    serving = tuple(
        Serving(
            "asr-inference",
            "small",
            name,
            small().rows[0].work,
            None,
            per_audio_hour=cost,
            per_audio_hour_low=low,
            per_audio_hour_high=high,
        )
        for name, (low, cost, high) in zip(("epyc", "xeon"), costs, strict=False)
    )
    return replace(small(), money=replace(small().money, serving=serving, total=()))


@pytest.mark.parametrize(
    ("costs", "stated"),
    [
        (
            [(1.0, 2.0, 3.0), (4.0, 5.0, 6.0)],
            "the cheapest hour of audio is on epyc: 2.00 USD.",
        ),
        (
            [(1.0, 2.0, 3.0), (2.0, 2.5, 3.0)],
            "an hour of audio costs least on epyc (2.00 USD), which the intervals do "
            "not tell from the next.",
        ),
        (
            [(None, 2.0, None), (4.0, 5.0, 6.0)],
            "an hour of audio costs least on epyc (2.00 USD), which the intervals do "
            "not tell from the next.",
        ),
        ([(1.0, 2.0, 3.0)], "an hour of audio on epyc costs 2.00 USD."),
    ],
)
def test_one_is_called_cheapest_only_where_the_intervals_tell_it_from_the_next(
    costs, stated
):
    assert verdict(served(*costs))[1].endswith(stated)


@pytest.mark.parametrize(("high", "is_said"), [(1.0, True), (1.7, False)])
def test_one_gives_the_most_for_its_price_only_where_the_intervals_tell_so(
    high, is_said
):
    """xeon's score per money is 2 of a score of 2, [1.8, 2.2]; epyc's 1 of 1."""
    xeon, epyc, _ = small().ranking.scores
    scores = (
        replace(xeon, score=2.0, low=1.8, high=2.2, per_money=2.0),
        replace(epyc, score=1.0, low=0.9, high=high, per_money=1.1),
    )
    found = replace(small(), ranking=replace(small().ranking, scores=scores))
    said = "xeon gives the most speed for its price" in verdict(found)[1]
    assert said is is_said


def with_ranking(**changes):
    return replace(small(), money=None, ranking=replace(small().ranking, **changes))


def test_a_doubtful_verdict_says_so_and_names_the_rival():
    wins = {"xeon": {"epyc": 0.71, "arm": 0.999}}
    sentence, _ = verdict(with_ranking(wins=wins))
    assert sentence.startswith("There is no clear winner: xeon ranks first")
    assert sentence.endswith("faster than epyc with a probability of only 71.0 %.")


def test_a_verdict_of_unknown_doubt_gives_the_reason():
    sentence, _ = verdict(with_ranking(wins=None, reason="one process a case"))
    assert sentence.endswith("how sure that is, is not known: one process a case.")


def test_where_the_baseline_is_first_the_next_is_stated_by_its_speed():
    epyc, arm = small().ranking.scores[1:]
    scores = (replace(epyc, rank_shares=(0.975, 0.025)), arm)
    sentence, _ = verdict(with_ranking(scores=scores))
    assert sentence.startswith(
        "epyc ranks first, with arm at 0.588 (95 % interval 0.565 to 0.612) times its "
        "speed over 27 works: it is faster than arm with a probability of 97.5 %."
    )


def test_without_common_work_there_is_no_verdict_and_it_says_what_differs():
    assert verdict(replace(small(), ranking=None)) == (
        "There is no verdict: the candidates did not do the same work (what differs: "
        "corpus).",
    )
    assert verdict(replace(small(), ranking=None, mismatches=())) == (
        "There is no verdict: no work was done, within its gate, by every candidate.",
    )
    empty = replace(small().ranking, scores=(), reason="no work in common")
    assert verdict(replace(small(), ranking=empty)) == (
        "There is no verdict: no work in common.",
    )


def test_a_single_machine_is_described_and_not_ranked():
    whole = single()
    assert verdict(whole) == (
        "28 cases were measured on epyc; a single machine is not ranked.",
    )
    failing = replace(whole.rows[0].cells["epyc"], gate_passed=False)
    rows = (
        replace(whole.rows[0], cells={"epyc": failing}),
        replace(whole.rows[1], cells={"epyc": NotMeasured("skipped", "no GPU")}),
        *whole.rows[2:],
    )
    assert verdict(replace(whole, rows=rows)) == (
        "27 cases were measured on epyc; 1 fails its gate; 1 has no result; a single "
        "machine is not ranked.",
    )
    assert all(isinstance(r.cells["epyc"], Measured) for r in rows[2:])


def with_cells(work_name, **changes):
    """The small comparison with other cells of a work."""
    rows = [
        replace(
            row,
            cells={
                label: replace(cell, **changes[label]) if label in changes else cell
                for label, cell in row.cells.items()
            },
        )
        if str(row.work).startswith(work_name)
        else row
        for row in small().rows
    ]
    return replace(small(), rows=tuple(rows))


def test_works_that_are_not_in_the_precision_of_their_name_are_told():
    found = with_cells("asr-inference/ds2-small/fp32/eager/b1", xeon={"refuted": True})
    (stated,) = [s for s in verdict(found) if "precision" in s]
    assert (
        "2 of the 27 works did not run in the precision that they claim on every "
        "candidate" in stated
    )  # b1 and b16


WHY = {"epyc": "slow", "arm": "slow"}


def test_the_only_one_that_qualifies_keeps_its_reserves():
    rows = tuple(
        replace(
            row,
            cells={
                label: replace(cell, beyond_limits=WHY.get(label), spoiled=True)
                if isinstance(cell, Measured)
                else cell
                for label, cell in row.cells.items()
            },
        )
        for row in small().rows
    )
    found = replace(
        small(),
        rows=rows,
        ranking=None,
        qualification=Qualification(
            limits={"p90_ms": 10.0},
            at_least={},
            cases={"epyc": 3, "xeon": 3, "arm": 3},
            qualified={"epyc": 0, "xeon": 3, "arm": 0},
            reasons={"epyc": ("slow",), "xeon": (), "arm": ("slow",)},
            without=(),
        ),
    )
    alone, *rest = verdict(found)
    assert alone.startswith("Only xeon qualifies")
    assert "ther load spoiled" in " ".join(rest)
