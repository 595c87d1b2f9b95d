"""Whole numbers in fields of a fixed number of bits, packed without gaps.

Field i takes the bits i * width and up of the stream, the lowest bit of a byte first;
the last byte is filled up with zeros.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.compression.sparse.elements import Offsets


@dataclass(frozen=True)
class Section:
    """A stream of `count` fields, which are read from `pieces` once it is written."""

    count: int
    width: int
    pieces: Iterable[NDArray[Any]]

    @property
    def size_bytes(self) -> int:
        return field_bytes(self.count, self.width)


def packed(pieces: Iterable[NDArray[Any]], width: int) -> Iterator[NDArray[Any]]:
    """The fields of all pieces as one stream; nothing at all where the width is 0."""
    if width in (8, 16, 32, 64):
        yield from (piece.astype(f"<u{width // 8}", copy=False) for piece in pieces)
        return
    rest = np.zeros(0, "<u8")
    for piece in pieces if width else ():
        fields = np.concatenate([rest, piece.astype("<u8")])
        whole = fields.size // 8 * 8  # eight fields make whole bytes
        yield _packed(fields[:whole], width)
        rest = fields[whole:]
    if rest.size:
        yield _packed(rest, width)


def _packed(fields: NDArray[Any], width: int) -> NDArray[np.uint8]:
    rows = fields.astype("<u8").view(np.uint8).reshape(-1, 8)
    return np.packbits(
        np.unpackbits(rows, axis=1, count=width, bitorder="little"), bitorder="little"
    )


def unpacked(stream: memoryview, span: range, width: int) -> Offsets:
    """The fields of the given places of a stream; zeros where the width is 0."""
    fields = np.zeros((len(span), 8), np.uint8)
    if width and len(span):
        start, spare = divmod(span.start * width, 8)
        part = np.frombuffer(stream[start : -(-span.stop * width // 8)], np.uint8)
        bits = np.unpackbits(part, bitorder="little")[spare:][: len(span) * width]
        rows = np.packbits(bits.reshape(-1, width), axis=1, bitorder="little")
        fields[:, : rows.shape[1]] = rows
    return fields.view("<i8").reshape(-1).astype(np.int64, copy=False)


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
