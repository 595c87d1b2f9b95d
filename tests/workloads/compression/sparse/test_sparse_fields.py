import numpy as np
import pytest

from workloads.compression.sparse.fields import packed, unpacked


def as_stream(pieces, width):
    return b"".join(bytes(x) for x in packed(pieces, width))


def plain(values, width):
    """One number whose bits are the fields, the first lowest."""
    number = sum(value << (width * i) for i, value in enumerate(values))
    return number.to_bytes(-(-len(values) * width // 8), "little")


@pytest.mark.parametrize("width", [1, 3, 7, 8, 13, 16, 31, 32, 33, 63])
def test_fields_lie_side_by_side_from_the_lowest_bit_up(width):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2**width, 150, np.int64)
    assert as_stream([values], width) == plain(values.tolist(), width)


def test_pieces_of_any_length_make_one_stream():
    values = np.arange(1000)
    pieces = np.split(values, [0, 1, 64, 65, 700, 700])
    assert as_stream(pieces, 10) == as_stream([values], 10)


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (5, 5), (63, 65), (64, 300)])
def test_any_part_of_a_stream_is_read(start, stop):
    values = np.arange(300) * 7
    stream = memoryview(as_stream([values], 12))
    found = unpacked(stream, range(start, stop), 12)
    assert found.tolist() == values[start:stop].tolist()


def test_fields_of_no_width_take_nothing_and_are_zero():
    assert as_stream([np.zeros(9, np.int64)], 0) == b""
    assert unpacked(memoryview(b""), range(2, 5), 0).tolist() == [0, 0, 0]
