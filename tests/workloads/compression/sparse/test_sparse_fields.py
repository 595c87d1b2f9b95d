import numpy as np
import pytest

from workloads.compression.sparse.fields import Section, unpacked


def plain(values, width):
    """One number whose bits are the fields, the first lowest."""
    number = sum(value << (width * i) for i, value in enumerate(values))
    return number.to_bytes(-(-len(values) * width // 8), "little")


@pytest.mark.parametrize("width", [1, 3, 7, 8, 13, 16, 31, 32, 33, 63])
def test_fields_lie_side_by_side_from_the_lowest_bit_up(width):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2**width, 150, np.int64)
    section = Section(values, width)
    assert section.packed() == plain(values.tolist(), width)
    assert section.size_bytes == len(section.packed())
    assert np.array_equal(unpacked(memoryview(section.packed()), 150, width), values)


def test_fields_of_no_width_take_nothing_and_are_zero():
    assert Section(np.zeros(9, np.int64), 0).packed() == b""
    assert unpacked(memoryview(b""), 3, 0).tolist() == [0, 0, 0]


def test_a_stream_of_no_fields_is_empty():
    assert Section(np.zeros(0, np.int64), 12).packed() == b""
    assert unpacked(memoryview(b""), 0, 12).tolist() == []
