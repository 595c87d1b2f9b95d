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

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from workloads.compression.entropy import SYMBOLS, code_lengths
from workloads.compression.sparse import container
from workloads.compression.sparse.elements import Bits, Matrix, bits_of, pieces
from workloads.compression.sparse.fields import (
    field_bits,
    field_bytes,
    packed,
    unpacked,
)
from workloads.compression.sparse.prefix_code import BLOCK, PrefixCode, Symbols

ZERO = SYMBOLS
_BITS = struct.Struct("<Q")


@dataclass(frozen=True)
class _Plane:
    """`lengths` of its code; `stream_bits` are 0 where it is not coded."""

    lengths: list[int]
    stream_bits: int
    size_bytes: int


def _plane(counts: list[int]) -> _Plane:
    """Of how often each of its symbols occurs."""
    lengths, symbols = code_lengths(counts), sum(counts)
    bits = sum(n * length for n, length in zip(counts, lengths, strict=True))
    coded = sum(_sections(len(counts), symbols, bits))
    if len(counts) == SYMBOLS and coded >= symbols:
        return _Plane(lengths, 0, _BITS.size + symbols)
    return _Plane(lengths, bits, _BITS.size + coded)


def _sections(alphabet: int, symbols: int, stream_bits: int) -> list[int]:
    """Bytes of the lengths, of the blocks' starts and of the stream."""
    starts = field_bytes(-(-symbols // BLOCK), field_bits(stream_bits))
    return [alphabet, starts, field_bytes(stream_bits, 1)]


def encoded_bytes(matrix: Matrix) -> int:
    planes = _planes(bits_of(matrix))
    return container.HEADER_BYTES + sum(plane.size_bytes for plane in planes)


def encode(matrix: Matrix) -> bytes:
    bits = bits_of(matrix)
    count = int(np.count_nonzero(bits))
    header = container.Header("huffman", matrix.dtype.name, matrix.shape, 0, count)
    planes = enumerate(_planes(bits))
    return container.write(header, (_written(*plane, bits) for plane in planes))


def _planes(bits: Bits) -> list[_Plane]:
    counts = np.zeros((bits.itemsize, SYMBOLS + 1), np.int64)
    for piece in pieces(bits):
        for place, row in enumerate(counts):
            row += np.bincount(_symbols(piece, place), minlength=SYMBOLS + 1)
    first, *others = counts.tolist()
    return [_plane(first), *(_plane(row[:SYMBOLS]) for row in others)]


def _symbols(piece: Bits, place: int) -> Symbols:
    """Of a flat piece, its symbols in the plane of this place."""
    some = piece if not place else piece[piece != 0]
    bits = some.itemsize * 8
    rotated = some << 1 | some >> (bits - 1)
    symbols = (rotated >> (bits - 8 * (place + 1)) & 255).astype(np.uint16)
    if not place:
        symbols[piece == 0] = ZERO
    return symbols


def _written(place: int, plane: _Plane, bits: Bits) -> Iterator[Matrix]:
    def symbols() -> Iterator[Symbols]:
        return (_symbols(piece, place) for piece in pieces(bits))

    yield np.array([plane.stream_bits], "<u8")
    if not plane.stream_bits:
        yield from (some.astype(np.uint8) for some in symbols())
        return
    code = PrefixCode(plane.lengths)
    yield np.array(plane.lengths, np.uint8)
    yield from packed(code.starts(symbols()), field_bits(plane.stream_bits))
    yield from code.stream(symbols())


def decode(data: bytes) -> Matrix:
    header, payload = container.read("huffman", data)
    symbols, payload = _read(payload, SYMBOLS + 1, header.size)
    firsts = [(some != ZERO, some[some != ZERO].astype(np.uint8)) for some in symbols]
    nonzero = np.concatenate([mask for mask, _ in firsts])
    container.check_entries(header, int(np.count_nonzero(nonzero)))
    planes = np.empty((header.entries, header.itemsize), np.uint8)  # the lowest first
    planes[:, -1] = np.concatenate([some for _, some in firsts])
    for place in range(1, header.itemsize):
        symbols, payload = _read(payload, SYMBOLS, header.entries)
        planes[:, -1 - place] = np.concatenate(
            [some.astype(np.uint8) for some in symbols] or [planes[:0, 0]]
        )
    container.cut(payload, [])
    values, flat = header.values(planes.reshape(-1).data), header.empty()
    for some in pieces(values):
        some[:] = some >> 1 | some << (some.itemsize * 8 - 1)
    flat[nonzero] = values
    return header.matrix(flat)


def _read(
    payload: memoryview, alphabet: int, count: int
) -> tuple[Iterator[Symbols], memoryview]:
    """The symbols of the payload's first plane, and what follows it."""
    head, rest = payload[: _BITS.size], payload[_BITS.size :]
    container.cut(head, [_BITS.size])
    (stream_bits,) = _BITS.unpack(head)
    sizes = _sections(alphabet, count, stream_bits) if stream_bits else [count]
    end = sum(sizes)
    sections = container.cut(rest[:end], sizes)
    if not stream_bits:
        return pieces(np.frombuffer(sections[0], np.uint8)), rest[end:]
    table, starts, stream = sections
    at = unpacked(starts, range(-(-count // BLOCK)), field_bits(stream_bits))
    return PrefixCode(list(table)).symbols(stream, at, count), rest[end:]
