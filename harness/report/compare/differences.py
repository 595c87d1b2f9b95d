"""How the machines and their software differ, out of their fingerprints; and the lines
that a fingerprint has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.report.compare.model import Difference
from harness.text import plain, quoted

APART = ("git_commit", "git_dirty", "code_digest")  # these make a mismatch
# Of a fingerprint, which has 70 lines in two levels, and lists of ten. A page shows all
# that is kept, and a file may hold millions.
MOST_LINES, MOST_ITEMS, DEEPEST = 300, 300, 5

Facts = Mapping[str, Any]  # a fingerprint, or a part of it: plain values by name


def differences(fingerprints: Mapping[str, Sequence[Facts]]) -> Iterator[Difference]:
    """The lines in which candidates differ, or one's own runs; the fingerprints of its
    runs are by label. What a fingerprint lacks is left out of `found`."""
    lines = {label: _of_runs(some) for label, some in fingerprints.items()}
    for name in dict.fromkeys(name for found in lines.values() for name in found):
        found = {label: own[name] for label, own in lines.items() if name in own}
        texts = {label: " and ".join(own) for label, own in found.items()}
        agree = len(set(texts.values())) == 1 and len(texts) == len(lines)
        if not agree or any(len(own) > 1 for own in found.values()):
            shown = {label: plain(text) for label, text in texts.items()}
            yield Difference(plain(name), shown)


def _of_runs(fingerprints: Sequence[Facts]) -> dict[str, dict[str, None]]:
    """Each line's texts over the runs of one candidate, every one once."""
    lines: dict[str, dict[str, None]] = {}
    for fingerprint in fingerprints:
        for name, text in _lines(fingerprint):
            if name not in APART:
                lines.setdefault(name, {})[text] = None
    return lines


def flat(values: Facts) -> Iterator[tuple[str, str]]:
    """A fingerprint as lines to be shown: names joined by dots, and texts. A list of
    plain values is one line; a list that holds others has its parts numbered, as GPUs
    are. Names and texts have at most `LONGEST` characters.

    >>> list(flat({"a": {"b": 1, "c": [True, None]}, "d": [{"e": "x"}], "f": []}))
    [('a.b', '1'), ('a.c', 'yes, unknown'), ('d.0.e', 'x'), ('f', 'none')]
    """
    for name, text in _lines(values):
        yield plain(name), plain(text)


def _lines(values: Facts, above: str = "") -> Iterator[tuple[str, str]]:
    """In full: texts that differ only after what is shown of them do differ."""
    for key, value in values.items():
        name, parts = f"{above}{key}", _parts(value)
        if parts is None:
            yield name, _text(value)
        else:
            yield from _lines(parts, f"{name}.")


def _parts(value: Any) -> Facts | None:
    """What is told line by line; None of what is one line."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        return {str(number): one for number, one in enumerate(value)}
    return None


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown" if value is None else str(value)


def line_count(value: Any) -> int:
    """How many lines values make; what is empty counts as one.

    >>> line_count({"a": {"b": 1, "c": [True, None]}, "d": [{"e": "x"}, {}]})
    4
    """
    parts = _parts(value)
    return sum(map(line_count, parts.values())) if parts else 1


def first_lines(
    values: Facts, most: int = MOST_LINES, deepest: int = DEEPEST
) -> dict[str, Any]:
    """The values of the first `most` lines; what lies deeper than `deepest` levels is
    one line.

    >>> first_lines({"a": {"b": 1, "c": 2}, "d": 3}, most=2)
    {'a': {'b': 1, 'c': 2}}
    """
    kept: dict[str, Any] = {}
    for name, value in values.items():
        if most < 1:
            break
        kept[name] = _cut(value, most, deepest)
        most -= line_count(kept[name])
    return kept


def _cut(value: Any, most: int, deepest: int) -> Any:
    parts = _parts(value)
    if parts is not None and deepest < 1:
        return quoted(value)
    if parts is not None:
        kept = first_lines(parts, most, deepest - 1)
        return list(kept.values()) if isinstance(value, list) else kept
    if isinstance(value, list) and len(value) > MOST_ITEMS:
        return [*value[:MOST_ITEMS], f"{len(value) - MOST_ITEMS} further"]
    return value
