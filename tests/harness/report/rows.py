"""Makes rows of a comparison as short as a test needs them."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log
from pathlib import Path
from statistics import fmean
from typing import Any

from harness.report.compare.model import (
    Candidate,
    Error,
    Estimate,
    Measured,
    NotMeasured,
    Row,
    TargetTime,
    Training,
    Work,
)
from harness.report.compare.money.prices import Machine, PriceList
from harness.report.compare.terms import Terms
from harness.statistics import PercentileBound


def estimate(*values: float) -> Estimate:
    """Of a process in each of so many runs: their geometric mean, here without an
    interval."""
    runs = tuple(range(len(values)))
    return Estimate(exp(fmean(map(log, values))), None, None, values, runs)


def candidate(label: str, machine: str | None = None) -> Candidate:
    return Candidate(machine or label, "cpu", label, None, "0.1.0", (), {})


def work(workload: str = "asr-inference", batch_size: int = 1, **axes: str) -> Work:
    model = axes.get("model", "ds2-small")
    return Work(workload, model, axes.get("compression", "fp32"), "eager", batch_size)


def bound(upper: float | None, n: int = 1000, needed: int = 662) -> PercentileBound:
    """Of a percentile in milliseconds; None where samples are too few."""
    return PercentileBound(None if upper is None else upper / 2, upper, n, needed)


def error(value: float, passed: bool | None = None) -> Error:
    return Error(value, (value, value), 100, None, None, passed)


def measured(*step_s: float, rtfx: float = 100.0, **changes: Any) -> Measured:
    """A case of that many runs of a process, with a WER of 10 % by default."""
    fields: dict[str, Any] = {
        "step_s": estimate(*(step_s or (1.0,))),
        "throughput_items_per_s": estimate(1.0),
        "rtfx": estimate(rtfx),
        "latency_ms": {},
        "errors": {"wer": error(0.1)},
        "errors_reason": None,
        "gate_passed": None,
        "training": None,
        "joules_per_audio_hour": None,
        "energy_source": "none",
        "energy_reason": None,
        "peak_rss_bytes": None,
        "peak_device_bytes": None,
        "model_bytes": None,
        "peak": None,
        "kernels": (),
        "kernels_coverage_percent": None,
        "timeline": (),
        "spoiled": False,
        "warnings": (),
    }
    return Measured(**(fields | changes))


def reached(level: float, *tta_s: float, metric: str = "cer") -> TargetTime:
    """A level that every run reached, in so many seconds; without any, that one of two
    runs missed."""
    runs = len(tta_s) or 2
    time = estimate(*tta_s) if tta_s else None
    return TargetTime(metric, level, runs, len(tta_s) or 1, time, None)


def trained(*targets: TargetTime, s_per_epoch: float = 1.0, **changes: Any) -> Measured:
    """A training with those targets."""
    training = Training(targets, estimate(s_per_epoch), (), ())
    return measured(training=training, **changes)


def row(
    of: Work, cells: Mapping[str, Measured | NotMeasured], same: bool = True
) -> Row:
    return Row(of, cells, same)


# One machine that is bought and one that is rented.
# 3,506.40 / 4 years = 876.60 a year = 0.1 x 8766 h: 0.20 an hour at half of all hours.
OWNED = Machine(purchase=3506.40, life_years=4)
RENTED = Machine(per_hour=0.50)
CANDIDATES = (candidate("own"), candidate("rent"))
PRICES = PriceList(Path("prices.toml"), "USD", {"own": OWNED, "rent": RENTED})
HALF = Terms(utilization=0.5, years=2)


def one_row(
    own: Measured | NotMeasured | None = None,
    rent: Measured | NotMeasured | None = None,
    same: bool = True,
) -> Row:
    """One work on both, four times as fast on the rented one unless told otherwise."""
    cells = {"own": own or measured(rtfx=100), "rent": rent or measured(rtfx=400)}
    return row(work(), cells, same)
