"""Compressed stripes: rows (CSR), columns (CSC), or banks of h x w weights (CSB).

An entry is the place of a non-zero in its stripe, in a field of the bits that the
stripe's length less one needs, and its value; entries lie stripe after stripe. The head
of CSR and CSC says for each stripe how many lie before it, and at last how many there
are: stripes + 1 pointers, in fields of the bits that the number of non-zeros needs.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from workloads.compression.sparse import container
from workloads.compression.sparse.container import Header
from workloads.compression.sparse.elements import (
    PIECE,
    Bits,
    Entries,
    Matrix,
    Offsets,
    pieces,
)
from workloads.compression.sparse.fields import (
    field_bits,
    field_bytes,
    packed,
    unpacked,
)


def size_bytes(stripes: int, length: int, nonzeros: int, itemsize: int) -> int:
    """What `encode` takes of `stripes` of `length` elements each.

    >>> size_bytes(4, 4, nonzeros=4, itemsize=4)  # 44 + 5 * 3 bits + 4 * 2 bits + 16
    63
    """
    head_bytes = field_bytes(stripes + 1, field_bits(nonzeros))
    return container.size_bytes(nonzeros, field_bits(length - 1), itemsize, head_bytes)


def tiles(bits: Bits, height: int, width: int) -> Iterator[Bits]:
    """(banks, h * w), row after row of banks, some at a time; those at the right and
    the lower edge are filled up with zeros."""
    rows, columns = bits.shape
    deep = height * max(1, PIECE // (height * columns))
    for top in range(0, rows, deep):
        part = bits[top : top + deep]
        spare = ((0, -part.shape[0] % height), (0, -columns % width))
        full = np.pad(part, spare)
        found = full.reshape(full.shape[0] // height, height, -1, width)
        yield found.swapaxes(1, 2).reshape(-1, height * width)


def encode(format: str, matrix: Matrix, bits: Bits) -> bytes:
    """`bits` (stripes, length) are the matrix's, or those of the transposed."""
    length = bits.shape[1]
    pointers = np.append(0, np.cumsum(np.count_nonzero(bits, axis=1)))
    nonzeros = int(pointers[-1])

    def entries() -> Entries:
        for some in tiles(bits, 1, length):
            yield np.nonzero(some)[1], some[some != 0]

    head = packed(pieces(pointers), field_bits(nonzeros))
    width = field_bits(length - 1)
    return container.encode(format, matrix, width, nonzeros, entries, head)


def entries_of(
    header: Header, payload: memoryview, stripes: int, length: int
) -> Iterator[tuple[Offsets, Offsets, Bits]]:
    """Stripe, place in it and value of the non-zeros, some at a time."""
    width = field_bits(header.entries)
    head_bytes = field_bytes(stripes + 1, width)
    header = replace(header, width=field_bits(length - 1))
    entries = container.entries_of(header, payload, head_bytes)
    pointers = unpacked(payload[:head_bytes], range(stripes + 1), width)
    container.check_entries(header, int(pointers[-1] - pointers[0]))
    if (falls := np.flatnonzero(np.diff(pointers) < 0)).size:
        before, after = pointers[falls[0] :][:2]
        raise container.damaged(f"a pointer of {before} is followed by one of {after}")
    start = 0
    for places, values in entries:
        numbers = np.arange(start, start + places.size)
        yield np.searchsorted(pointers, numbers, "right") - 1, places, values
        start += places.size
