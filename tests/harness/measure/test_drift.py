import numpy as np
import pytest

from harness.measure.drift import FEWEST, drift

N = 200
NOISE = 0.02


def noisy(shape, seed=0):
    """Samples of about a second, of this shape over time, with 2 % of noise."""
    return shape * (1 + NOISE * np.random.default_rng(seed).standard_normal(len(shape)))


TIME = np.arange(N) / N
STEPS = np.arange(N)
SHAPES = {
    "linear drift": 1 + 0.1 * TIME,
    "step": 1 + 0.1 * (TIME > 0.6),
    "ramp that settles late": 1 + 0.15 * np.clip(1 - TIME / 0.4, 0, 1),
    "modes in blocks": 1 + 0.15 * (STEPS // 25 % 2),
    "modes in short blocks": 1 + 0.15 * (STEPS // 5 % 2),
    "modes by luck": 1 + 0.15 * (np.random.default_rng(1).random(N) < 0.4),
    "slow sinus": 1 + 0.08 * np.sin(4 * np.pi * TIME),
}
UNLIKE = {
    "linear drift": "trend",
    "step": "range",
    "ramp that settles late": "trend",
    "modes in blocks": "range",
    "modes in short blocks": "modes",
    "modes by luck": "modes",
    "slow sinus": "range",
}


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("seed", range(5))
def test_every_kind_of_unsteady_series_is_found(kind, seed):
    assert UNLIKE[kind] in drift(noisy(SHAPES[kind], seed)).found


@pytest.mark.parametrize("kind", SHAPES)
def test_its_slow_and_its_fast_direction_are_alike(kind):
    assert UNLIKE[kind] in drift(noisy(2 - SHAPES[kind])).found


@pytest.mark.parametrize("kind", SHAPES)
def test_a_fifth_of_it_moves_no_median(kind):
    assert drift(noisy(1 + (SHAPES[kind] - 1) / 5)).found == ()


def test_a_linear_drift_is_stated_in_percent_of_the_median():
    found = drift(np.linspace(0.9, 1.1, 41))
    assert found.trend_percent == pytest.approx(20.0)
    assert drift(np.linspace(1.1, 0.9, 41)).trend_percent == pytest.approx(-20.0)


def test_the_gap_between_modes_is_stated():
    found = drift([1.0, 1.2] * 50)
    assert found.modes_percent == pytest.approx(100 * 0.2 / 1.1)


@pytest.mark.parametrize("n", [0, 1, FEWEST - 1])
def test_of_too_few_samples_nothing_is_stated(n):
    found = drift([1.0 + i for i in range(n)])
    assert (found.samples, found.trend_percent, found.found) == (n, None, ())


def test_a_rise_of_the_fewest_samples_is_found():
    assert drift([1.0 + i / 10 for i in range(FEWEST)]).found == ("trend",)


def test_equal_samples_do_not_drift():
    assert drift([0.5] * 100).found == ()
    assert drift([0.0] * 100).found == ()


DISTRIBUTIONS = {
    "normal, 2 %": lambda rng, n: 1 + 0.02 * rng.standard_normal(n),
    "normal, 20 %": lambda rng, n: np.abs(1 + 0.2 * rng.standard_normal(n)),
    "lognormal": lambda rng, n: np.exp(0.5 * rng.standard_normal(n)),
    "uniform": lambda rng, n: rng.uniform(0.5, 1.5, n),
    "exponential": lambda rng, n: 1 + rng.exponential(0.3, n),
    "Student's t": lambda rng, n: 1 + 0.05 * np.abs(rng.standard_t(1.5, n)),
    "Pareto": lambda rng, n: 1 + 0.1 * rng.pareto(1.2, n),
    "stalls": lambda rng, n: 1 + 0.01 * rng.standard_normal(n) + (rng.random(n) < 0.1),
}


def test_independent_samples_are_steady_whatever_their_tail():
    """At most 1 % of false alarms over all of them."""
    rng = np.random.default_rng(7)
    series = [
        draw(rng, n)
        for draw in DISTRIBUTIONS.values()
        for n in (10, 40, 160)
        for _ in range(40)
    ]
    alarms = [bool(drift(one).found) for one in series]
    assert sum(alarms) <= 0.01 * len(alarms)
