"""What all formats write around their payload, and the checks when it is read back.

Every encoding starts with 44 bytes, which count in all sizes here, little-endian:

    4 magic "SPMX"      8 name of the format     3 dtype, as numpy writes it ("<f4")
    1 width of the format's index fields in bits
    4 rows              4 columns                8 entries that the payload holds
    8 bytes of payload  4 CRC-32 of payload and of the 40 bytes before it

The payload of most formats is a head of their own, a field of the width for each entry
(see `fields`), and a value for each.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from workloads.compression.sparse.elements import DTYPES, PIECE, Bits, Entries, Matrix
from workloads.compression.sparse.fields import field_bytes, packed, unpacked

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

    def empty(self) -> Bits:
        """A flat matrix of zeros, as bit patterns."""
        return np.zeros(self.size, f"u{self.itemsize}")

    def matrix(self, flat: Bits) -> Matrix:
        return flat.view(self.dtype).reshape(self.shape)

    def values(self, section: memoryview) -> Bits:
        """A section of whole elements, not copied."""
        little = np.frombuffer(section, f"<u{self.itemsize}")
        return little.astype(f"u{self.itemsize}", copy=False)


def size_bytes(entries: int, width: int, itemsize: int, head_bytes: int = 0) -> int:
    """What `encode` takes, header included."""
    fields = field_bytes(entries, width)
    return HEADER_BYTES + head_bytes + fields + entries * itemsize


def encode(
    format: str,
    matrix: Matrix,
    width: int,
    count: int,
    entries: Callable[[], Entries],
    head: Iterable[Matrix] = (),
) -> bytes:
    """Head, fields and values of `count` entries."""
    header = Header(format, matrix.dtype.name, matrix.shape, width, count)
    fields = packed((some for some, _ in entries()), width)
    return write(header, [head, fields, (some for _, some in entries())])


def write(header: Header, sections: Iterable[Iterable[Matrix]]) -> bytes:
    """The encoding; what the sections hold is written piece after piece."""
    file = io.BytesIO()
    file.write(bytes(HEADER_BYTES))
    checksum = 0
    for piece in (piece for section in sections for piece in section):
        data = piece.astype(piece.dtype.newbyteorder("<"), copy=False).tobytes()
        checksum = zlib.crc32(data, checksum)
        file.write(data)
    code = np.dtype(header.dtype).newbyteorder("<").str.encode()
    counts = (header.width, *header.shape, header.entries, file.tell() - HEADER_BYTES)
    fields = _FIELDS.pack(MAGIC, header.format.encode(), code, *counts)
    file.seek(0)
    file.write(fields + _CHECKSUM.pack(zlib.crc32(fields, checksum)))
    return file.getvalue()


def decode(
    format: str, data: bytes, entries: Callable[[Header, memoryview], Entries]
) -> Matrix:
    """(R, C), the same bits; `entries` finds flat offsets and values in the payload.

    Raises ValueError if the bytes are damaged or of another format.
    """
    header, payload = read(format, data)
    flat = header.empty()
    for offsets, values in entries(header, payload):
        if (largest := int(offsets.max(initial=0))) >= flat.size:
            raise damaged(
                f"an entry lies at offset {largest} of a matrix of {flat.size} elements"
            )
        flat[offsets] = values
    return header.matrix(flat)


def entries_of(header: Header, payload: memoryview, head_bytes: int = 0) -> Entries:
    """Fields and values that follow on a head, a piece at a time."""
    lengths = [field_bytes(header.entries, header.width)]
    lengths += [header.entries * header.itemsize]
    _, fields, rest = cut(payload, [head_bytes, *lengths])
    values, count = header.values(rest), header.entries
    spans = (range(i, min(i + PIECE, count)) for i in range(0, count, PIECE))
    return (
        (unpacked(fields, span, header.width), values[span.start : span.stop])
        for span in spans
    )


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
            f"decode them with {found}.decode"
        )
    if dtype not in _CODES:
        raise ValueError(
            f"the header names elements of type {dtype!r}: expected {', '.join(DTYPES)}"
        )
    return Header(found, _CODES[dtype], (rows, columns), width, entries), payload


def damaged(fault: str) -> ValueError:
    return ValueError(f"{fault}: the bytes are damaged, encode the matrix again")


def check_entries(header: Header, found: int) -> None:
    """Raises ValueError unless as many entries were found as the header says."""
    if found != header.entries:
        raise damaged(
            f"the payload tells the places of {found} entries, its header says "
            f"{header.entries}"
        )


def cut(payload: memoryview, lengths: Sequence[int]) -> list[memoryview]:
    """The payload's sections. Raises ValueError unless the lengths, in bytes, make up
    the whole payload."""
    if len(payload) != sum(lengths):
        raise damaged(
            f"the payload is {len(payload)} bytes long, its sections need "
            f"{sum(lengths)}"
        )
    ends = np.cumsum(lengths).tolist()
    return [payload[end - n : end] for end, n in zip(ends, lengths, strict=True)]
