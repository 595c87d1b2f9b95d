"""Huffman coding of the bytes of the weights, and of where they are zero.

Of trained floats hardly two are equal, so that a code over whole values would be mostly
table. Their exponents however are much alike, and their mantissas are close to noise.
So the bytes of all weights are coded apart, each place in a weight (a plane) with a
code of its own, after a rotation by one bit that brings the sign to the end, so that
the first byte of a float32 is its exponent (M. Hershcovitch et al., "ZipNN: Lossless
Compression for AI Models", 2024). How a plane is coded:

- the first plane has 257 symbols: the byte of a weight that is not zero, and 256 for
  one that is, about which the other planes say nothing;
- any other plane has a byte for each non-zero, and lies there as it is where a code
  would take no less, as it does for most mantissas.

A zero still takes a bit, as a Huffman code has no shorter word. For 8-bit weights the
planes are one, and the code's words take what `entropy.huffman_bytes` counts.

Payload, for each plane: 8 bytes for the bits of its stream (0 where it is not coded);
then the bytes as they are, or the code's lengths (257 or 256, a byte each), the starts
of the stream's blocks (in fields of the bits that the stream's length needs), and the
stream (see `prefix_code`).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.compression.entropy import SYMBOLS, code_lengths, payload_bits
from workloads.compression.sparse import container
from workloads.compression.sparse.elements import (
    PIECE,
    Bits,
    bits_of,
    field_bits,
    field_bytes,
    row_pieces,
)
from workloads.compression.sparse.fields import packed, unpacked
from workloads.compression.sparse.prefix_code import BLOCK, PrefixCode, Symbols

ZERO = SYMBOLS
_BITS = struct.Struct("<Q")


@dataclass(frozen=True)
class _Plane:
    """How often each of its symbols occurs."""

    counts: tuple[int, ...]

    @cached_property
    def lengths(self) -> list[int]:
        return code_lengths(self.counts)

    @property
    def coded(self) -> bool:
        return len(self.counts) > SYMBOLS or sum(self._coded_bytes) < sum(self.counts)

    @cached_property
    def stream_bits(self) -> int:
        return payload_bits(self.counts)

    @property
    def _coded_bytes(self) -> list[int]:
        return _sections(len(self.counts), sum(self.counts), self.stream_bits)

    @property
    def size_bytes(self) -> int:
        coded = self._coded_bytes if self.coded else [sum(self.counts)]
        return _BITS.size + sum(coded)


def _sections(alphabet: int, symbols: int, stream_bits: int) -> list[int]:
    """Bytes of the lengths, of the blocks' starts and of the stream."""
    blocks = -(-symbols // BLOCK)
    starts = field_bytes(blocks, field_bits(stream_bits))
    return [alphabet, starts, field_bytes(stream_bits, 1)]


def encoded_bytes(matrix: NDArray[Any]) -> int:
    """What `encode` takes, header included, by counting symbols."""
    planes = _planes(bits_of(matrix))
    return container.HEADER_BYTES + sum(plane.size_bytes for plane in planes)


def encode(matrix: NDArray[Any]) -> bytes:
    """(R, C) in Huffman codes. Raises ValueError as `bits_of` does."""
    bits = bits_of(matrix)
    nonzeros = int(np.count_nonzero(bits))
    header = container.describe("huffman", matrix, 0, nonzeros)
    planes = _planes(bits)
    sections = (_written(plane, bits, place) for place, plane in enumerate(planes))
    return container.write(header, sections)


def _planes(bits: Bits) -> list[_Plane]:
    counts = np.zeros((bits.itemsize, SYMBOLS + 1), np.int64)
    for piece in row_pieces(bits):
        for place in range(bits.itemsize):
            found = np.bincount(_symbols(piece, place), minlength=SYMBOLS + 1)
            counts[place] += found
    first, *others = counts.tolist()
    return [_Plane(tuple(first)), *(_Plane(tuple(row[:SYMBOLS])) for row in others)]


def _symbols(piece: Bits, place: int) -> Symbols:
    """Of a flat piece, its symbols in the plane of this place."""
    some = piece if not place else piece[piece != 0]
    kind, bits = some.dtype.type, some.itemsize * 8
    rotated = some << kind(1) | some >> kind(bits - 1)
    symbols = (rotated >> kind(bits - 8 * (place + 1)) & kind(255)).astype(np.uint16)
    if not place:
        symbols[piece == 0] = ZERO
    return symbols


def _written(plane: _Plane, bits: Bits, place: int) -> Iterator[NDArray[Any]]:
    def symbols() -> Iterator[Symbols]:
        return (_symbols(piece, place) for piece in row_pieces(bits))

    stream_bits = plane.stream_bits if plane.coded else 0
    yield np.frombuffer(_BITS.pack(stream_bits), np.uint8)
    if not plane.coded:
        yield from (some.astype(np.uint8) for some in symbols())
        return
    code = PrefixCode(plane.lengths)
    yield np.array(plane.lengths, np.uint8)
    yield from packed(code.starts(symbols()), field_bits(stream_bits))
    yield from code.stream(symbols())


def decode(data: bytes) -> NDArray[Any]:
    """(R, C), the same bits. Raises ValueError if damaged or of another format."""
    header, payload = container.read("huffman", data)
    flat, nonzero = header.empty(), np.empty(header.size, bool)
    start = 0
    symbols, payload = _read(payload, SYMBOLS + 1, header.size)
    for some in symbols:
        flat[start : start + some.size] = np.where(some == ZERO, 0, some)
        nonzero[start : start + some.size] = some != ZERO
        start += some.size
    container.check_entries(header, int(np.count_nonzero(nonzero)))
    for _ in range(1, header.itemsize):
        symbols, payload = _read(payload, SYMBOLS, header.entries)
        _append(flat, nonzero, symbols)
    container.cut(payload, [])
    _rotate_back(flat)
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
        return iter([np.frombuffer(sections[0], np.uint8)]), rest[end:]
    table, starts, stream = sections
    blocks = range(-(-count // BLOCK))
    at = unpacked(starts, blocks, field_bits(stream_bits))
    return PrefixCode(list(table)).symbols(stream, at, count), rest[end:]


def _append(flat: Bits, nonzero: NDArray[np.bool_], symbols: Iterator[Symbols]) -> None:
    """Each weight that is not zero gets its byte of the next plane."""
    every = np.empty(np.count_nonzero(nonzero), np.uint8)
    done = 0
    for some in symbols:
        every[done : done + some.size] = some
        done += some.size
    kind = flat.dtype.type
    done = 0
    for start in range(0, flat.size, PIECE):
        some = flat[start : start + PIECE]
        mask = nonzero[start : start + PIECE]
        bytes_ = every[done : done + np.count_nonzero(mask)]
        some[mask] = some[mask] << kind(8) | bytes_
        done += bytes_.size


def _rotate_back(flat: Bits) -> None:
    kind, bits = flat.dtype.type, flat.itemsize * 8
    for piece in (flat[s : s + PIECE] for s in range(0, flat.size, PIECE)):
        piece[:] = piece >> kind(1) | piece << kind(bits - 1)
