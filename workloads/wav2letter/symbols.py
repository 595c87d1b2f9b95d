"""What the outputs of the acoustic model stand for, and text to labels and back.

Two alphabets, as the homework data of CMU 11-785 have them: 35 outputs for letters
(HW4P2) and 42 for phonemes (HW3P2, the 39 of the CMU dictionary with silence and spoken
noise). The blank is output 0 of both, in the loss as in the decoders.
"""

import string
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

BLANK = 0

# The symbols of the CMU Pronouncing Dictionary, http://www.speech.cs.cmu.edu/cgi-bin/cmudict
_ARPABET = """
    AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH
    UH UW V W Y Z ZH
"""


@dataclass(frozen=True)
class Alphabet:
    """The symbols of the outputs, in their order; the first is the blank.

    Symbols in angle brackets are marks: they are outputs, but no text holds them.
    `is_spaced` says how a text is written: symbols with spaces between them, or
    letters that follow each other.
    """

    name: str
    symbols: tuple[str, ...]
    is_spaced: bool = False

    @property
    def outputs(self) -> int:
        return len(self.symbols)

    @property
    def blank(self) -> int:
        return BLANK

    def encode(self, text: str) -> list[int]:
        """Labels of a text in either case; a foreign symbol is a ValueError naming it.

        >>> PHONEMES.encode("K AE B")
        [22, 4, 9]
        """
        found = self.split(text)
        foreign = sorted({symbol for symbol in found if symbol not in self._labels})
        if foreign:
            spelt = (symbol for symbol in self.symbols if not is_mark(symbol))
            allowed = " ".join("space" if one == " " else one for one in spelt)
            raise ValueError(
                f"{text!r} holds {', '.join(map(repr, foreign))}, for which the "
                f"{self.name} have no output: use {allowed}"
            )
        return [self._labels[symbol] for symbol in found]

    def split(self, text: str) -> list[str]:
        """A text's letters, or its phonemes."""
        return text.split() if self.is_spaced else list(text)

    def decode(self, labels: Iterable[int]) -> str:
        """The text of labels: lower-case letters, or phonemes with spaces between.

        The blank and the marks vanish, and so does a space at either end or after
        another.

        >>> LETTERS.decode([33, 7, 5, 6, 32, 34])
        'cab'
        """
        spelt = [self.symbols[label] for label in labels]
        kept = [symbol for symbol in spelt if not is_mark(symbol)]
        if self.is_spaced:
            return " ".join(kept)
        return " ".join("".join(kept).lower().split())

    @cached_property
    def _labels(self) -> dict[str, int]:
        """The label of each symbol that a text can hold, in either case."""
        return {
            written: label
            for label, symbol in enumerate(self.symbols)
            if not is_mark(symbol)
            for written in (symbol, symbol.lower())
        }


def is_mark(symbol: str) -> bool:
    """Whether a symbol is one that no text holds, such as `<sos>`."""
    return symbol.startswith("<")


LETTERS = Alphabet(
    "letters", ("<pad>", *"'+-.", *string.ascii_uppercase, "_", " ", "<sos>", "<eos>")
)
PHONEMES = Alphabet(
    "phonemes", ("<pad>", "SIL", "SPN", *_ARPABET.split()), is_spaced=True
)
