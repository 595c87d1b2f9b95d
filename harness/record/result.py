"""A result file: pytest-benchmark's JSON with our records inside."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.record.schema import SCHEMA_VERSION, Record


class ResultError(Exception):
    """A result file that cannot be read; the text names file, field and remedy."""


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
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ResultError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise ResultError(
            f"{path} is not JSON ({error}); it may be truncated: its journal beside it "
            "can be resumed with --resume"
        ) from None
    ours = content.get("speechmark") if isinstance(content, dict) else None
    if not isinstance(ours, dict) or not isinstance(content.get("benchmarks"), list):
        raise ResultError(
            f"{path} is no result of speechmark: it lacks 'speechmark' or 'benchmarks'"
        )
    if ours.get("schema_version") != SCHEMA_VERSION:
        raise ResultError(
            f"{path} has schema version {ours.get('schema_version')!r}; this suite "
            f"reads version {SCHEMA_VERSION}: measure again, or use the suite's "
            "version that wrote it"
        )
    measured = [
        _record(path, _extra_info(benchmark), f"benchmarks[{index}].extra_info")
        for index, benchmark in enumerate(content["benchmarks"])
    ]
    others = [
        _record(path, value, f"speechmark.not_measured[{index}]")
        for index, value in enumerate(ours.get("not_measured", []))
    ]
    machine = content.get("machine_info", {}).get("speechmark", {})
    return Result(path, machine, ours.get("run", {}), (*measured, *others))


def _extra_info(benchmark: Any) -> Any:
    return benchmark.get("extra_info") if isinstance(benchmark, dict) else benchmark


def _record(path: Path, value: Any, where: str) -> Record:
    try:
        return Record.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in (where, *first["loc"]))
        raise ResultError(
            f"{path}: {field}: {first['msg']} (found {first['input']!r:.80}); the file "
            "was edited or damaged: measure again"
        ) from None
