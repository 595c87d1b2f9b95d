"""Huffman coding of the bytes of the weights, and of where they are zero.

Of trained floats hardly two are equal, but their exponents are much alike. So each
place of a byte in a weight (a plane) has a code of its own, after a rotation by one bit
that brings the sign to the end: the first byte of a float32 is then its exponent
(M. Hershcovitch et al., "ZipNN: Lossless Compression for AI Models", 2024).

The first plane has 257 symbols: the byte of a weight that is not zero, and 256 for one
that is. Any other has a byte for each non-zero, and lies there as it is where a code
would take no less, as it does for most mantissas. A zero still takes a bit, as a
Huffman code has no shorter word. The words of 8-bit weights, which have one plane, take
what `entropy.huffman_bytes` counts.

Payload, for each plane: 8 bytes for the bits of its stream (0 where it is not coded);
then the bytes as they are, or the code's lengths (257 or 256, a byte each), the starts
of the stream's blocks (in fields of the bits that the stream's length needs), and the
stream (see `prefix_code`).
"""

from collections.abc import Iterator

import numpy as np

from workloads.compression.entropy import SYMBOLS, code_lengths
from workloads.compression.sparse.container import Format, Layout, Payload
from workloads.compression.sparse.elements import Bits, pieces
from workloads.compression.sparse.fields import Section, field_bits, field_bytes
from workloads.compression.sparse.prefix_code import BLOCK, PrefixCode, Symbols

ZERO = SYMBOLS


class Huffman(Format):
    name = "huffman"

    def layout(self, bits: Bits) -> Layout:
        counts = np.zeros((bits.itemsize, SYMBOLS + 1), np.int64)
        for place, row in enumerate(counts):
            for some in _symbols(bits, place):
                row += np.bincount(some, minlength=SYMBOLS + 1)
        sections = _plane(bits, 0, counts[0].tolist())
        for place in range(1, bits.itemsize):
            sections += _plane(bits, place, counts[place, :SYMBOLS].tolist())
        return Layout(0, int(np.count_nonzero(bits)), sections)

    def restore(self, payload: Payload, flat: Bits) -> None:
        first = _read(payload, SYMBOLS + 1, flat.size)
        nonzero = first != ZERO
        payload.check_entries(int(np.count_nonzero(nonzero)))
        count, itemsize = payload.header.entries, flat.itemsize
        planes = np.empty((count, itemsize), np.uint8)  # the lowest first
        planes[:, -1] = first[nonzero]
        del first  # before the others take as much
        for place in range(1, itemsize):
            planes[:, -1 - place] = _read(payload, SYMBOLS, count)
        flat[nonzero] = planes.reshape(-1).view(f"<u{itemsize}")
        for some in pieces(flat):
            some[:] = some >> 1 | some << (itemsize * 8 - 1)


def _plane(bits: Bits, place: int, counts: list[int]) -> list[Section]:
    """Of how often each of its symbols occurs."""
    symbols = sum(counts)
    uncoded = Section(symbols, 8, _symbols(bits, place))
    plain = [Section(1, 64, [np.array([0])]), uncoded]
    if not symbols:
        return plain
    code = PrefixCode(code_lengths(counts))
    stream_bits = int(code.lengths @ counts)
    starts = code.starts(_symbols(bits, place))
    coded = [
        Section(len(counts), 8, [code.lengths]),
        Section(-(-symbols // BLOCK), field_bits(stream_bits), starts),
        Section(field_bytes(stream_bits, 1), 8, code.stream(_symbols(bits, place))),
    ]
    if place and sum(one.size_bytes for one in coded) >= symbols:
        return plain
    return [Section(1, 64, [np.array([stream_bits])]), *coded]


def _symbols(bits: Bits, place: int) -> Iterator[Symbols]:
    """A piece at a time, the symbols in the plane of this place."""
    for piece in pieces(bits):
        some = piece if not place else piece[piece != 0]
        width = some.itemsize * 8
        rotated = some << 1 | some >> (width - 1)
        symbols = (rotated >> (width - 8 * (place + 1)) & 255).astype(np.uint16)
        if not place:
            symbols[piece == 0] = ZERO
        yield symbols


def _read(payload: Payload, alphabet: int, count: int) -> Symbols:
    """The symbols of the next plane."""
    (stream_bits,) = payload.fields(1, 64).tolist()
    if not stream_bits:
        return np.frombuffer(payload.take(count, 8), np.uint8)
    lengths = payload.fields(alphabet, 8)
    starts = payload.fields(-(-count // BLOCK), field_bits(stream_bits))
    stream = payload.take(stream_bits, 1)
    return PrefixCode(lengths.tolist()).symbols(stream, starts, count)
