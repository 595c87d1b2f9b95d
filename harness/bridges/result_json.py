"""pytest-benchmark's document with every record of a run, whatever its options kept out
of it: cases of an earlier session, disabled benchmarks, failed and skipped ones."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.stats import Stats
from pytest_benchmark.utils import safe_dumps

from basics.files import write_whole
from harness.record.result import is_ok
from harness.record.schema import Record
from harness.run_session import RunSession


def write_result(config: pytest.Config, session: RunSession, path: Path) -> None:
    """Through pytest-benchmark's own hooks, so that other plugins have their say; the
    file takes its name once it is whole. OSError where it cannot be written."""
    hook, benchmarks = config.hook, config._benchmarksession  # type: ignore[attr-defined]
    commit_info = hook.pytest_benchmark_generate_commit_info(config=config)
    hook.pytest_benchmark_update_commit_info(config=config, commit_info=commit_info)
    document = hook.pytest_benchmark_generate_json(
        config=config,
        benchmarks=[one for one in benchmarks.benchmarks if is_ours(one.extra_info)],
        include_data=True,
        machine_info=benchmarks.get_machine_info(),
        commit_info=commit_info,
    )
    known, shown = {one.case_id: one for one in session.records}, set()
    for one in document["benchmarks"]:  # a record may have changed since its test
        case_id = one["extra_info"]["case_id"]
        one["extra_info"] |= known[case_id].model_dump(mode="json")
        shown.add(case_id)
    document["benchmarks"] += [
        _benchmark(record, session.name_of(record.case_id))
        for record in session.records
        if is_ok(record) and record.case_id not in shown
    ]
    hook.pytest_benchmark_update_json(
        config=config, benchmarks=benchmarks.benchmarks, output_json=document
    )
    write_whole(path, safe_dumps(document, ensure_ascii=True, indent=4) + "\n")


def is_ours(extra_info: dict[str, Any]) -> bool:
    return "case_id" in extra_info


def _benchmark(record: Record, fullname: str) -> dict[str, Any]:
    """A record as pytest-benchmark writes one that it has seen itself."""
    assert record.timing is not None
    stats = Stats()
    for sample_s in chain.from_iterable(record.timing.samples_s):
        stats.update(sample_s)
    return {
        "group": record.workload,
        "name": fullname.rpartition("::")[2],
        "fullname": fullname,
        "params": None,
        "param": record.case_id,
        "extra_info": record.model_dump(mode="json"),
        "options": {},
        "stats": stats.as_dict() | {"data": stats.data, "iterations": 1},
    }
