"""What all formats write around their sections.

Every encoding starts with 44 bytes, which count in all sizes here, little-endian:

    4 magic "SPMX"      8 name of the format     3 dtype, as numpy writes it ("<f4")
    1 width of the format's index fields in bits
    4 rows              4 columns                8 entries that the payload holds
    8 bytes of payload  4 CRC-32 of payload and of the 40 bytes before it

The payload is a format's sections, each a stream of fields (see `fields`). In all
formats but Huffman's the last two are an index of each entry and its value.
"""

import struct
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from workloads.compression.sparse.elements import Bits, Matrix, Offsets, bits_of
from workloads.compression.sparse.fields import Section, field_bytes, unpacked

MAGIC = b"SPMX"
_FIELDS = struct.Struct("<4s8s3sBIIQQ")
_CHECKSUM = struct.Struct("<I")
HEADER_BYTES = _FIELDS.size + _CHECKSUM.size


class Header(NamedTuple):
    magic: bytes
    format: bytes
    dtype: bytes
    width: int
    rows: int
    columns: int
    entries: int
    payload_bytes: int


class Layout(NamedTuple):
    """What the header says of a matrix in a format, and the sections that follow it."""

    width: int
    entries: int
    sections: Sequence[Section]


def layout_of_entries(
    width: int, indices: Offsets, values: Bits, *head: Section
) -> Layout:
    """Indices of `width` bits and their values behind a format's own head."""
    entries = Section(indices, width), Section(values, values.itemsize * 8)
    return Layout(width, values.size, [*head, *entries])


class Payload:
    """What follows a header, read section after section."""

    def __init__(self, header: Header, data: memoryview) -> None:
        self.header = header
        self._rest = data

    def fields(self, count: int, width: int) -> Offsets:
        size = field_bytes(count, width)
        section, self._rest = self._rest[:size], self._rest[size:]
        return unpacked(section, count, width)

    def entries(self, width: int) -> tuple[Offsets, Bits]:
        """The indices, of `width` bits, and the values."""
        count, itemsize = self.header.entries, int(self.header.dtype[2:])
        indices = self.fields(count, width)
        return indices, self.fields(count, 8 * itemsize).astype(f"u{itemsize}")


class Format(ABC):
    """A way to store a matrix: its sections, from which its size and its bytes follow,
    and how they are read back."""

    name: str

    @abstractmethod
    def layout(self, bits: Bits) -> Layout: ...

    @abstractmethod
    def restore(self, payload: Payload, bits: Bits) -> None:
        """Put what the payload holds into a matrix of zeros (R, C)."""

    def encoded_bytes(self, matrix: Matrix) -> int:
        """The length of `encode`'s result, without building it."""
        sections = self.layout(bits_of(matrix)).sections
        return HEADER_BYTES + sum(one.size_bytes for one in sections)

    def encode(self, matrix: Matrix) -> bytes:
        width, entries, sections = self.layout(bits_of(matrix))
        payload = b"".join(section.packed() for section in sections)
        dtype = matrix.dtype.newbyteorder("<").str.encode()
        counts = width, *matrix.shape, entries, len(payload)
        fields = _FIELDS.pack(MAGIC, self.name.encode(), dtype, *counts)
        checksum = zlib.crc32(fields, zlib.crc32(payload))
        return fields + _CHECKSUM.pack(checksum) + payload

    def decode(self, data: bytes) -> Matrix:
        """(R, C), the same bits.

        Raises ValueError if the bytes are damaged or of another format.
        """
        payload = read(self.name, data)
        header = payload.header
        dtype = np.dtype(header.dtype.decode()).newbyteorder("=")
        bits = np.zeros((header.rows, header.columns), f"u{dtype.itemsize}")
        self.restore(payload, bits)
        return bits.view(dtype)


def read(format: str, data: bytes) -> Payload:
    """Raises ValueError as `decode` does."""
    if len(data) < HEADER_BYTES or data[: len(MAGIC)] != MAGIC:
        raise ValueError(
            f"{len(data)} bytes that start with {bytes(data[:4])!r} hold no sparse "
            f"matrix: give {HEADER_BYTES} or more that start with {MAGIC!r}"
        )
    header = Header._make(_FIELDS.unpack_from(data))
    payload = memoryview(data)[HEADER_BYTES:]
    if len(payload) != header.payload_bytes:
        raise ValueError(
            f"the payload is {len(payload)} bytes long, its header says "
            f"{header.payload_bytes}: the bytes are cut short or damaged, encode the "
            "matrix again"
        )
    (expected,) = _CHECKSUM.unpack_from(data, _FIELDS.size)
    checksum = zlib.crc32(memoryview(data)[: _FIELDS.size], zlib.crc32(payload))
    if checksum != expected:
        raise ValueError(
            f"the checksum is {checksum:08x}, the header says {expected:08x}: the "
            "bytes are damaged, encode the matrix again"
        )
    found = header.format.rstrip(b"\0").decode()
    if found != format:
        raise ValueError(
            f"the bytes hold a matrix in {found!r}, not in {format!r}: "
            f"decode them with {found}"
        )
    return Payload(header, payload)
