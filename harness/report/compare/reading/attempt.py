"""What was tried: a case in a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.report.compare.reading.extract import Extract


@dataclass(frozen=True)
class Run:
    """What holds for a whole result file, the `number`-th of all. `machine` is its name
    as shown."""

    number: int
    file: str
    machine: str
    suite_version: str
    commit: str | None
    is_dirty: bool  # the suite's files differed from that commit
    code: str | None  # the digest of the code that measured
    seed: int
    has_data_root: bool
    variables: Mapping[str, str]  # that were passed to the workers on purpose
    fingerprint: Mapping[str, Any]


@dataclass(frozen=True)
class Attempt:
    """A case in one run: measured, failed or skipped."""

    run: Run
    extract: Extract
