"""The 30 outputs of the acoustic model, and text to labels and back.

A separator stands between doubled letters ("co_ol"), so that a transcript never
repeats a label and CTC never needs a blank inside a word.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

SEPARATOR = "_"
SYMBOLS = " abcdefghijklmnopqrstuvwxyz'" + SEPARATOR  # the blank follows
BLANK = len(SYMBOLS)
OUTPUTS = len(SYMBOLS) + 1

_LABEL = {symbol: label for label, symbol in enumerate(SYMBOLS)}


def separate_doubles(text: str) -> str:
    """Put the separator between doubled letters.

    >>> separate_doubles("cool books")
    'co_ol bo_oks'
    """
    pairs = zip(" " + text, text, strict=False)
    return "".join(SEPARATOR + b if a == b != " " else b for a, b in pairs)


@dataclass(frozen=True)
class SeparatedLetters:
    """As `recognition.alphabet.Alphabet`."""

    blank: int = BLANK
    is_spaced: bool = False

    def encode(self, text: str) -> list[int]:
        foreign = sorted(set(text) - set(SYMBOLS[:-1]))
        if foreign:
            raise ValueError(
                f"the transcript {text!r} holds {''.join(foreign)!r}: only a-z, "
                "apostrophe and space have outputs; normalise the text first"
            )
        return [_LABEL[symbol] for symbol in separate_doubles(text)]

    def split(self, text: str) -> str:
        return text

    def collapse(self, path: Iterable[int]) -> str:
        """The text of a frame-by-frame CTC path: repeats, blanks, separators vanish.

        >>> ALPHABET.collapse([3, 3, 15, 28, 15, BLANK, BLANK, 12])
        'cool'
        """
        labels = (label for label, _ in groupby(path) if label != BLANK)
        text = "".join(SYMBOLS[label] for label in labels).replace(SEPARATOR, "")
        return " ".join(text.split())


ALPHABET = SeparatedLetters()
