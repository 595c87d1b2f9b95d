"""Canonical prefix codes, written and read by numpy without a loop over symbols.

A canonical code is given by its lengths alone: of words in ascending length, and of
equal lengths in ascending symbol, each is the next number (E. S. Schwartz, B. Kallick,
"Generating a Canonical Prefix Encoding", 1964). The stream holds the words one after
another, the highest bit of a byte first.

A word's place is known only once the word before it is read. So where each block of
1,024 symbols starts is stored beside the stream, and all blocks are read in step.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.compression.sparse.elements import Offsets

BLOCK = 1024
_WORD = np.uint64(64)  # bits
Symbols = NDArray[np.unsignedinteger[Any]]
Bytes = NDArray[np.uint8]


class PrefixCode:
    """The canonical code of these lengths, of 1 to 63 bits; a symbol of length 0 has no
    word. `words` holds that of each symbol in the lowest bits.

    Raises ValueError where there is no such code.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        _check(lengths)
        self.lengths = np.array(lengths, np.int64)
        ordered = np.argsort(self.lengths, kind="stable")
        self._ordered = ordered[self.lengths[ordered] > 0]
        spare = _WORD - self.lengths[self._ordered].astype(np.uint64)
        # Of the space of 64 bits: what lies before each word. A code that takes all of
        # it ends at 2**64, which wraps around to 0, and so does the difference.
        spans = np.uint64(1) << spare
        self._firsts = np.cumsum(spans) - spans
        self.words = np.zeros(self.lengths.size, np.uint64)
        self.words[self._ordered] = self._firsts >> spare

    def starts(self, symbols: Symbols) -> Offsets:
        """The bit of the stream at which each block starts."""
        lengths = self.lengths[symbols]
        return (np.cumsum(lengths) - lengths)[::BLOCK]

    def stream(self, symbols: Symbols) -> Bytes:
        """The words of all symbols; the last byte is filled up with zeros."""
        rows = self.words.astype(">u8").view(np.uint8).reshape(-1, 8)
        bits = np.unpackbits(rows, axis=1)[:, -int(self.lengths.max()) :]
        used = np.arange(-bits.shape[1], 0) >= -self.lengths[:, None]
        return np.packbits(bits[symbols][used[symbols]])

    def symbols(self, stream: Bytes, starts: Offsets, count: int) -> Symbols:
        """`count` symbols; `starts` as stored."""
        # Zeros behind, for the blocks that end before others in step with them.
        spare = BLOCK * int(self.lengths.max()) // 64 + 2
        padded = np.zeros(-(-stream.size // 8) + spare, ">u8")
        padded.view(np.uint8)[: stream.size] = stream
        words = padded.astype(np.uint64)
        found = np.empty((starts.size, BLOCK), np.uint16)
        for column in found.T:
            index, bit = starts // 64, (starts % 64).astype(np.uint64)
            rest = words[index + 1] >> np.uint64(1) >> _WORD - np.uint64(1) - bit
            window = words[index] << bit | rest
            after = np.searchsorted(self._firsts, window, side="right")
            column[:] = self._ordered[after - 1]
            starts = starts + self.lengths[column]
        return found.reshape(-1)[:count]


def _check(lengths: Sequence[int]) -> None:
    """ValueError where there is no code of these lengths, or none shorter than 64."""
    used = [bits for bits in lengths if bits]
    taken = sum(Fraction(1, 2**bits) for bits in used)
    if not used or max(used) >= _WORD or taken > 1:
        raise ValueError(
            f"{len(used)} words that take {float(taken):.3g} of the code space make no "
            "prefix code: expected one or more of 1 to 63 bits that take at most all "
            "of it"
        )
