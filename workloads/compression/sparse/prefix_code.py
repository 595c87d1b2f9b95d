"""Canonical prefix codes, written and read by numpy without a loop over symbols.

A canonical code is told by its lengths alone: of words in ascending length, and of
equal lengths in ascending symbol, each is the next number (E. S. Schwartz, B. Kallick,
"Generating a Canonical Prefix Encoding", 1964). The stream holds the words one after
another, the highest bit of a byte first.

A word's place is known only once the word before it is read. So where each block of
1,024 symbols starts is stored beside the stream, and 512 blocks are read in step.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.compression.sparse.elements import Offsets

BLOCK = 1024
_ABREAST = 512
_WORD = 64  # bits
Symbols = NDArray[np.unsignedinteger[Any]]


class PrefixCode:
    """The canonical code of these lengths; a symbol of length 0 has no word. `words`
    holds that of each symbol in the lowest bits.

    Raises ValueError if there is no code of these lengths, or none shorter than 64.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = np.array(lengths, np.int64)
        self.words = np.zeros(self.lengths.size, np.uint64)
        ordered = sorted((bits, symbol) for symbol, bits in enumerate(lengths) if bits)
        taken = 0  # of the space of 64 bits: what lies before the next word
        firsts = []
        for bits, symbol in ordered:
            firsts.append(taken)
            if bits < _WORD and taken < 2**_WORD:
                self.words[symbol] = taken >> (_WORD - bits)
            taken += 2 ** (_WORD - min(bits, _WORD))
        if not ordered or max(ordered)[0] >= _WORD or taken > 2**_WORD:
            raise ValueError(
                f"{len(ordered)} words that take {taken / 2**_WORD:.3g} of the code "
                "space make no prefix code: expected one or more of 1 to 63 bits that "
                "take at most all of it"
            )
        self._firsts = np.array(firsts, np.uint64)
        self._ordered = np.array([symbol for _, symbol in ordered], np.uint16)

    def starts(self, pieces: Iterable[Symbols]) -> Iterator[Offsets]:
        """The bit of the stream at which each block starts."""
        symbols = bits = 0
        for piece in pieces:
            ends = bits + np.cumsum(self.lengths[piece])
            yield np.append(bits, ends)[:-1][-symbols % BLOCK :: BLOCK]
            symbols += piece.size
            bits = int(ends[-1]) if piece.size else bits

    def stream(self, pieces: Iterable[Symbols]) -> Iterator[NDArray[np.uint8]]:
        """The words of all symbols; the last byte is filled up with zeros."""
        rows = self.words.astype(">u8").view(np.uint8).reshape(-1, 8)
        bits = np.unpackbits(rows, axis=1)[:, -int(self.lengths.max()) :]
        used = np.arange(-bits.shape[1], 0) >= -self.lengths[:, None]
        rest = bits[0, :0]
        for piece in pieces:
            found = np.concatenate([rest, bits[piece][used[piece]]])
            whole = found.size // 8 * 8
            yield np.packbits(found[:whole])
            rest = found[whole:]
        yield np.packbits(rest)

    def symbols(self, stream: memoryview, starts: Offsets, count: int) -> Symbols:
        """`count` symbols; `starts` as stored."""
        # Zeros behind, for the blocks that end before others in step with them.
        spare = BLOCK * int(self.lengths.max()) // _WORD + 2
        padded = np.zeros(-(-len(stream) // 8) + spare, ">u8")
        padded.view(np.uint8)[: len(stream)] = np.frombuffer(stream, np.uint8)
        words = padded.astype(np.uint64)
        found = np.empty((starts.size, BLOCK), np.uint16)
        for first in range(0, starts.size, _ABREAST):
            at = starts[first : first + _ABREAST]
            for column in found[first : first + _ABREAST].T:
                index, bit = at // _WORD, (at % _WORD).astype(np.uint64)
                rest = words[index + 1] >> np.uint64(1) >> np.uint64(_WORD - 1) - bit
                window = words[index] << bit | rest
                column[:] = self._ordered[
                    np.searchsorted(self._firsts, window, side="right") - 1
                ]
                at = at + self.lengths[column]
        return found.reshape(-1)[:count]
