"""A result file taken apart, so that it need not be in memory as a whole.

pytest-benchmark writes JSON with an indent of four, and no text in JSON has a line
break in it: lines tell where a benchmark begins and ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

_OPENS, _CLOSES = b'    "benchmarks": [\n', b"    ]"
_ENDS = {b"        },\n": b"null,\n", b"        }\n": b"null\n"}


def hollow(lines: Iterable[bytes], take: Callable[[bytearray], None]) -> bytearray:
    """The document with `null` for each of its benchmarks, whose JSON goes to `take`,
    one by one. A document in another layout stays as it is.

    >>> layout = b'{\\n    "benchmarks": [\\n        {\\n        }\\n    ]\\n}\\n'
    >>> hollow(layout.splitlines(keepends=True), print)
    bytearray(b'        {\\n}')
    bytearray(b'{\\n    "benchmarks": [\\nnull\\n    ]\\n}\\n')
    """
    around, piece = bytearray(), bytearray()
    inside = False
    for line in lines:
        if inside and line in _ENDS:
            take(piece + b"}")
            around += _ENDS[line]
            piece.clear()
        elif inside and (piece or not line.startswith(_CLOSES)):
            piece += line
        else:
            around += line
            inside = line == _OPENS
    return around + piece if piece else around
