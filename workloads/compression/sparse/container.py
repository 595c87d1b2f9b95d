"""What all formats write around their payload, and the checks when it is read back.

Every encoding starts with 44 bytes, which count in all sizes here, little-endian:

    4 magic "SPMX"      8 name of the format     3 dtype, as numpy writes it ("<f4")
    1 width of the format's index fields in bits
    4 rows              4 columns                8 entries that the payload holds
    8 bytes of payload  4 CRC-32 of payload and of the 40 bytes before it

The payload is a row of sections whose lengths follow from these numbers.
"""

import io
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.compression.sparse.elements import DTYPES, Bits

MAGIC = b"SPMX"
_FIELDS = struct.Struct("<4s8s3sBIIQQ")
_CHECKSUM = struct.Struct("<I")
HEADER_BYTES = _FIELDS.size + _CHECKSUM.size


@dataclass(frozen=True)
class Header:
    """`dtype` by name; `width` in bits; `entries` that the payload holds."""

    format: str
    dtype: str
    shape: tuple[int, int]
    width: int
    entries: int

    @property
    def size(self) -> int:
        return self.shape[0] * self.shape[1]

    @property
    def itemsize(self) -> int:
        return np.dtype(self.dtype).itemsize

    def empty(self) -> Bits:
        """A flat matrix of zeros, as bit patterns."""
        return np.zeros(self.size, f"u{self.itemsize}")

    def matrix(self, flat: Bits) -> NDArray[Any]:
        return flat.view(self.dtype).reshape(self.shape)

    def values(self, section: memoryview) -> Bits:
        """A section of whole elements, not copied."""
        little = np.frombuffer(section, f"<u{self.itemsize}")
        return little.astype(f"u{self.itemsize}", copy=False)


def describe(format: str, matrix: NDArray[Any], width: int, entries: int) -> Header:
    rows, columns = matrix.shape
    return Header(format, matrix.dtype.name, (rows, columns), width, entries)


def write(header: Header, sections: Iterable[Iterable[NDArray[Any]]]) -> bytes:
    """The encoding; what the sections hold is written piece after piece."""
    file = io.BytesIO()
    file.write(bytes(HEADER_BYTES))
    checksum = 0
    for section in sections:
        for piece in section:
            data = _little_endian(piece)
            checksum = zlib.crc32(data, checksum)
            file.write(data)
    fields = _packed(header, file.tell() - HEADER_BYTES)
    file.seek(0)
    file.write(fields + _CHECKSUM.pack(zlib.crc32(fields, checksum)))
    return file.getvalue()


def _little_endian(piece: NDArray[Any]) -> memoryview:
    swapped = piece.astype(piece.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(swapped).view(np.uint8).reshape(-1).data


def _packed(header: Header, payload_bytes: int) -> bytes:
    name = header.format.encode()
    dtype = np.dtype(header.dtype).newbyteorder("<").str.encode()
    counts = (header.width, *header.shape, header.entries, payload_bytes)
    return _FIELDS.pack(MAGIC, name, dtype, *counts)


def read(format: str, data: bytes) -> tuple[Header, memoryview]:
    """Header and payload of an encoding.

    Raises ValueError if the bytes are of another format, cut short, or damaged.
    """
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
    _verify(data, payload)
    found = name.rstrip(b"\0").decode("ascii", "replace")
    if found != format:
        raise ValueError(
            f"the bytes hold a matrix in {found!r}, not in {format!r}: "
            f"decode them with {found}.decode"
        )
    return Header(found, _dtype(dtype), (rows, columns), width, entries), payload


def _verify(data: bytes, payload: memoryview) -> None:
    (expected,) = _CHECKSUM.unpack_from(data, _FIELDS.size)
    found = zlib.crc32(memoryview(data)[: _FIELDS.size], zlib.crc32(payload))
    if found != expected:
        raise ValueError(
            f"the checksum is {found:08x}, the header says {expected:08x}: "
            "the bytes are damaged, encode the matrix again"
        )


def _dtype(code: bytes) -> str:
    for name in DTYPES:
        if np.dtype(name).newbyteorder("<").str.encode() == code:
            return name
    raise ValueError(
        f"the header names elements of type {code!r}: expected {', '.join(DTYPES)}"
    )


def check_entries(header: Header, found: int) -> None:
    """Raises ValueError unless as many entries were found as the header says."""
    if found != header.entries:
        raise ValueError(
            f"the payload tells the places of {found} entries, its header says "
            f"{header.entries}: the bytes are damaged, encode the matrix again"
        )


def cut(payload: memoryview, lengths: Sequence[int]) -> list[memoryview]:
    """The payload's sections.

    Raises ValueError unless the lengths, in bytes, make up the whole payload.
    """
    if len(payload) != sum(lengths):
        raise ValueError(
            f"the payload is {len(payload)} bytes long, its sections need "
            f"{sum(lengths)}: the bytes are damaged, encode the matrix again"
        )
    ends = np.cumsum(lengths).tolist()
    return [payload[end - n : end] for end, n in zip(ends, lengths, strict=True)]
