"""RLE, run-length encoding of offsets: COO with differences in place of offsets.

The first difference counts from offset 0. One above the field's limit, 2^width - 1, is
split as `runs` says by entries of value zero in between, which stand on zeros of the
matrix. Zeros after the last non-zero take nothing.

The 4 x 4 example (see `csr`) has, at 4 bits, the differences 0 2 11 2; at 3 bits
0 2 6 5 2 with the values 0.1 0.3 0 0.6 0.9. The paper calls the latter a saving of a
bit for each entry; with values of 32 bits, the entry that is added costs more.
"""

import numpy as np

from workloads.compression.sparse import container, runs
from workloads.compression.sparse.elements import (
    Bits,
    Entries,
    Matrix,
    bits_of,
    nonzeros,
)
from workloads.compression.sparse.fields import field_bits


def encoded_bytes(matrix: Matrix, width: int | None = None) -> int:
    chosen, count = _layout(bits_of(matrix), width)
    return container.size_bytes(count, chosen, matrix.dtype.itemsize)


def encode(matrix: Matrix, width: int | None = None) -> bytes:
    """(R, C) in fields of `width` bits, or of the width that is cheapest."""
    bits = bits_of(matrix)
    chosen, count = _layout(bits, width)

    def entries() -> Entries:
        for differences, values in _differences(bits):
            fields, times = runs.split(differences, 2**chosen - 1)
            filled = np.zeros(fields.size, bits.dtype)
            filled[np.cumsum(times) - 1] = values
            yield fields, filled

    return container.encode("rle", matrix, chosen, count, entries)


def _layout(bits: Bits, width: int | None) -> tuple[int, int]:
    """Width of the fields, and how many entries there are."""
    lengths = runs.count(differences for differences, _ in _differences(bits))
    if width is None:
        widths = range(1, max(1, field_bits(lengths.longest)) + 1)
        limits = {w: 2**w - 1 for w in widths}
        width = runs.cheapest(lengths, limits, bits.itemsize * 8)
    elif not 1 <= width <= 63:
        raise ValueError(
            f"{width} bits cannot hold differences of offsets: give 1 to 63, or none "
            "for the width that is cheapest"
        )
    return width, lengths.entries(2**width - 1)


def _differences(bits: Bits) -> Entries:
    last = 0
    for offsets, values in nonzeros(bits):
        yield np.diff(offsets, prepend=last), values
        last = int(offsets[-1]) if offsets.size else last


def decode(data: bytes) -> Matrix:
    return container.decode("rle", data, _entries)


def _entries(header: container.Header, payload: memoryview) -> Entries:
    last = 0
    for differences, values in container.entries_of(header, payload):
        offsets = last + np.cumsum(differences)
        yield offsets, values
        last = int(offsets[-1])
