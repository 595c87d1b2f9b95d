"""Small valid records and result files, as runs leave them: for tests of what becomes
of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np

from harness.case import Case
from harness.record.derive import (
    independent_samples,
    latency_ms,
    mean_step_of_each_cycle,
)
from harness.record.result import document
from harness.record.schema import Record
from harness.report.compare.reading.gather import Gathered

CASE = Case("asr-inference", "ds2-small", "fp32", "eager", "cpu", 1)
TRAINING_CASE = Case("asr-training", "ds2-small", "fp32", "eager", "cpu", 32)
COMMIT = "155dc2d3021ecd2674880c1e1599afccee8205eb"
WORK = {
    "items_per_step": 2.0,
    "audio_s_per_step": 6.0,
    "parameters": 10,
    "macs_per_step": 1e6,
    "model_bytes": 40,
}
DETAILS = {"corpus_checksum": "c" * 64, "weights_sha256": "a" * 64}
NO_ENERGY = {
    "joules": None,
    "joules_per_audio_hour": None,
    "source": "none",
    "reason": "no powercap folder",
    "idle_watts": None,
}
RUN = {
    "schema_version": 1,
    "suite_version": "0.1.0",
    "profile": "quick",
    "hardware": ["cpu"],
    "data_root": None,
    "seed": 0,
    "git_commit": COMMIT,
    "machine_digest": "60c8fc2ee3f4fcfe",
}
MACHINE = {
    "host": "alpha",
    "cpu_model": "AMD EPYC",
    "cpu_cores_allowed": 2,
    "cpu_isa": ["avx2", "fma"],
    "memory_total_bytes": 8_000_000_000,
    "gpu_devices": [],
    "python_version": "3.11.7",
    "torch_version": "2.14.1+cu130",
    "git_commit": COMMIT,
    "git_dirty": False,
    "libraries": {"torch": "2.14.1", "numpy": "2.4.6"},
    "settings": {},
}


def metric(value: float = 0.125, **changes: Any) -> dict[str, Any]:
    """An error rate on 50 utterances, without a gate."""
    return {"value": value, "n": 50, "interval": [value - 0.025, value + 0.075]} | (
        changes
    )


def accuracy(**metrics: dict[str, Any]) -> dict[str, Any]:
    """Of these metrics by name; of a WER by default."""
    return {"metrics": metrics or {"wer": metric()}, "reason": None}


def moment(t_s: float, **changes: Any) -> dict[str, Any]:
    """A reading of the sensors, as a record's timeline has it."""
    return {
        "t_s": t_s,
        "stage": "timed",
        "worker_cpu_percent": 100.0,
        "machine_cpu_percent": 50.0,
        "rss_bytes": 2**20,
        "gpus": [],
    } | changes


def kernel(primitive: str, time_s: float, share: float, **changes: Any) -> dict:
    return {
        "primitive": primitive,
        "direction": "forward",
        "implementation": f"{primitive}_amx",
        "dtypes": "f32,f32,f32",
        "calls": 1,
        "time_s": time_s,
        "share_percent": share,
    } | changes


def kernels(*rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The kernels of two steps that took a second."""
    return {
        "rows": list(rows),
        "steps": 2,
        "wall_s": 1.0,
        "coverage_percent": 100.0,
        "claim_share_percent": 100.0,
        "unparsed_lines": 0,
    } | changes


def _identity(case: Case) -> dict[str, Any]:
    return {
        "case_id": case.id,
        "workload": case.workload,
        "model": case.model,
        "compression": case.compression,
        "runtime": case.runtime,
        "hardware": case.hardware,
        "batch_size": case.batch_size,
        "options": dict(case.options),
        "profile": "quick",
        "stage": "infer",
    }


def timing(
    processes: Sequence[Sequence[float]], cycle: int = 1, is_training: bool = False
) -> dict[str, Any]:
    """What a record says of these samples, a list of seconds a process."""
    steps = [mean_step_of_each_cycle(one, cycle).tolist() for one in processes]
    pooled = [sample for one in processes for sample in one]
    rate = len(pooled) / sum(pooled)
    medians = list(map(median, steps))
    of_inputs = processes[:1] if cycle > 1 else processes
    found = latency_ms([independent_samples(one, cycle) for one in of_inputs], medians)
    middle = fmean(medians)
    return {
        "samples_s": [list(one) for one in processes],
        "warmup_s": None if is_training else 2.0,
        "steady": None if is_training else True,
        "mean_change_percent": None,
        "processes": len(processes),
        "cycle": cycle,
        "median_s": middle,
        "median_interval_s": [middle, middle],
        "latency_ms": None if is_training else {k: asdict(v) for k, v in found.items()},
        "throughput_items_per_s": WORK["items_per_step"] * rate,
        "rtfx": WORK["audio_s_per_step"] * rate,
        "stage_s": {"timed": sum(pooled)},
    }


def record(
    *processes: Sequence[float], case: Case = CASE, cycle: int = 1, **changes: Any
) -> Record:
    """A measured case whose steps took so many seconds, a list a process; by default
    one process with one step of half a second."""
    fields = {
        "status": "ok",
        "work": WORK,
        "timing": timing(processes or [[0.5]], cycle),
        "accuracy": accuracy(),
        "energy": NO_ENERGY,
        "memory": {"peak_rss_bytes": 2**20, "peak_device_bytes": None},
        "details": DETAILS,
    }
    return Record.model_validate(_identity(case) | fields | changes)


def several(
    count: int, threads: int, *steps_per_s: float, case: Case = CASE, **changes: Any
) -> Record:
    """A case of so many workers at once, which together made so many steps a second in
    each process: two of each worker's."""
    options = (*case.options, ("instances", str(count)))
    own = [[count / rate] * 2 * count for rate in steps_per_s]
    rate = fmean(steps_per_s)
    figures = timing(own) | {
        "throughput_items_per_s": WORK["items_per_step"] * rate,
        "rtfx": WORK["audio_s_per_step"] * rate,
    }
    each = {
        "cpus": list(range(threads)),
        "numa_node": 0,
        "steps": 2 * len(steps_per_s),
        "throughput_items_per_s": WORK["items_per_step"] * rate / count,
        "rtfx": WORK["audio_s_per_step"] * rate / count,
        "median_s": count / rate,
        "latency_ms": figures["latency_ms"],
        "peak_rss_bytes": 2**20,
    }
    instances = {
        "count": count,
        "threads": threads,
        "window_s": [2 * count / one for one in steps_per_s],
        "steps_per_s": list(steps_per_s),
        "throughput_items_per_s": figures["throughput_items_per_s"],
        "rtfx": figures["rtfx"],
        "each": [{"number": n, **each} for n in range(1, count + 1)],
    }
    fields = {"timing": figures, "instances": instances}
    return record(case=replace(case, options=options), **(fields | changes))


def training(
    *epochs_s: float,
    seed: int = 0,
    targets: Sequence[tuple[float, float | None, int | None]] = (),
    case: Case = TRAINING_CASE,
    **changes: Any,
) -> Record:
    """A training whose epochs trained for so many seconds and took a second more each.
    `targets` are (level of CER, seconds to it, epochs to it)."""
    train_s = epochs_s or (2.0,)
    ends_s = np.cumsum([seconds + 1.0 for seconds in train_s]).tolist()
    curve = [
        {
            "epoch": epoch,
            "end_s": end_s,
            "train_s": seconds,
            "loss": 1.0,
            "validation_loss": 1.5,
            "errors": {"cer": 1.0 / epoch},
        }
        for epoch, (end_s, seconds) in enumerate(zip(ends_s, train_s, strict=True), 1)
    ]
    tta = {
        "window_epochs": 3,
        "targets": [
            {
                "metric": "cer",
                "level": level,
                "reached": tta_s is not None,
                "tta_s": tta_s,
                "epochs_to_target": epochs,
            }
            for level, tta_s, epochs in targets
        ],
        "s_per_epoch": ends_s[-1] / len(train_s),
        "prepare_s": 0.5,
        "total_s": ends_s[-1],
        "state_share_percent": {"train": 100.0},
        "states": [[0.0, "train"]],
        "step_s": list(train_s),
        "curve": curve,
        "seed": seed,
        "resumed": 0,
    }
    fields = {
        "stage": "train",
        "timing": timing([train_s], is_training=True),
        "tta": tta,
        "details": {"corpus_checksum": "c" * 64},
    }
    return record(case=case, **(fields | changes))


def unmeasured(status: str, reason: str, case: Case = CASE) -> Record:
    """A case that failed or was skipped."""
    return Record.model_validate(_identity(case) | {"status": status, "reason": reason})


def content(
    *records: Record,
    machine: dict[str, Any] | None = None,
    run: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A result file of these records (of one, by default) as plain values, in
    pytest-benchmark's layout; `machine` and `run` are changes."""
    found = records or (record(),)
    return {
        "machine_info": {"node": "vm", "speechmark": MACHINE | (machine or {})},
        "commit_info": {"id": COMMIT, "dirty": False},
        "benchmarks": [_benchmark(one) for one in found if one.status == "ok"],
        "datetime": "2026-11-21T02:48:06+00:00",
        "version": "5.3.1",
        "speechmark": document(RUN | (run or {}), list(found)),
    }


def _benchmark(one: Record) -> dict[str, Any]:
    assert one.timing is not None
    data = [sample for samples in one.timing.samples_s for sample in samples]
    return {
        "group": one.workload,
        "name": f"test_case[{one.case_id}]",
        "fullname": f"benchmarks/bench.py::test_case[{one.case_id}]",
        "params": {},
        "param": one.case_id,
        "extra_info": one.model_dump(mode="json"),
        "options": {"timer": "SampleClock"},
        "stats": {"rounds": len(data), "data": data},
    }


def result_file(path: Path, *records: Record, **changes: Any) -> Path:
    """Write `content` as pytest-benchmark does; the path again."""
    path.write_text(json.dumps(content(*records, **changes), indent=4))
    return path


def file(
    name: str, *records: Record, **changes: Any
) -> tuple[str, Sequence[Record], dict[str, Any]]:
    """A machine's file: its name, its records and what else is in it."""
    return name, records or (record(),), changes


def labels(gathered: Gathered) -> list[str]:
    return [one.label for one in gathered.candidates]
