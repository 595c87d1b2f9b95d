import numpy as np
import pytest

from workloads.compression.sparse import runs


def test_long_lengths_are_split_as_evenly_as_can_be():
    entries, times = runs.split(np.array([0, 3, 7, 8, 20]), 7)
    assert entries.tolist() == [0, 3, 7, 4, 4, 7, 7, 6]
    assert times.tolist() == [1, 1, 1, 2, 3]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_entries_sum_up_to_the_lengths_and_keep_the_limit(limit):
    lengths = np.random.default_rng(0).integers(1, 50, 40)
    entries, times = runs.split(lengths, limit)
    ends = np.cumsum(times)
    assert entries.max() <= limit
    assert np.array_equal(np.add.reduceat(entries, ends - times), lengths)
    assert entries.size == runs.count([lengths]).entries(limit)


def test_lengths_are_counted_over_all_pieces():
    found = runs.count([np.array([3, 1, 3]), np.array([], int), np.array([2, 3])])
    assert found.distinct.tolist() == [1, 2, 3]
    assert found.counts.tolist() == [1, 1, 3]
    assert found.longest == 3


@pytest.mark.parametrize(("value_bits", "width"), [(1, 1), (8, 3), (64, 3)])
def test_the_cheapest_width_goes_with_the_values(value_bits, width):
    # 30 lengths of 1 and 10 of 7: at 1, 2, 3 bits 100, 60, 40 entries
    lengths = runs.Lengths(np.array([1, 7]), np.array([30, 10]))
    limits = {1: 1, 2: 3, 3: 7}
    bits = {w: lengths.entries(n) * (w + value_bits) for w, n in limits.items()}
    assert [lengths.entries(n) for n in limits.values()] == [100, 60, 40]
    assert runs.cheapest(lengths, limits, value_bits) == min(bits, key=bits.get)
