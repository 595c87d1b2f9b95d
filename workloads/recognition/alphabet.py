"""What the outputs of a recogniser stand for, as all that decode and train need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Alphabet(Protocol):
    """The symbols of the outputs, one of which is the `blank` of CTC.

    `is_spaced` tells how a text is written: symbols with spaces between them, or
    letters that follow each other.
    """

    @property
    def blank(self) -> int: ...
    @property
    def is_spaced(self) -> bool: ...

    def encode(self, text: str) -> list[int]:
        """Labels of a text; a foreign symbol is a ValueError naming it."""

    def split(self, text: str) -> Sequence[str]:
        """A text's symbols, in which its edits are counted."""
