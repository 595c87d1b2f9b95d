"""A result file: pytest-benchmark's JSON with our records inside."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    FailFast,
    ValidationError,
    ValidationInfo,
)

from harness.record.pieces import hollow
from harness.record.schema import READABLE, SCHEMA_VERSION, Record
from harness.text import plain_path, quoted

T = TypeVar("T")
VERSION = ("speechmark", "schema_version")  # where it stands
LONGEST_PLACE = 500  # of a field: names in files have any length


class ResultError(Exception):
    """A result file that cannot be read; the text names file, field and remedy."""


@dataclass(frozen=True)
class Header:
    """What holds for a whole result file: who measured, and what was asked for."""

    path: Path
    machine: dict[str, Any]
    run: dict[str, Any]


@dataclass(frozen=True)
class Result:
    """A run on one machine: who measured, and every record."""

    path: Path
    machine: dict[str, Any]
    run: dict[str, Any]
    records: tuple[Record, ...]


def document(run: dict[str, Any], records: list[Record]) -> dict[str, Any]:
    """What a run adds to pytest-benchmark's document: the cases that it measured stand
    in `benchmarks` as `extra_info`, those that failed or were skipped stand here."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run": run,
        "not_measured": [
            record.model_dump(mode="json") for record in records if not is_ok(record)
        ],
    }


def is_ok(record: Record) -> bool:
    return record.status == "ok"


def load(path: Path) -> Result:
    """Read and validate a result file; ResultError says what is wrong and where."""
    header, records = read(path, _whole)
    return Result(header.path, header.machine, header.run, records)


def _whole(record: Record) -> Record:
    return record


def read(path: Path, take: Callable[[Record], T]) -> tuple[Header, tuple[T, ...]]:
    """`load`, but of each record only what `take` makes of it stays in memory: a file
    of 200 MB is records of several times that.

    A ValueError of `take` becomes a ResultError that tells the record's place.
    """
    try:
        found, measured = _parsed(path, take)
    except OSError as error:
        raise ResultError(f"cannot read {plain_path(path)}: {error.strerror}") from None
    except ValidationError as error:
        raise ResultError(f"{plain_path(path)}{_refusal(path, error)}") from None
    header = Header(path, found.machine_info.speechmark, found.speechmark.run)
    others: list[Any] = list(found.speechmark.not_measured)
    return header, (*measured, *others)


def _parsed(path: Path, take: Callable[[Record], Any]) -> tuple[_Around, list[Any]]:
    """In pieces, which takes the memory of the longest one; as a whole where the file
    is laid out in another way, and where a fault is to be told with its place."""
    measured: list[Any] = []

    def measure(piece: bytearray) -> None:
        measured.append(_Benchmark.model_validate_json(piece, context=take).extra_info)

    content: bytes | bytearray
    try:
        with path.open("rb") as lines:
            content = hollow(lines, measure)
        if measured:
            return _Hollow.model_validate_json(content, context=take), measured
    except ValidationError:
        content = path.read_bytes()
    whole = _File.model_validate_json(content, context=take)
    return whole, [benchmark.extra_info for benchmark in whole.benchmarks]


def _taken(record: Record, info: ValidationInfo) -> Any:
    """pydantic calls this with each record, and forgets the record."""
    take: Callable[[Record], Any] = info.context  # type: ignore[assignment]
    return take(record)


def _bounded(values: dict[str, Any]) -> dict[str, Any]:
    """Numbers that may be reckoned with and shown."""
    for place, number in _numbers(values, ""):
        where = f"{place.lstrip('.'):.{LONGEST_PLACE}}"
        if isinstance(number, float) and not math.isfinite(number):
            raise ValueError(f"{where} is {number}: expected a finite one")
        if isinstance(number, int) and not -(2**63) <= number < 2**63:
            raise ValueError(
                f"{where} is {quoted(number, 40)}: expected a whole number of 64 bits"
            )
    return values


def _numbers(value: Any, place: str) -> Iterator[tuple[str, float | int]]:
    """Every number in plain values, with its place."""
    if isinstance(value, float | int):
        yield place, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _numbers(inner, place + _step(name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _numbers(inner, place + _step(index))


_Taken = Annotated[Record, AfterValidator(_taken)]
_Plain = Annotated[dict[str, Any], AfterValidator(_bounded)]


class _Ours(BaseModel):
    schema_version: Literal[1, 2]
    run: _Plain = {}
    not_measured: Annotated[list[_Taken], FailFast()] = []


class _MachineInfo(BaseModel):
    speechmark: _Plain = {}


class _Benchmark(BaseModel):
    extra_info: _Taken


class _Around(BaseModel):
    """What stands around the benchmarks. What is wrong with the first field is told
    first."""

    speechmark: _Ours
    machine_info: _MachineInfo = _MachineInfo()


class _File(_Around):
    """The part of pytest-benchmark's document that is read."""

    benchmarks: Annotated[list[_Benchmark], FailFast()]


class _Hollow(_Around):
    """The same without its benchmarks, which were read before."""

    benchmarks: Annotated[list[None], FailFast()]


def _refusal(path: Path, error: ValidationError) -> str:
    """Why a file is refused, after its name. What was found there is asked for late: of
    a file that lacks its largest parts it would be the whole content once more, as
    objects."""
    plain = error.errors(include_url=False, include_input=False)
    if plain[0]["type"] == "json_invalid":
        return f" {_not_json(path, plain[0]['msg'])}"
    places = [one["loc"] for one in plain]
    if any(place in ((), ("speechmark",), ("benchmarks",)) for place in places):
        return " is no result of speechmark: it lacks 'speechmark' or 'benchmarks'"
    errors = error.errors(include_url=False)
    if VERSION in places:
        found = _found(errors[places.index(VERSION)])
        return (
            f" has schema version {found or None}; this suite reads versions "
            f"{' and '.join(map(str, READABLE))}: measure again, or use the suite's "
            "version that wrote it"
        )
    return f": {fault(error)}; the file was edited or damaged: measure again"


def _not_json(path: Path, why: str) -> str:
    if path.name.endswith(".journal.jsonl"):
        return "is the journal of a run, and no result: end that run with --resume"
    return (
        f"is not JSON ({why}); it may be truncated: its journal beside it can be "
        "resumed with --resume"
    )


def fault(error: ValidationError, *above: str | int) -> str:
    """The first fault with the path of its field, which starts with `above`, and what
    was found there."""
    first = error.errors(include_url=False)[0]
    found = _found(first)
    place = "".join(map(_step, (*above, *first["loc"]))).lstrip(".")
    message = first["msg"].removeprefix("Value error, ")
    value = f" (found {found})" if found else ""
    return f"{place:.{LONGEST_PLACE}}: {message}{value}"


def _found(one: Mapping[str, Any]) -> str:
    """A short text of what stood there; empty where nothing did."""
    is_absent = one["type"] == "missing"
    is_own = one["type"] == "value_error"  # its text has the numbers
    return "" if is_absent or is_own else quoted(one["input"], 80)


def _step(part: str | int) -> str:
    """A part of a field's path, as jq writes it.

    >>> _step("timing") + _step(3) + _step("a b")
    '.timing[3]["a b"]'
    """
    if isinstance(part, str) and re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", part):
        return f".{part:.80}"
    return f"[{json.dumps(part):.80}]"
