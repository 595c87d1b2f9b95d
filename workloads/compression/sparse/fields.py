"""Whole numbers in fields of a fixed number of bits, packed without gaps.

Field i takes the bits i * width and up of the stream, the lowest bit of a byte first;
the last byte is filled up with zeros. A width of 0 takes nothing, and is read as zeros.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workloads.compression.sparse.elements import Offsets


class Section(NamedTuple):
    """A stream of fields, of `width` bits each."""

    fields: NDArray[Any]
    width: int

    @property
    def size_bytes(self) -> int:
        return field_bytes(self.fields.size, self.width)

    def packed(self) -> bytes:
        rows = self.fields.astype("<u8").view(np.uint8).reshape(-1, 8)
        bits = np.unpackbits(rows, axis=1, count=self.width, bitorder="little")
        return np.packbits(bits, bitorder="little").tobytes()


def unpacked(stream: memoryview, count: int, width: int) -> Offsets:
    data = np.frombuffer(stream, np.uint8)
    bits = np.unpackbits(data, count=count * width, bitorder="little")
    filled = np.pad(bits.reshape(count, width), ((0, 0), (0, 64 - width)))
    return np.packbits(filled, bitorder="little").view("<i8").astype(np.int64)


def field_bits(largest: int) -> int:
    """The narrowest width that holds 0 to `largest`.

    >>> field_bits(0), field_bits(1), field_bits(15), field_bits(16)
    (0, 1, 4, 5)
    """
    return int(largest).bit_length()


def field_bytes(count: int, width: int) -> int:
    """What `count` fields of `width` bits take, the last byte filled up.

    >>> field_bytes(3, 3)
    2
    """
    return -(-count * width // 8)
