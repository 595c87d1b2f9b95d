"""Canonical prefix codes, written and read by numpy without a loop over symbols.

A canonical code is told by its lengths alone: of words in ascending length, and of
equal lengths in ascending symbol, each is the next number (E. S. Schwartz, B. Kallick,
"Generating a Canonical Prefix Encoding", 1964). The stream holds the words one after
another, the highest bit of a byte first.

Reading is sequential by nature, as a word's place is known only once the word before it
is read. So where each block of 1,024 symbols starts is stored beside the stream, and
512 blocks are read in step: one word of each at a time.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.compression.sparse.elements import Offsets

BLOCK = 1024
_ABREAST = 512
_WORD = 64  # bits
Symbols = NDArray[np.unsignedinteger[Any]]


class PrefixCode:
    """The canonical code of these lengths; a symbol of length 0 has no word.

    Raises ValueError if there is no code of these lengths, or none shorter than 64.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = np.array(lengths, np.int64)
        used = [(bits, symbol) for symbol, bits in enumerate(lengths) if bits]
        self._ordered = sorted(used)
        taken = sum(2 ** (_WORD - min(bits, _WORD)) for bits, _ in used)
        if not used or max(used)[0] >= _WORD or taken > 2**_WORD:
            raise ValueError(
                f"{len(used)} words that take {taken / 2**_WORD:.3g} of the code space "
                "make no prefix code: expected one or more of 1 to 63 bits that take "
                "at most all of it"
            )

    @cached_property
    def words(self) -> NDArray[np.uint64]:
        """Of each symbol, in the lowest bits."""
        words = np.zeros(self.lengths.size, np.uint64)
        code, last = 0, 0
        for bits, symbol in self._ordered:
            code <<= bits - last
            words[symbol] = code
            code, last = code + 1, bits
        return words

    @cached_property
    def _classes(self) -> tuple[NDArray[Any], ...]:
        """For each length in use: the least window above its words, the length, and
        the number that makes a word's value the place of its symbol."""
        lengths = sorted({bits for bits, _ in self._ordered})
        tops, shifts = [], []
        for bits in lengths:
            places = [i for i, (n, _) in enumerate(self._ordered) if n == bits]
            words = [int(self.words[self._ordered[i][1]]) for i in places]
            tops.append((words[-1] + 1) << (_WORD - bits))
            shifts.append(places[0] - words[0])
        # The last class takes all windows that are left.
        inner = np.array(tops[:-1], np.uint64)
        return inner, np.array(lengths, np.int64), np.array(shifts, np.int64)

    def starts(self, pieces: Iterable[Symbols]) -> Iterator[Offsets]:
        """The bit of the stream at which each block starts."""
        symbols = bits = 0
        for piece in pieces:
            ends = np.cumsum(self.lengths[piece])
            before = bits + np.concatenate([[0], ends])[:-1]
            yield before[-symbols % BLOCK :: BLOCK]
            symbols += piece.size
            bits += int(ends[-1]) if piece.size else 0

    def stream(self, pieces: Iterable[Symbols]) -> Iterator[NDArray[np.uint8]]:
        """The words of all symbols; the last byte is filled up with zeros."""
        rest, used = np.uint64(0), 0
        for piece in pieces:
            if not piece.size:
                continue
            words, end = self._joined(piece, used)
            words[0] |= rest
            full, used = divmod(end, _WORD)
            yield words[:full].astype(">u8").view(np.uint8)
            rest = words[full]
        yield np.array([rest]).astype(">u8").view(np.uint8)[: -(-used // 8)]

    def _joined(self, piece: Symbols, start: int) -> tuple[NDArray[np.uint64], int]:
        """64-bit words of the stream from bit `start` of the first on, and its end."""
        lengths, codes = self.lengths[piece], self.words[piece]
        ends = start + np.cumsum(lengths)
        starts = ends - lengths
        index = starts // _WORD
        room = _WORD - starts % _WORD - lengths  # negative where it needs a second word
        left, right = _shift(np.maximum(room, 0)), _shift(np.maximum(-room, 0))
        joined = np.zeros(int(ends[-1]) // _WORD + 2, np.uint64)
        firsts = np.flatnonzero(np.diff(index, prepend=-1))
        parts = np.bitwise_or.reduceat(codes << left >> right, firsts)
        joined[index[firsts]] = parts
        over = np.flatnonzero(room < 0)
        joined[index[over] + 1] |= codes[over] << _shift(_WORD + room[over])
        return joined, int(ends[-1])

    def symbols(
        self, stream: memoryview, starts: Offsets, count: int
    ) -> Iterator[Symbols]:
        """`count` symbols, some blocks at a time; `starts` as stored."""
        for first in range(0, starts.size, _ABREAST):
            some = starts[first : first + _ABREAST]
            begin = int(some[0]) // _WORD
            after = starts[first + _ABREAST :][:1]
            end = -(-int(after[0]) // _WORD) if after.size else None
            words = _words(stream, begin, end, BLOCK * int(self.lengths.max()))
            left = min(some.size * BLOCK, count - first * BLOCK)
            yield self._in_step(words, some - begin * _WORD, min(BLOCK, left))[:left]

    def _in_step(self, words: NDArray[np.uint64], at: Offsets, steps: int) -> Symbols:
        tops, lengths, shifts = self._classes
        table = np.array([symbol for _, symbol in self._ordered], np.uint16)
        found = np.empty((steps, at.size), np.uint16)
        for step in range(steps):
            index, bit = at >> 6, _shift(at & 63)
            rest = words[index + 1] >> np.uint64(1) >> (np.uint64(63) - bit)
            window = words[index] << bit | rest
            kind = np.searchsorted(tops, window, side="right")
            bits = lengths[kind]
            place = (window >> _shift(_WORD - bits)).view(np.int64) + shifts[kind]
            found[step] = table.take(place, mode="clip")
            at = at + bits
        return found.T.reshape(-1)


def _shift(bits: Offsets) -> NDArray[np.uint64]:
    return bits.astype(np.uint64)


def _words(
    stream: memoryview, begin: int, end: int | None, spare_bits: int
) -> NDArray[np.uint64]:
    """With zeros behind, for the blocks in step that end before the others do."""
    part = stream[begin * 8 : None if end is None else end * 8]
    size = -(-len(part) // 8) + spare_bits // _WORD + 2
    padded = np.zeros(size, ">u8")
    padded.view(np.uint8)[: len(part)] = np.frombuffer(part, np.uint8)
    return padded.astype(np.uint64)
