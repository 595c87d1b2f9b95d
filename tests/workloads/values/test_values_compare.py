"""How far outputs are apart, in numbers that are known."""

from __future__ import annotations

import numpy as np
import pytest

from workloads.compression.known import parse
from workloads.values.compare import (
    LIMITS,
    gradient_error,
    one_of_each,
    relative_error,
    worst_row,
)

RNG = np.random.default_rng(0)


def test_what_all_frames_have_in_common_hides_no_garbage() -> None:
    """Log-probabilities of untrained weights: -3.4 everywhere, but for a little."""
    spoken = 0.01 * RNG.standard_normal((200, 30))
    garbage = 0.01 * RNG.standard_normal((200, 30))
    by_norm = np.linalg.norm(garbage - spoken) / np.linalg.norm(spoken - 3.4)
    assert by_norm < 0.01
    assert relative_error(garbage - 3.4, spoken - 3.4) > 1.0


def test_garbage_of_the_right_scale_departs_by_about_one_or_more() -> None:
    plain, other = RNG.standard_normal((2, 100, 8))
    assert relative_error(other, plain) == pytest.approx(2**0.5, rel=0.1)
    assert relative_error(0 * plain, plain) == pytest.approx(1.0, rel=0.01)
    assert max(LIMITS.values()) < 0.9


def test_one_wrong_row_of_a_batch_is_not_diluted_by_the_others() -> None:
    plain = RNG.standard_normal((16, 100, 8))
    found = plain.copy()
    found[11] = 0.0
    assert worst_row(found, plain) == pytest.approx(1.0, rel=0.01)
    assert worst_row(plain, plain) == 0.0


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_is_infinitely_far(wrong: float) -> None:
    plain = RNG.standard_normal((10, 3))
    found = plain.copy()
    found[4, 1] = wrong
    assert relative_error(found, plain) == float("inf")
    assert gradient_error(found, plain) == float("inf")


def test_another_shape_is_infinitely_far() -> None:
    plain = np.ones((1, 10, 3))
    assert worst_row(plain[:, :9], plain) == float("inf")
    assert gradient_error(plain[:, :9], plain) == float("inf")


def test_a_silent_output_is_to_stay_silent() -> None:
    silence = np.zeros((10, 2))
    assert relative_error(silence, silence) == 0.0
    assert relative_error(silence + 1e-3, silence) == float("inf")


def test_gradients_are_compared_by_norm() -> None:
    assert gradient_error(np.array([3.0, 4.5]), np.array([3.0, 4.0])) == 0.1


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("fp32", "fp32"),
        ("bf16", "bf16"),
        ("prune-l1-structured-30+bf16", "bf16"),
        ("cp-30", "fp32"),
        ("tucker-30+int8-static", "int8"),
        ("int8-dynamic-keep-first", "int8"),
        ("w16a8", "int8"),
        ("int16-weights", "int16"),
    ],
)
def test_a_limit_is_the_arithmetics_whatever_was_done_to_the_weights(
    name: str, precision: str
) -> None:
    assert parse(name).rounds_to == precision
    assert precision in LIMITS


def test_every_length_is_compared_once_and_the_extremes_always() -> None:
    assert one_of_each([4, 4, 2, 4]) == [2, 0]
    lengths = list(RNG.permutation(100))
    chosen = [lengths[i] for i in one_of_each(lengths, 5)]
    assert chosen == [0, 25, 50, 74, 99]


def test_a_gradient_that_is_zero_by_nature_is_compared_with_the_largest() -> None:
    """Of a bias before a batch norm rounding is all that there is, on either path."""
    rounding, other = np.full(10, 1e-9), np.full(10, -3e-9)
    assert gradient_error(other, rounding) > 1
    assert gradient_error(other, rounding, largest=10.0) < 1e-8
    assert gradient_error(np.ones(10), rounding, largest=1.0) > 1, "garbage is found"
    small = np.full(10, 1e-4)
    assert gradient_error(1.5 * small, small, largest=10.0) == pytest.approx(0.5)
