import math

import pytest

from workloads.compression.factorization.ranks import (
    cp_rank,
    matrix_rank,
    tucker_ranks,
)


@pytest.mark.parametrize(
    ("percent", "rank"),
    # 512 * 128 / 640 = 102.4, times 0.9, 0.7, 0.3 and 0.01
    [(10, 92), (30, 71), (70, 30), (99, 1)],
)
def test_a_matrix_keeps_the_share_of_its_weights(percent, rank):
    assert matrix_rank(512, 128, percent) == rank


@pytest.mark.parametrize(
    ("sizes", "percent", "rank"),
    [
        ((64, 32, 3), 30, 43),  # 0.7 * 6144 / 99 = 43.4
        ((64, 32, 3), 10, 55),  # 0.9 * 6144 / 99 = 55.9
        ((16, 8, 3, 5), 20, 48),  # 0.8 * 1920 / 32 = 48 exactly
        ((2, 2, 3), 90, 1),  # 0.1 * 12 / 7 = 0.2
    ],
)
def test_the_rank_of_cp_is_the_share_of_product_over_sum(sizes, percent, rank):
    assert cp_rank(sizes, percent) == rank


def test_the_ranks_of_tucker_solve_the_quadratic():
    # 6144 r^2 + (64^2 + 32^2) r = 0.7 * 6144 has r = 0.51801
    # 64 r = 33.15, 32 r = 16.58
    assert tucker_ranks(64, 32, 3, 30) == (33, 16)


def test_the_ranks_of_tucker_may_solve_it_exactly():
    # 16 * 16 * 4 = 1024: 1024 r^2 + 512 r = 512 has r = 0.5
    assert tucker_ranks(16, 16, 4, 50) == (8, 8)


def test_no_rank_of_tucker_is_less_than_one():
    # 3072 r^2 + 262148 r = 1536 has r = 0.00586; 512 r = 2.9996, 2 r = 0.012
    assert tucker_ranks(512, 2, 3, 50) == (2, 1)


@pytest.mark.parametrize("percent", [1, 10, 33, 50, 90])
@pytest.mark.parametrize(
    ("outputs", "inputs", "taps"), [(64, 32, 3), (250, 250, 7), (24, 40, 25)]
)
def test_the_share_kept_is_never_above_and_one_rank_more_would_be(
    outputs, inputs, taps, percent
):
    ranks = tucker_ranks(outputs, inputs, taps, percent)

    def weights(share):
        core = share**2 * outputs * inputs * taps
        return core + share * (outputs**2 + inputs**2)

    kept = (1 - percent / 100) * outputs * inputs * taps
    for size, rank in zip((outputs, inputs), ranks, strict=True):
        assert weights(rank / size) <= kept + 1e-6 < weights((rank + 1) / size)


def test_the_ranks_of_tucker_agree_with_the_papers_solution():
    outputs, inputs, taps, share = 96, 40, 5, 0.8
    a = (outputs**2 + inputs**2) / outputs
    b, c = outputs**-2, outputs * inputs * taps
    first = (-a + math.sqrt(a**2 + 4 * b * c**2 * share)) / (2 * b * c)
    expected = (math.floor(first), math.floor(first * inputs / outputs))
    assert tucker_ranks(outputs, inputs, taps, 20) == expected


def test_each_percentage_inside_is_taken_and_leaves_no_more_weights():
    ranks = [matrix_rank(512, 128, percent) for percent in range(1, 100)]
    assert (ranks[0], ranks[-1]) == (101, 1)
    assert ranks == sorted(ranks, reverse=True)
    assert len(set(ranks)) > 90  # it matters
