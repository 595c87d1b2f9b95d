"""EER and minimum costs: by hand, by trying every threshold, and their intervals."""

from fractions import Fraction

import numpy as np
import pytest

from workloads.metrics.detection import (
    BONA_FIDE,
    Detection,
    EqualErrorRate,
    MinimumCost,
    det_points,
    mean_difference,
)
from workloads.metrics.detection_costs import (
    ASVSPOOF_2019,
    DetectionCosts,
    SpeakerVerifier,
    TandemCosts,
)
from workloads.metrics.scores import from_plain, to_plain

PERFECT = SpeakerVerifier(miss=0.0, false_alarm=0.0, spoof_false_alarm=1.0)


def eer(bona_fide: list[float], spoofed: list[float]) -> EqualErrorRate:
    return EqualErrorRate("eer", *scored(bona_fide, spoofed))


def scored(
    bona_fide: list[float], spoofed: list[float]
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    kinds = [BONA_FIDE] * len(bona_fide) + ["A07"] * len(spoofed)
    return (*bona_fide, *spoofed), tuple(kinds)


@pytest.mark.parametrize(
    ("bona_fide", "spoofed", "expected"),
    [
        ([2.0, 3.0], [0.0, 1.0], 0.0),
        ([0.0, 1.0], [2.0, 3.0], 1.0),  # every threshold between has both wrong
        ([1.0, 2.0, 3.0, 4.0], [0.0, 0.5, 1.5, 0.7], 0.25),  # at 1.5
        ([1.0], [1.0], 0.5),  # a tie is on one side: (0, 1) or (1, 0)
        ([1.0, 2.0, 2.0], [2.0, 0.0, 0.0], 1 / 3),  # at 2: 1 of 3 missed, 1 of 3 taken
        ([0.0, 2.0], [1.0] * 4, 0.75),  # (0.5, 1) at 1, as close as (0.5, 0) at 2
    ],
)
def test_eer_by_hand(
    bona_fide: list[float], spoofed: list[float], expected: float
) -> None:
    assert eer(bona_fide, spoofed).value == pytest.approx(expected)


def test_costs_by_hand() -> None:
    """Missing 1 of 4 costs 1.9 / 4; taking 1 of 2 costs 1 / 2; all or nothing, 1."""
    scores = scored([0.0, 2.0, 3.0, 4.0], [-1.0, 1.0])
    assert DetectionCosts().of(*scores).value == pytest.approx(1.9 / 4)
    cheap = DetectionCosts(prior_spoof=0.01).of(*scores)  # 0.99 to 0.1: 9.9
    assert cheap.value == pytest.approx(0.5)
    assert DetectionCosts(miss=2.0).of(*scores).value == pytest.approx(0.5)
    assert DetectionCosts(false_alarm=19.0).of(*scores).value == pytest.approx(0.25)


def test_tandem_costs_by_hand() -> None:
    """C1 = 0.9405 (1 - 0.1) - 0.0095 x 10 x 0.2 = 0.82745; C2 = 10 x 0.05 x 0.5."""
    verifier = SpeakerVerifier(miss=0.1, false_alarm=0.2, spoof_false_alarm=0.5)
    found = TandemCosts().of(verifier, *scored([0.0, 2.0, 3.0, 4.0], [-1.0, 1.0]))
    assert (found.miss_cost, found.false_alarm_cost) == pytest.approx((0.82745, 0.25))
    assert found.value == pytest.approx(0.5)  # 3.3098 / 4 were more
    # What changes each number.
    assert TandemCosts(0.5, 0.45, 0.05).of(PERFECT, *scored([1], [0])).shares() == (
        pytest.approx((1.0, 1.0))
    )
    dear = TandemCosts(verifier_miss=2.0, verifier_false_alarm=5.0, miss=3.0)
    assert dear.of(verifier, *scored([1], [0])).miss_cost == pytest.approx(
        0.9405 * (3 - 0.2) - 0.0095 * 5 * 0.2
    )
    assert TandemCosts(false_alarm=4.0).of(
        verifier, *scored([1], [0])
    ).false_alarm_cost == pytest.approx(0.1)


def test_the_constants_of_asvspoof_2019_give_its_beta() -> None:
    found = TandemCosts().of(ASVSPOOF_2019, *scored([1], [0]))
    assert found.shares() == pytest.approx((2.405945, 1.0), abs=1e-6)
    assert DetectionCosts().of(*scored([1], [0])).shares() == pytest.approx((1.9, 1.0))


def random_scores(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Of whole numbers, so that many are equal."""
    rng = np.random.default_rng(seed)
    bona_fide, spoofed = rng.integers(1, 12, 2)
    scores = rng.integers(0, rng.integers(2, 15), bona_fide + spoofed).astype(float)
    return scores, np.array([BONA_FIDE] * bona_fide + ["A"] * spoofed)


def test_both_equal_a_search_over_all_thresholds() -> None:
    for seed in range(1000):
        scores, attacks = random_scores(seed)
        is_bona_fide = attacks == BONA_FIDE
        pairs = []
        for threshold in [*sorted(set(scores.tolist())), np.inf]:
            taken = scores >= threshold
            wrong = (~taken)[is_bona_fide].sum(), taken[~is_bona_fide].sum()
            counts = is_bona_fide.sum(), (~is_bona_fide).sum()
            both = zip(wrong, counts, strict=True)
            pairs.append([Fraction(int(some), int(all_)) for some, all_ in both])
        closest = min(pairs, key=lambda pair: abs(pair[0] - pair[1]))
        given = tuple(scores.tolist()), tuple(attacks.tolist())
        assert EqualErrorRate("eer", *given).value == pytest.approx(
            float(sum(closest)) / 2
        )
        least = min(1.9 * float(miss) + float(taken) for miss, taken in pairs)
        assert DetectionCosts().of(*given).value == pytest.approx(least)


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_utterances_does_not_matter(seed: int) -> None:
    scores, attacks = random_scores(seed)
    order = np.random.default_rng(seed).permutation(len(scores))
    assert EqualErrorRate("eer", tuple(scores), tuple(attacks)).value == (
        EqualErrorRate("eer", tuple(scores[order]), tuple(attacks[order])).value
    )


def measures(seed: int) -> list[Detection]:
    scores, attacks = random_scores(seed)
    given = tuple(scores.tolist()), tuple(attacks.tolist())
    return [
        EqualErrorRate("eer", *given),
        DetectionCosts().of(*given),
        TandemCosts().of(ASVSPOOF_2019, *given),
    ]


@pytest.mark.parametrize("seed", range(30))
def test_what_utterances_add_is_the_value(seed: int) -> None:
    for measure in measures(seed):
        added, against = zip(*measure.per_item, strict=True)
        assert sum(added) / sum(against) == pytest.approx(measure.value)


def test_the_threshold_is_where_the_value_is_reached() -> None:
    found = eer([1.0, 2.0, 3.0, 4.0], [0.0, 0.5, 1.5, 0.7])
    assert found.threshold == 1.5
    assert eer([0.0, 1.0], [2.0, 3.0]).threshold == 2.0
    costly = MinimumCost("cost", *scored([0.0], [1.0]), 1.0, 10.0)
    assert costly.threshold == np.inf
    assert costly.value == 1.0


def test_a_det_curve_runs_from_all_taken_to_none() -> None:
    rates = det_points(np.array([1.0, 1.0, 0.0, 2.0]), np.array(["", "A", "A", ""]))
    assert rates.thresholds.tolist() == [0.0, 1.0, 2.0, np.inf]
    assert rates.miss.tolist() == [0.0, 0.0, 0.5, 1.0]
    assert rates.false_alarm.tolist() == [1.0, 0.5, 0.0, 0.0]


def test_each_attack_has_a_value_of_its_own() -> None:
    scores, attacks = (1.0, 2.0, 0.0, 3.0), ("", "", "A07", "A08")
    found = EqualErrorRate("eer", scores, attacks).by_attack()
    assert found == {"A07": 0.0, "A08": 1.0}


def test_the_interval_is_of_other_attacks_too() -> None:
    """One of two attacks is as good as speech: the next may be like either. Resampled
    over utterances alone, the value would hardly move."""
    rng = np.random.default_rng(0)
    drawn = [rng.normal(mean, 1, 200) for mean in (3, 0, 3)]
    scores = tuple(np.concatenate(drawn).tolist())
    low, high = EqualErrorRate(
        "eer", scores, (*[""] * 200, *["A07"] * 200, *["A08"] * 200)
    ).interval()
    assert low < 0.1
    assert high > 0.45
    known = EqualErrorRate("eer", scores, (*[""] * 200, *["A"] * 400)).interval()
    assert known[1] - known[0] < 0.15


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Scores of two normal distributions have an EER of 15.9 %."""
    held = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        found = eer(list(rng.normal(2, 1, 100)), list(rng.normal(0, 1, 100)))
        low, high = found.interval()
        held += low <= 0.158655 <= high
    assert held >= 52


def test_a_difference_is_of_the_same_utterances() -> None:
    rng = np.random.default_rng(0)
    bona_fide, spoofed = rng.normal(1.5, 1, 150), rng.normal(0, 1, 150)
    before = eer(list(bona_fide), list(spoofed))
    after = eer(list(bona_fide + 0.5), list(spoofed))
    change = after.minus(before)
    assert change.value == after.value - before.value < 0
    assert change.low <= change.value <= change.high < 0
    assert before.minus(before) == type(change)(0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="same measure on the same utterances"):
        after.minus(eer(list(bona_fide[:-1]), list(spoofed)))
    with pytest.raises(ValueError, match="same measure on the same utterances"):
        after.minus(measures(0)[1])  # type: ignore[arg-type]
    scores = scored([1.0, 2.0], [0.0])
    with pytest.raises(ValueError, match="same measure on the same utterances"):
        DetectionCosts().of(*scores).minus(DetectionCosts(miss=2.0).of(*scores))


def trained(shift: float, seed: int) -> EqualErrorRate:
    rng = np.random.default_rng(seed)
    bona_fide = rng.normal(2 + shift + rng.normal(0, 0.3), 1, 100)
    return eer(list(bona_fide), list(rng.normal(0, 1, 100)))


def test_a_mean_over_trainings_is_of_other_trainings_too() -> None:
    """Five trainings of one kind differ among each other; one that is as good, in two
    sets of five, is no better, and one that is better in every training is."""
    first, second, better = (
        [trained(shift, seed) for seed in range(start, start + 5)]
        for shift, start in ((0.0, 0), (0.0, 10), (1.0, 20))
    )
    mean = mean_difference(first)
    values = [one.value for one in first]
    assert mean.value == pytest.approx(np.mean(values))
    widths = [high - low for low, high in (one.interval() for one in first)]
    assert 0.3 * min(widths) < mean.high - mean.low < max(widths)
    assert mean_difference(first[:1]).low == pytest.approx(first[0].interval()[0])
    same = mean_difference(second, first)
    assert same.low < 0 < same.high
    gained = mean_difference(better, first)
    assert gained.value == pytest.approx(
        np.mean([one.value for one in better]) - np.mean(values)
    )
    assert gained.high < 0


@pytest.mark.parametrize("others", [[], [eer([1.0, 2.0], [0.0])]])
def test_trainings_of_other_utterances_have_no_difference(
    others: list[EqualErrorRate],
) -> None:
    ours = [] if not others else [eer([1.0], [0.0])]
    with pytest.raises(ValueError, match="by the same measure on the same utterances"):
        mean_difference(ours, others)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_scores_come_back_as_they_were(number: int) -> None:
    measure = measures(3)[number]
    assert from_plain(to_plain(measure)) == measure


@pytest.mark.parametrize(
    ("scores", "attacks", "stated"),
    [
        ((1.0, 2.0), ("", ""), "none of 2 utterances is spoofed"),
        ((1.0, 2.0), ("A", "A"), "none of 2 utterances is bona fide"),
        ((), (), "none of 0 utterances is bona fide"),
        ((1.0, float("nan")), ("", "A"), "1 of 2 scores are NaN .* at position 1"),
        ((float("inf"), 0.0), ("", "A"), "1 of 2 scores are NaN .* at position 0"),
        ((1.0, 2.0, 3.0), ("", "A"), "3 scores for 2 names"),
    ],
)
def test_what_has_no_value_is_an_error(
    scores: tuple[float, ...], attacks: tuple[str, ...], stated: str
) -> None:
    with pytest.raises(ValueError, match=stated):
        EqualErrorRate("eer", scores, attacks)
    with pytest.raises(ValueError, match=stated):
        det_points(np.array(scores), np.array(attacks))


@pytest.mark.parametrize(
    ("make", "stated"),
    [
        (lambda: DetectionCosts(prior_spoof=1.0), "a prior is 1.0"),
        (lambda: TandemCosts(prior_target=0.0), "a prior is 0.0"),
        (lambda: TandemCosts(0.9, 0.2, 0.05), "sum to 1.15"),
        (lambda: SpeakerVerifier(1.2, 0, 0), "miss is 1.2"),
        (lambda: SpeakerVerifier(0, 0, -1), "spoof_false_alarm is -1"),
        (
            lambda: TandemCosts().of(SpeakerVerifier(1, 0, 1), *scored([1], [0])),
            "miss_cost is 0.0",
        ),
    ],
)
def test_costs_that_mean_nothing_are_errors(make: object, stated: str) -> None:
    with pytest.raises(ValueError, match=stated):
        make()  # type: ignore[operator]


def test_a_verifier_errs_alike_at_the_threshold_of_its_eer() -> None:
    """At 1.5 1 of 4 targets and 1 of 4 others are wrong; the scorer of ASVspoof takes
    the highest score that is rejected there, 1, which is then accepted."""
    target, nontarget = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 0.5, 1.5, 0.7])
    found = SpeakerVerifier.of_scores(target, nontarget, np.array([1.4, 1.5, 9.0, 0.0]))
    assert found == SpeakerVerifier(0.0, 0.25, 0.75)
    with pytest.raises(ValueError, match="scores of attacks: none of 1"):
        SpeakerVerifier.of_scores(target, nontarget, np.array([]))
