"""Whole numbers in fields of a fixed number of bits, packed without gaps.

Field i takes the bits i * width and up of a stream of 64-bit little-endian words, the
lowest bit first; the last byte is filled up with zeros. 64 fields make exactly `width`
words, so that numpy packs a group of 64 by shifts alone.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.compression.sparse.elements import Offsets, field_bytes

GROUP = 64
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]


def packed(pieces: Iterable[NDArray[Any]], width: int) -> Iterator[Bytes]:
    """The fields of all pieces as one stream; nothing at all where the width is 0."""
    if not width:
        return
    rest = np.zeros(0, np.uint64)
    for piece in pieces:
        fields = np.concatenate([rest, piece.astype(np.uint64)])
        whole = fields.size // GROUP * GROUP
        yield _words(fields[:whole], width)
        rest = fields[whole:]
    padded = np.zeros(GROUP, np.uint64)
    padded[: rest.size] = rest
    yield _words(padded, width)[: field_bytes(rest.size, width)]


def _words(fields: Words, width: int) -> Bytes:
    groups = np.ascontiguousarray(fields.reshape(-1, GROUP).T)
    words = np.zeros((width, groups.shape[1]), np.uint64)
    for index, field in enumerate(groups):
        word, shift = divmod(index * width, 64)
        words[word] |= field << np.uint64(shift)
        if shift + width > 64:
            words[word + 1] |= field >> np.uint64(64 - shift)
    return np.ascontiguousarray(words.T).astype("<u8").view(np.uint8).reshape(-1)


def unpacked(stream: memoryview, span: range, width: int) -> Offsets:
    """The fields of the given places of a stream; zeros where the width is 0."""
    if not width or not len(span):
        return np.zeros(len(span), np.int64)
    first, last = span.start // GROUP, -(-span.stop // GROUP)
    part = stream[first * width * 8 : last * width * 8]
    padded = np.zeros((last - first) * width, "<u8")
    padded.view(np.uint8)[: len(part)] = np.frombuffer(part, np.uint8)
    words = np.ascontiguousarray(padded.reshape(-1, width).T).astype(np.uint64)
    fields = _fields(words, width)
    return fields[span.start - first * GROUP :][: len(span)].view(np.int64)


def _fields(words: Words, width: int) -> Words:
    fields = np.empty((GROUP, words.shape[1]), np.uint64)
    mask = np.uint64(2**width - 1)
    for index in range(GROUP):
        word, shift = divmod(index * width, 64)
        fields[index] = words[word] >> np.uint64(shift)
        if shift + width > 64:
            fields[index] |= words[word + 1] << np.uint64(64 - shift)
    return np.ascontiguousarray((fields & mask).T).reshape(-1)
