"""Texts out of files that strangers send, made fit to be shown."""

from __future__ import annotations

import re
from typing import Any

LONGEST = 300
# Controls (a terminal would obey them), marks that turn the direction of what follows,
# marks that nobody sees, and halves of characters, which no file can be written with.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff]"
)


def plain(text: str, longest: int = LONGEST) -> str:
    r"""One line of at most `longest` characters without controls. Markup stays as it
    is: whoever shows a text escapes it.

    >>> ascii(plain("a\x1b[31m<b>")), ascii(plain("abcdef", longest=4))
    ("'a\\ufffd[31m<b>'", "'abc\\u2026'")
    """
    seen = _UNSEEN.sub("\ufffd", text[: longest + 1])
    return seen if len(seen) <= longest else seen[: longest - 1] + "\u2026"


def plain_values(value: Any) -> Any:
    """Values of JSON with all their texts made plain."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {plain(name): plain_values(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain_values(inner) for inner in value]
    return value
