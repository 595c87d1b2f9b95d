"""Where the non-zeros lie in the flat matrix, row after row from 0: bitmap and COO."""

import numpy as np

from workloads.compression.sparse.container import (
    Format,
    Layout,
    Payload,
    layout_of_entries,
)
from workloads.compression.sparse.elements import Bits
from workloads.compression.sparse.fields import Section, field_bits


class Bitmap(Format):
    """Bitmap, also called compressed image size (CIS): a bit for each element, set
    where it is not zero; then the non-zeros.

    The 4 x 4 example (see `stripes`) has the map 1010 0000 0000 0101; the paper prints
    the values 0.6 and 0.9 in place of its last two ones.
    """

    name = "bitmap"

    def layout(self, bits: Bits) -> Layout:
        values = bits[bits != 0]
        no_indices = np.zeros(values.size, np.int64)
        return layout_of_entries(0, no_indices, values, Section(bits != 0, 1))

    def restore(self, payload: Payload, bits: Bits) -> None:
        ones = payload.fields(bits.size, 1).reshape(bits.shape)
        _, values = payload.entries(0)
        bits[ones != 0] = values


class Coordinates(Format):
    """COO, coordinate offsets: for each non-zero its offset, in a field of the bits
    that R * C - 1 needs. The 4 x 4 example (see `stripes`) has 0 2 13 15."""

    name = "coo"

    def layout(self, bits: Bits) -> Layout:
        offsets = np.flatnonzero(bits)
        return layout_of_entries(field_bits(bits.size - 1), offsets, bits[bits != 0])

    def restore(self, payload: Payload, bits: Bits) -> None:
        offsets, values = payload.entries(payload.header.width)
        bits.flat[offsets] = values
