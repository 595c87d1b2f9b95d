"""How the machines and their software differ, out of their fingerprints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.compare.gather import Run
from harness.compare.model import Difference
from harness.compare.text import plain

APART = ("git_commit", "git_dirty")  # these are told as a mismatch


def differences(runs: Mapping[str, Sequence[Run]]) -> Iterator[Difference]:
    """The lines of the fingerprints in which candidates differ, or one's own runs, by
    label. What a fingerprint lacks is left out of `found`."""
    lines = {label: _lines(some) for label, some in runs.items()}
    for name in dict.fromkeys(name for found in lines.values() for name in found):
        found = {label: own[name] for label, own in lines.items() if name in own}
        texts = {label: plain(" and ".join(own)) for label, own in found.items()}
        agree = len(set(texts.values())) == 1 and len(texts) == len(lines)
        if not agree or any(len(own) > 1 for own in found.values()):
            yield Difference(name, texts)


def _lines(runs: Sequence[Run]) -> dict[str, dict[str, None]]:
    """Each line's texts over the runs of one candidate, every one once."""
    lines: dict[str, dict[str, None]] = {}
    for run in runs:
        for name, text in flat(run.fingerprint):
            if name not in APART:
                lines.setdefault(name, {})[text] = None
    return lines


def flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Nested values as lines of texts.

    >>> list(flat({"a": {"b": 1, "c": [True, None]}, "d": [{"e": "x"}]}))
    [('a.b', '1'), ('a.c', 'yes, unknown'), ('d.0.e', 'x')]
    """
    for key, value in values.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{name}.")
        elif isinstance(value, list) and any(isinstance(v, dict | list) for v in value):
            yield from flat({str(i): v for i, v in enumerate(value)}, f"{name}.")
        else:
            yield name, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown" if value is None else str(value)
