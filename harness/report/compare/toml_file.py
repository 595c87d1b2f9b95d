"""Files that a buyer writes by hand: TOML, read into a pydantic model, every mistake
told in one sentence: file, table, key, what was found, what is expected."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

SHOWN = 80  # characters of what was found


class Table(BaseModel):
    """Closed to keys that nobody reads. The `description` of a field is what a sentence
    says is expected of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


AnyTable = TypeVar("AnyTable", bound=Table)


def read(path: Path, model: type[AnyTable]) -> AnyTable:
    """The file's content; ValueError is one sentence."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # bytes that are no UTF-8, or no TOML
        raise ValueError(f"{path} is not TOML: {error}") from None
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ValueError(_sentence(path, model, error)) from None


def table_name(*parts: object) -> str:
    """As a file spells it.

    >>> print(table_name("machines", "a b"), table_name())
    [machines."a b"] the top of the file
    """
    if not parts:
        return "the top of the file"
    first, *rest = parts
    return "[" + ".".join([str(first), *(f'"{part}"' for part in rest)]) + "]"


def _sentence(path: Path, model: type[Table], error: ValidationError) -> str:
    first = error.errors()[0]
    *tables, key = first["loc"]
    fields, expected = _on_the_way(model, first["loc"])
    where, found = f"{path}: {table_name(*tables)}", _shown(first["input"])
    if first["type"] == "extra_forbidden":
        known = ", ".join(fields)
        return (
            f"{where}: found the unknown key {key} = {found}, expected one of {known}"
        )
    if first["type"] == "missing":
        found = "nothing"
    return f"{where}: {key}: found {found}, expected {expected}"


def _shown(found: object) -> str:
    text = repr(found)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def _on_the_way(
    model: type[Table], location: tuple[int | str, ...]
) -> tuple[Mapping[str, FieldInfo], str]:
    """The keys of the table where a mistake is, and what its key expects."""
    fields: Mapping[str, Any] = model.model_fields
    expected = ""
    entries: type[Table] | None = None
    for part in location:
        if entries is not None:  # `part` is the name of one of a table's tables
            fields, entries = entries.model_fields, None
        elif part in fields:
            expected = fields[str(part)].description or ""
            entries = _table_of_entries(fields[str(part)].annotation)
    return fields, expected


def _table_of_entries(annotation: object) -> type[Table] | None:
    """Table for `dict[str, Table]`, None for all else."""
    inner = get_args(annotation)[-1:]
    return inner[0] if inner and _is_table(inner[0]) else None


def _is_table(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Table)
