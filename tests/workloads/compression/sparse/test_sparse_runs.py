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


@pytest.mark.parametrize("value_bits", [0, 1, 64])
def test_the_cheapest_width_goes_with_the_values(value_bits):
    lengths = np.repeat([1, 7], [30, 10])
    limits = {1: 1, 2: 3, 3: 7}
    entries = {w: runs.split(lengths, limit)[0].size for w, limit in limits.items()}
    assert entries == {1: 100, 2: 60, 3: 40}
    bits = {w: n * (w + value_bits) for w, n in entries.items()}
    assert runs.cheapest(lengths, limits, value_bits) == min(bits, key=bits.get)
