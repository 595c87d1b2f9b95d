"""Where the non-zeros lie in the flat matrix, row after row from 0: bitmap and COO."""

import numpy as np

from workloads.compression.sparse.container import (
    Format,
    Layout,
    Payload,
    layout_of_entries,
    place,
)
from workloads.compression.sparse.elements import Bits, nonzeros, pieces
from workloads.compression.sparse.fields import Section, field_bits


class Bitmap(Format):
    """Bitmap, also called compressed image size (CIS): a bit for each element, set
    where it is not zero; then the non-zeros.

    The 4 x 4 example (see `stripes`) has the map 1010 0000 0000 0101; the paper prints
    the values 0.6 and 0.9 in place of its last two ones.
    """

    name = "bitmap"

    def layout(self, bits: Bits) -> Layout:
        count = int(np.count_nonzero(bits))
        ones = Section(bits.size, 1, (piece != 0 for piece in pieces(bits)))
        values = (some for _, some in nonzeros(bits))
        return Layout(1, count, [ones, Section(count, bits.itemsize * 8, values)])

    def restore(self, payload: Payload, flat: Bits) -> None:
        section = np.frombuffer(payload.take(flat.size, 1), np.uint8)
        ones = np.unpackbits(section, bitorder="little").view(bool)
        payload.check_entries(int(np.count_nonzero(ones)))
        flat[ones[: flat.size]] = payload.values()


class Coordinates(Format):
    """COO, coordinate offsets: for each non-zero its offset, in a field of the bits
    that R * C - 1 needs. The 4 x 4 example (see `stripes`) has 0 2 13 15."""

    name = "coo"

    def layout(self, bits: Bits) -> Layout:
        width, count = field_bits(bits.size - 1), int(np.count_nonzero(bits))
        return layout_of_entries(bits, width, count, lambda: nonzeros(bits))

    def restore(self, payload: Payload, flat: Bits) -> None:
        for offsets, values in payload.entries(payload.header.width):
            place(flat, offsets, values)
