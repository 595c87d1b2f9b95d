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

from collections.abc import Iterable

import numpy as np

from workloads.compression.entropy import SYMBOLS, code_lengths
from workloads.compression.sparse.container import Format, Layout, Payload
from workloads.compression.sparse.elements import Bits
from workloads.compression.sparse.fields import Section, field_bits, field_bytes
from workloads.compression.sparse.prefix_code import BLOCK, PrefixCode, Symbols

ZERO = SYMBOLS


class Huffman(Format):
    name = "huffman"

    def layout(self, bits: Bits) -> Layout:
        is_zero, width = bits == 0, bits.itemsize * 8
        rotated = bits << 1 | bits >> (width - 1)
        first = np.where(is_zero, ZERO, rotated >> (width - 8))
        sections = _coded(first.reshape(-1), SYMBOLS + 1)
        values = rotated[~is_zero]
        for shift in range(width - 16, -1, -8):
            symbols = values >> shift & 255
            plain = [_number(0), Section(symbols, 8)]
            coded = _coded(symbols, SYMBOLS) if symbols.size else plain
            sections += min(plain, coded, key=_size_bytes)
        return Layout(0, values.size, sections)

    def restore(self, payload: Payload, bits: Bits) -> None:
        width = bits.itemsize * 8
        first = _read(payload, SYMBOLS + 1, bits.size).reshape(bits.shape)
        values = first[first != ZERO].astype(bits.dtype)
        for _ in range(1, bits.itemsize):
            symbols = _read(payload, SYMBOLS, values.size)
            values = values << 8 | symbols.astype(bits.dtype)
        bits[first != ZERO] = values >> 1 | values << (width - 1)


def _coded(symbols: Symbols, alphabet: int) -> list[Section]:
    counts = np.bincount(symbols, minlength=alphabet)
    code = PrefixCode(code_lengths(counts.tolist()))
    stream_bits = int(code.lengths @ counts)
    return [
        _number(stream_bits),
        Section(code.lengths, 8),
        Section(code.starts(symbols), field_bits(stream_bits)),
        Section(code.stream(symbols), 8),
    ]


def _size_bytes(sections: Iterable[Section]) -> int:
    return sum(one.size_bytes for one in sections)


def _number(stream_bits: int) -> Section:
    return Section(np.array([stream_bits]), 64)


def _read(payload: Payload, alphabet: int, count: int) -> Symbols:
    """The symbols of the next plane."""
    (stream_bits,) = payload.fields(1, 64).tolist()
    if not stream_bits:
        return payload.fields(count, 8).astype(np.uint16)
    lengths = payload.fields(alphabet, 8)
    starts = payload.fields(-(-count // BLOCK), field_bits(stream_bits))
    stream = payload.fields(field_bytes(stream_bits, 1), 8).astype(np.uint8)
    return PrefixCode(lengths.tolist()).symbols(stream, starts, count)
