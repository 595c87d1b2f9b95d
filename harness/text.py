"""Texts out of files of unknown origin, made fit to be shown and to be quoted."""

from __future__ import annotations

import reprlib
from pathlib import Path
from typing import Any

LONGEST = 300
LONGEST_PATH = 1000
LONGEST_QUOTED = 200
# Unicode calls them printable, and yet nobody sees them: fillers, blanks and selectors
# of variants. Controls, marks of direction, joiners and tags are not printable at all.
_BLANK = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F),
            *(0x2800, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),
        ),
    )
)


def plain(text: str, longest: int = LONGEST) -> str:
    r"""One line of at most `longest` characters that are all seen: no controls, which a
    terminal would obey, and nothing that makes unlike names look alike. Markup stays as
    it is: whoever shows a text escapes it.

    >>> ascii(plain("a\x1b[31m<b>")), ascii(plain("abcdef", longest=4))
    ("'a\\ufffd[31m<b>'", "'abc\\u2026'")
    """
    cut = text[: longest + 1]
    seen = cut if cut.isascii() and cut.isprintable() else "".join(map(_seen, cut))
    return seen if len(seen) <= longest else seen[: longest - 1] + "\u2026"


def _seen(character: str) -> str:
    is_seen = character.isprintable() and character not in _BLANK
    return character if is_seen else "\ufffd"


def counted(n: int, one: str, many: str) -> str:
    """A number with its noun, or its verb.

    >>> counted(1, "case", "cases"), counted(1200, "has", "have")
    ('1 case', '1,200 have')
    """
    return f"{n:,} {one if n == 1 else many}"


def plain_path(path: Path) -> str:
    """A path for a message: who sends a file chooses its name."""
    return plain(str(path), LONGEST_PATH)


def plain_values(value: Any) -> Any:
    """Values of JSON with all their texts made plain."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {plain(name): plain_values(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain_values(inner) for inner in value]
    return value


_REPR = reprlib.Repr()  # looks at the first few parts only: of a million, too
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = LONGEST_QUOTED


def quoted(value: Any, longest: int = LONGEST_QUOTED) -> str:
    r"""What was found, for a message: controls are escaped, and it is short.

    >>> quoted("a\x07"), quoted(list(range(100))), len(quoted("x" * 10**6))
    ("'a\\x07'", '[0, 1, 2, 3, 4, 5, ...]', 200)
    """
    found = _REPR.repr(value)
    return found if len(found) <= longest else f"{found[: longest - 3]}..."
