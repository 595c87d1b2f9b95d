"""A comparison as JSON: every figure that is shown anywhere, for other programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from harness.report.compare.model import Comparison, Moment, Work
from harness.report.compare.shown.verdict import verdict

FORMAT = "speechmark-comparison"
FORMAT_VERSION = 1


def document(comparison: Comparison) -> dict[str, Any]:
    """Plain dicts, lists, texts and numbers, with the names of the model; a work is its
    id, a timeline has a list a field. What is not known is null. `verdict` has the
    sentences that are shown."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "verdict": list(verdict(comparison)),
        **_plain(comparison),
    }


def as_json(comparison: Comparison, most_bytes: float = math.inf) -> str:
    """The document in strict JSON: no NaN, no infinity; nothing where it would take
    more than `most_bytes`."""
    whole = document(replace(comparison, rows=()))
    whole["verdict"] = list(verdict(comparison))  # of all rows
    del whole["rows"]
    parts, size = [_json(whole)[:-1] + ', "rows": ['], 0
    for row in comparison.rows:
        parts.append(_json(_plain(row)))
        size += len(parts[-1].encode("utf-8", "replace"))
        if size > most_bytes:
            return ""
    return parts[0] + ", ".join(parts[1:]) + "]}\n"


def _json(plain: Any) -> str:
    return json.dumps(plain, allow_nan=False, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Work):
        return str(value)
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if value and isinstance(value[0], Moment):
        return _columns(value)
    return [_plain(inner) for inner in value]


def _columns(moments: Sequence[Moment]) -> dict[str, list[Any]]:
    """Hundreds of readings a case: their names once."""
    return {f.name: [getattr(one, f.name) for one in moments] for f in fields(Moment)}
