"""What a compression does not change is listed, never passed over."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SkippedLayer:
    """A layer with a matrix or a tensor of weights that stayed as it is, and why."""

    name: str
    kind: str
    reason: str


def by_reason(reasons: Mapping[str, str]) -> str:
    """Reasons by name, given with the names first: many are left for the same one.

    >>> by_reason({"a": "too thin", "b": "grouped", "c": "too thin"})
    'a, c: too thin; b: grouped'
    """
    names: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(own)}: {reason}" for reason, own in names.items())
