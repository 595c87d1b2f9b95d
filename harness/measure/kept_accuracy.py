"""Accuracies that outlive a run: what the very weights come to on the very corpus, with
the same code, libraries and kernels, does not change from one run to the next.

Values are compared with a plain path in every run all the same: a kept accuracy stands
beside arithmetic that was proven anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from basics.files import kept_whole
from basics.logged import LoggedWarnings
from harness.environment import RECORDED, is_inherited
from harness.files import cache_folder
from harness.measure.accuracy import accuracy_record
from harness.observe.fingerprint import kernel_relevant
from harness.observe.software import libraries
from harness.record.schema import AccuracyRecord
from harness.suite import code_digest
from harness.workload import Operation

FOLDER = "accuracies"
LOG = logging.getLogger("speechmark")


def accuracy_of(
    operation: Operation, case_id: str, threads: int, takes_kept: bool
) -> AccuracyRecord:
    """The operation's accuracy: one that an earlier run kept, where `takes_kept` and
    all that it depends on is as it was, else measured now, and kept.

    None is kept that fails its gate or that anything was warned of: whoever looks into
    it is to see it measured, and warned of, again. A cache that cannot be written costs
    the next run its time, and never this one.
    """
    if operation.accuracy_from is None or (folder := cache_folder()) is None:
        return accuracy_record(operation.accuracy())
    identity = identity_of(operation.accuracy_from, case_id, threads)
    path = folder / FOLDER / f"{_digest(identity)}.json"
    if takes_kept and (kept := _read(path, identity)) is not None:
        return kept.model_copy(update={"kept": True})
    warnings = LoggedWarnings()
    LOG.addHandler(warnings)
    try:
        found = accuracy_record(operation.accuracy())
    finally:
        LOG.removeHandler(warnings)
    if found.metrics and not warnings.texts and not _fails(found):
        _write(path, identity, found)
    return found


def identity_of(
    stated: Mapping[str, str], case_id: str, threads: int
) -> dict[str, Any]:
    """All that an accuracy depends on: what the workload states of weights and data,
    the case, and what may choose other kernels or another order of sums."""
    environment = {
        name: value
        for name, value in sorted(os.environ.items())
        if not is_inherited(name) or name in RECORDED
    }
    return {
        "stated": dict(stated),
        "case": case_id,
        "code_digest": code_digest(),
        "libraries": libraries(),
        "python": sys.version,
        "processor": kernel_relevant(),
        "threads": [threads, len(os.sched_getaffinity(0))],
        "environment": environment,
    }


def _digest(values: object) -> str:
    content = json.dumps(values, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _fails(found: AccuracyRecord) -> bool:
    return any(metric.passed is False for metric in (found.metrics or {}).values())


def _read(path: Path, identity: Mapping[str, Any]) -> AccuracyRecord | None:
    """None where there is none, and of a damaged or foreign file."""
    try:
        document = json.loads(path.read_text())
        if document["of"] != identity or document["digest"] != _digest(document["is"]):
            return None
        return AccuracyRecord.model_validate(document["is"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, identity: Mapping[str, Any], found: AccuracyRecord) -> None:
    plain = found.model_dump(mode="json")
    document = {"of": identity, "is": plain, "digest": _digest(plain)}
    kept_whole(path, json.dumps(document) + "\n", f"accuracy of {identity['case']}")
