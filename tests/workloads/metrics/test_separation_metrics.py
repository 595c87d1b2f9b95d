"""Separated sources are scored under the best assignment, silence left out."""

from itertools import permutations

import numpy as np
import pytest

from workloads.metrics import bootstrap
from workloads.metrics.separation import (
    Measure,
    SeparationScores,
    best_assignment,
    no_scores,
    score,
    si_sdr_matrix,
    silent_rows,
)

SAMPLES = 800


def plain_si_sdr(estimate: np.ndarray, source: np.ndarray) -> float:
    """Le Roux et al. 2019, eq. 5: the source's part of the estimate over the rest."""
    estimate = estimate - estimate.mean()
    source = source - source.mean()
    target = (estimate @ source) / (source @ source) * source
    return float(10 * np.log10((target @ target) / np.sum((estimate - target) ** 2)))


def plain_snr(estimate: np.ndarray, source: np.ndarray) -> float:
    """At the gain that leaves the least noise, found by a solver."""
    (gain,), *_ = np.linalg.lstsq(estimate[:, None], source, rcond=None)
    rest = source - gain * estimate
    return float(10 * np.log10(source @ source / (rest @ rest)))


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, shape)


def scene(seed: int, count: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimates, sources and their mixture; estimate k is mostly source k."""
    sources = noise(seed, count, SAMPLES)
    mixture = sources.sum(axis=0)
    return sources + 0.3 * noise(seed + 1, count, SAMPLES), sources, mixture


EXAMPLE = np.array(
    [[12, 11, 8, 10], [23, 25, 21, 24], [17, 15, 30, 12], [15, 20, 17, 10]]
)


def test_the_example_matrix_has_the_minimum_56() -> None:
    columns = best_assignment(EXAMPLE)
    assert columns.tolist() == [2, 0, 1, 3]
    assert EXAMPLE[np.arange(4), columns].tolist() == [8, 23, 15, 10]
    assert EXAMPLE[np.arange(4), columns].sum() == 56


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(5))
def test_the_assignment_is_the_best_of_all_permutations(count: int, seed: int) -> None:
    costs = np.random.default_rng(seed).normal(size=(count, count))
    rows = np.arange(count)
    best = min(costs[rows, list(order)].sum() for order in permutations(range(count)))
    assert costs[rows, best_assignment(costs)].sum() == pytest.approx(best, abs=1e-12)


def test_columns_may_be_left_over() -> None:
    assert best_assignment(np.array([[3, 2, 1], [9, 9, 0]])).tolist() == [1, 2]


@pytest.mark.parametrize("offset", [0.0, 0.2])
def test_si_sdr_agrees_with_the_formula_with_and_without_an_offset(
    offset: float,
) -> None:
    estimates, sources, _ = scene(0, 3)
    found = si_sdr_matrix(estimates + offset, sources - offset)
    expected = [[plain_si_sdr(e, s) for s in sources] for e in estimates]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_si_sdr_of_a_known_pair_is_exact() -> None:
    source = np.array([1.0, -1.0, 1.0, -1.0])
    other = np.array([1.0, 1.0, -1.0, -1.0])  # at right angles to it
    found = score(
        np.stack([source + 0.1 * other]), source[None], source + other, "four samples"
    )
    assert found.si_sdr.values[0] == pytest.approx(20)
    assert found.si_sdr_improvement.values[0] == pytest.approx(20)  # mixture: 0 dB
    # gain 1 / 1.01, and of 4 samples' energy 4 / 101 are left: 101 in all
    assert found.snr_rescaled.values[0] == pytest.approx(10 * np.log10(101))


def test_all_measures_agree_with_the_formulas() -> None:
    estimates, sources, mixture = scene(3)
    found = score(estimates, sources, mixture)
    si_sdr = [plain_si_sdr(e, s) for e, s in zip(estimates, sources, strict=True)]
    before = [plain_si_sdr(mixture, source) for source in sources]
    snr = [plain_snr(e, s) for e, s in zip(estimates, sources, strict=True)]
    assert found.si_sdr.value == pytest.approx(np.mean(si_sdr))
    assert found.si_sdr_improvement.value == pytest.approx(
        np.mean(si_sdr) - np.mean(before)
    )
    assert found.snr_rescaled.value == pytest.approx(np.mean(snr))
    assert found.si_sdr.n == 1
    assert [measure.name for measure in found.measures] == [
        "si_sdr",
        "si_sdr_improvement",
        "snr_rescaled",
    ]


def test_the_order_of_estimates_does_not_matter() -> None:
    estimates, sources, mixture = scene(0, 4)
    usual = score(estimates, sources, mixture)
    for order in permutations(range(4)):
        found = score(estimates[list(order)], sources, mixture)
        for own, its in zip(usual.measures, found.measures, strict=True):
            assert own.value == pytest.approx(its.value, abs=1e-9)


@pytest.mark.parametrize("gain", [0.05, 3.0, -2.0])
def test_loudness_changes_nothing(gain: float) -> None:
    estimates, sources, mixture = scene(0)
    usual = score(estimates, sources, mixture)
    louder = score(gain * estimates, sources, 0.1 * mixture)
    for own, its in zip(usual.measures, louder.measures, strict=True):
        assert its.value == pytest.approx(own.value)


def test_an_offset_shows_in_snr_alone() -> None:
    estimates, sources, mixture = scene(0)
    usual = score(estimates, sources, mixture)
    moved = score(estimates + 0.3, sources, mixture)
    assert moved.si_sdr.value == pytest.approx(usual.si_sdr.value)
    assert moved.snr_rescaled.value < usual.snr_rescaled.value - 3


def test_snr_is_taken_of_the_estimate_that_si_sdr_chose() -> None:
    _, sources, mixture = scene(0)
    estimates, _, _ = scene(0)
    found = score(estimates[::-1], sources, mixture)
    straight = [plain_snr(e, s) for e, s in zip(estimates, sources, strict=True)]
    assert found.snr_rescaled.value == pytest.approx(np.mean(straight))


def test_the_mixture_itself_improves_nothing() -> None:
    _, sources, mixture = scene(0)
    found = score(np.stack([mixture, mixture]), sources, mixture)
    assert found.si_sdr_improvement.value == pytest.approx(0, abs=1e-12)


def test_a_perfect_estimate_has_as_many_db_as_float64_tells() -> None:
    _, sources, mixture = scene(0)
    sources = sources - sources.mean(axis=1, keepdims=True)
    energy = np.square(sources).sum(axis=1)
    found = score(sources, sources, mixture)
    assert found.snr_rescaled.value == pytest.approx(
        np.mean(10 * np.log10(energy / np.finfo(np.float64).eps)), abs=0.1
    )
    assert found.si_sdr.value > 150


def test_32_bit_estimates_score_as_64_bit_ones() -> None:
    estimates, sources, mixture = scene(0)
    wide = score(estimates, sources, mixture).si_sdr.value
    found = score(
        estimates.astype(np.float32), sources.astype(np.float32), mixture
    ).si_sdr.value
    assert found == pytest.approx(wide, abs=1e-4)


def test_silent_targets_are_left_out() -> None:
    estimates, sources, mixture = scene(0, 2)
    quiet = np.zeros((2, SAMPLES))
    order = [3, 0, 2, 1]
    found = score(
        np.concatenate([estimates, noise(9, 2, SAMPLES)])[order],
        np.concatenate([quiet[:1], sources, quiet[:1]]),
        mixture,
    )
    assert found == score(estimates, sources, mixture)


@pytest.mark.parametrize("signal", [0.0, 0.25, 1.5e-5])
def test_constant_and_inaudible_signals_are_silent(signal: float) -> None:
    rows = np.full((2, SAMPLES), signal if signal == 0.25 else 0.0)
    rows[0, 5] += signal if signal < 0.1 else 0
    rows[1, 5] += 1.6e-5 * 2
    assert silent_rows(rows).tolist() == [True, False]


def test_a_mixture_of_silence_alone_is_left_out() -> None:
    estimates, sources, mixture = scene(0)
    found = score(estimates, 0 * sources, mixture)
    assert found == no_scores()
    with pytest.raises(ValueError, match="si_sdr over 0 mixtures is undefined: score"):
        _ = found.si_sdr.value
    with pytest.raises(ValueError, match="snr_rescaled over 0 mixtures is undefined"):
        found.snr_rescaled.interval()


def test_a_silent_estimate_is_worse_than_any_noise() -> None:
    estimates, sources, mixture = scene(0)
    noisy = score(noise(7, 2, SAMPLES), sources, mixture)
    found = score(np.zeros_like(estimates), sources, mixture)
    for own, its in zip(found.measures, noisy.measures, strict=True):
        assert own.value < its.value - 80
    assert found.si_sdr.value == pytest.approx(-156.5, abs=0.1)  # 52 binary digits
    assert found.si_sdr_improvement.value < -140  # far below the mixture
    estimates[1] = 1e-6 * estimates[1]  # below half a step of 16-bit audio
    one = score(estimates, sources, mixture)
    assert one.silent_estimates == 1
    assert one.si_sdr.value < -60


def test_silent_estimates_of_what_was_said_are_counted() -> None:
    estimates, sources, mixture = scene(0)
    estimates[1] = 0
    assert score(estimates, sources, mixture).silent_estimates == 1
    found = score(np.zeros_like(estimates), sources, mixture)
    assert found.silent_estimates == 2
    sources[1] = 0  # nothing was to be said
    assert score(estimates, sources, mixture).silent_estimates == 0


def test_adding_joins_mixtures_and_counts() -> None:
    first, second = (score(*scene(seed)) for seed in (0, 1))
    estimates, sources, mixture = scene(2)
    quiet = score(estimates, 0 * sources, mixture)
    total = no_scores() + first + second + quiet
    assert total.si_sdr.values == first.si_sdr.values + second.si_sdr.values
    assert (
        total.snr_rescaled.values
        == first.snr_rescaled.values + second.snr_rescaled.values
    )
    assert (total.si_sdr.n, no_scores().si_sdr.n) == (2, 0)
    assert isinstance(total, SeparationScores)


def test_adding_different_measures_is_refused() -> None:
    found = score(*scene(0))
    with pytest.raises(ValueError, match="cannot add snr_rescaled to si_sdr: they"):
        found.si_sdr + found.snr_rescaled


def test_shapes_and_numbers_of_sources_that_do_not_fit_are_refused() -> None:
    estimates, sources, mixture = scene(0)
    with pytest.raises(
        ValueError, match=r"dev-7: estimates \(3, 800\), sources \(2, 800\)"
    ):
        score(np.vstack([estimates, mixture]), sources, mixture, "dev-7")
    with pytest.raises(
        ValueError, match=r"dev-7: estimates \(2, 799\), sources \(2, 80"
    ):
        score(estimates[:, 1:], sources, mixture, "dev-7")
    with pytest.raises(ValueError, match=r"estimates \(2, 0\)"):
        score(estimates[:, :0], sources[:, :0], mixture[:0])
    with pytest.raises(ValueError, match=r"mixture \(1, 800\): give \(sources, sam"):
        score(estimates, sources, mixture[None])
    with pytest.raises(ValueError, match=r"same number of samples, 1 or more, and a m"):
        score(estimates[:, None], sources[:, None], mixture[None])
    with pytest.raises(
        ValueError, match=r"estimates \(2,\), sources \(2,\), mixture \("
    ):
        score(estimates[:, 0], sources[:, 0], mixture[0])


def test_values_that_are_not_finite_are_counted_where_they_stand() -> None:
    estimates, sources, mixture = scene(0)
    estimates[0, 3], estimates[1, 5:7] = np.nan, np.inf
    with pytest.raises(
        ValueError, match="dev-7: 3 of 1600 samples of the estimates are NaN or inf"
    ):
        score(estimates, sources, mixture, "dev-7")
    mixture[0] = -np.inf
    with pytest.raises(ValueError, match=r"1 of 800 samples of the mixture .* replace"):
        score(sources, sources, mixture)


def test_the_interval_is_the_known_one_for_a_coin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bootstrap, "RESAMPLES", 20_000)
    # Half 9 dB, half 11 dB: 10 +- 1.96 / sqrt(400).
    low, high = Measure("snr_rescaled", (9.0, 11.0) * 200).interval()
    assert low == pytest.approx(10 - 0.098, abs=0.006)
    assert high == pytest.approx(10 + 0.098, abs=0.006)


def test_what_both_find_hard_cancels_in_a_paired_difference() -> None:
    hard = np.random.default_rng(0).normal(scale=10, size=40)
    baseline = Measure("si_sdr", tuple(hard))
    other = Measure("si_sdr", tuple(hard - 0.5))
    found = other.minus(baseline)
    assert (found.value, found.low, found.high) == pytest.approx((-0.5, -0.5, -0.5))
    assert baseline.minus(other).value == pytest.approx(0.5)


def test_a_paired_difference_is_that_of_the_values() -> None:
    a, b = (Measure("snr_rescaled", tuple(noise(seed, 30))) for seed in (0, 1))
    assert b.minus(a).value == pytest.approx(b.value - a.value)


def test_what_cannot_be_paired_is_refused() -> None:
    with pytest.raises(
        ValueError,
        match="snr_rescaled over 2 mixtures and snr_rescaled over 1 cannot be",
    ):
        Measure("snr_rescaled", (1.0, 2.0)).minus(Measure("snr_rescaled", (1.0,)))
    with pytest.raises(
        ValueError, match="si_sdr over 1 mixtures and snr_rescaled over 1 cannot"
    ):
        Measure("si_sdr", (1.0,)).minus(Measure("snr_rescaled", (1.0,)))


def test_many_resamples_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    measure = Measure("snr_rescaled", tuple(noise(0, 25)))
    whole = measure.interval()
    monkeypatch.setattr(bootstrap, "_CHUNK_DRAWS", 100)
    assert measure.interval() == whole


def test_a_measure_is_known_as_any_score_by_value_items_and_direction() -> None:
    measure = Measure("si_sdr", (10.0, 13.0))
    assert measure.value == 11.5
    assert measure.per_item == [(10.0, 1.0), (13.0, 1.0)]
    assert measure.better == "higher"
