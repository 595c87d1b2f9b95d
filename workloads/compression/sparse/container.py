"""What all formats write around their sections, and the checks when they are read back.

Every encoding starts with 44 bytes, which count in all sizes here, little-endian:

    4 magic "SPMX"      8 name of the format     3 dtype, as numpy writes it ("<f4")
    1 width of the format's index fields in bits
    4 rows              4 columns                8 entries that the payload holds
    8 bytes of payload  4 CRC-32 of payload and of the 40 bytes before it

The payload is a format's sections, each a stream of fields (see `fields`). In most
formats the last two are an index of each entry and its value.
"""

import io
import struct
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from workloads.compression.sparse.elements import (
    DTYPES,
    PIECE,
    Bits,
    Entries,
    Matrix,
    Offsets,
    bits_of,
)
from workloads.compression.sparse.fields import Section, field_bytes, packed, unpacked

MAGIC = b"SPMX"
_FIELDS = struct.Struct("<4s8s3sBIIQQ")
_CHECKSUM = struct.Struct("<I")
HEADER_BYTES = _FIELDS.size + _CHECKSUM.size
_CODES = {np.dtype(x).newbyteorder("<").str.encode(): x for x in DTYPES}


@dataclass(frozen=True)
class Header:
    """`dtype` by name; `width` in bits; `entries` that the payload holds."""

    format: str
    dtype: str
    shape: tuple[int, ...]
    width: int
    entries: int

    @property
    def size(self) -> int:
        return self.shape[0] * self.shape[1]

    @property
    def itemsize(self) -> int:
        return np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Layout:
    """What the header says of a matrix in a format, and the sections that follow it."""

    width: int
    entries: int
    sections: list[Section]


def layout_of_entries(
    bits: Bits,
    width: int,
    count: int,
    entries: Callable[[], Entries],
    *head: Section,
) -> Layout:
    """`count` indices of `width` bits and their values behind a format's own head."""
    indices = Section(count, width, (some for some, _ in entries()))
    values = Section(count, bits.itemsize * 8, (some for _, some in entries()))
    return Layout(width, count, [*head, indices, values])


class Payload:
    """What follows a header, read section after section.

    Raises ValueError where a section is longer than what is left.
    """

    def __init__(self, header: Header, data: memoryview) -> None:
        self.header = header
        self._rest = data

    def take(self, count: int, width: int) -> memoryview:
        """The bytes of a section."""
        size = field_bytes(count, width)
        if not 0 <= size <= len(self._rest):
            raise damaged(
                f"{len(self._rest)} bytes are left of the payload, its next section "
                f"needs {size}"
            )
        section, self._rest = self._rest[:size], self._rest[size:]
        return section

    def fields(self, count: int, width: int) -> Offsets:
        return unpacked(self.take(count, width), range(count), width)

    def values(self) -> Bits:
        """One for each entry, not copied."""
        size = self.header.itemsize
        little = np.frombuffer(self.take(self.header.entries, 8 * size), f"<u{size}")
        return little.astype(f"u{size}", copy=False)

    def entries(self, width: int) -> Entries:
        """Indices and values, a piece at a time."""
        count = self.header.entries
        indices, values = self.take(count, width), self.values()
        for start in range(0, count, PIECE):
            span = range(start, min(start + PIECE, count))
            yield unpacked(indices, span, width), values[start : span.stop]

    def check_entries(self, found: int) -> None:
        """Raises ValueError unless as many were found as the header says."""
        if found != self.header.entries:
            raise damaged(
                f"the payload tells the places of {found} entries, its header says "
                f"{self.header.entries}"
            )

    def check_end(self) -> None:
        """Raises ValueError if bytes are left."""
        if self._rest:
            raise damaged(f"{len(self._rest)} bytes follow the payload's last section")


class Format(ABC):
    """A way to store a matrix: its sections, from which its size and its bytes follow,
    and how they are read back."""

    name: str

    @abstractmethod
    def layout(self, bits: Bits) -> Layout: ...

    @abstractmethod
    def restore(self, payload: Payload, flat: Bits) -> None:
        """Put what the payload holds into a flat matrix of zeros.

        Raises ValueError if the payload contradicts itself or its header.
        """

    def encoded_bytes(self, matrix: Matrix) -> int:
        """The length of `encode`'s result, without building it."""
        sections = self.layout(bits_of(matrix)).sections
        return HEADER_BYTES + sum(one.size_bytes for one in sections)

    def encode(self, matrix: Matrix) -> bytes:
        found = self.layout(bits_of(matrix))
        counts = found.width, found.entries
        header = Header(self.name, matrix.dtype.name, matrix.shape, *counts)
        return write(header, found.sections)

    def decode(self, data: bytes) -> Matrix:
        """(R, C), the same bits.

        Raises ValueError if the bytes are damaged or of another format.
        """
        payload = Payload(*read(self.name, data))
        header = payload.header
        flat = np.zeros(header.size, f"u{header.itemsize}")
        self.restore(payload, flat)
        payload.check_end()
        return flat.view(header.dtype).reshape(header.shape)


def write(header: Header, sections: Iterable[Section]) -> bytes:
    """The encoding; what the sections hold is written piece after piece."""
    file = io.BytesIO()
    file.write(bytes(HEADER_BYTES))
    checksum = 0
    for section in sections:
        for piece in packed(section.pieces, section.width):
            data = piece.tobytes()
            checksum = zlib.crc32(data, checksum)
            file.write(data)
    code = np.dtype(header.dtype).newbyteorder("<").str.encode()
    counts = (header.width, *header.shape, header.entries, file.tell() - HEADER_BYTES)
    fields = _FIELDS.pack(MAGIC, header.format.encode(), code, *counts)
    file.seek(0)
    file.write(fields + _CHECKSUM.pack(zlib.crc32(fields, checksum)))
    return file.getvalue()


def read(format: str, data: bytes) -> tuple[Header, memoryview]:
    """Header and payload. Raises ValueError as `decode` does."""
    if len(data) < HEADER_BYTES or data[: len(MAGIC)] != MAGIC:
        raise ValueError(
            f"{len(data)} bytes that start with {bytes(data[:4])!r} hold no sparse "
            f"matrix: give {HEADER_BYTES} or more that start with {MAGIC!r}"
        )
    _, name, dtype, width, rows, columns, entries, size = _FIELDS.unpack_from(data)
    payload = memoryview(data)[HEADER_BYTES:]
    if len(payload) != size:
        raise ValueError(
            f"the payload is {len(payload)} bytes long, its header says {size}: the "
            "bytes are cut short or damaged, encode the matrix again"
        )
    (expected,) = _CHECKSUM.unpack_from(data, _FIELDS.size)
    checksum = zlib.crc32(memoryview(data)[: _FIELDS.size], zlib.crc32(payload))
    if checksum != expected:
        raise damaged(f"the checksum is {checksum:08x}, the header says {expected:08x}")
    found = name.rstrip(b"\0").decode("ascii", "replace")
    if found != format:
        raise ValueError(
            f"the bytes hold a matrix in {found!r}, not in {format!r}: "
            f"decode them with {found}"
        )
    if dtype not in _CODES:
        raise ValueError(
            f"the header names elements of type {dtype!r}: expected {', '.join(DTYPES)}"
        )
    return Header(found, _CODES[dtype], (rows, columns), width, entries), payload


def damaged(fault: str) -> ValueError:
    return ValueError(f"{fault}: the bytes are damaged, encode the matrix again")


def place(flat: Bits, offsets: Offsets, values: Bits) -> None:
    """Put values at their offsets; ValueError for one beyond the matrix's end."""
    if (largest := int(offsets.max(initial=0))) >= flat.size:
        raise damaged(
            f"an entry lies at offset {largest} of a matrix of {flat.size} elements"
        )
    flat[offsets] = values
