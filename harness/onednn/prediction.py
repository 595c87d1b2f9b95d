"""A log's primitives on another machine: by the peaks that a result file measured.

A kernel is taken to reach the same share of its roofline there as here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.observe.onednn.execution import Execution
from harness.observe.onednn.replay.projection import weighted_median
from harness.observe.onednn.total import Total
from harness.onednn.costs import cost_of
from harness.onednn.views import keyed_columns
from harness.record.result import load
from harness.report.tables.table import (
    Table,
    formatted_column,
    number_column,
    whole_column,
)
from harness.text import plain_path

SEPARATOR = "@"  # between a result file and one of its hardware settings
Key = tuple[str, str, str, str]  # of one primitive on every machine


@dataclass(frozen=True)
class HardwarePeaks:
    """Of one hardware setting in a result file."""

    name: str
    flops_per_s: Mapping[str, float]  # by precision
    bytes_per_s: float


def file_and_hardware(text: str) -> tuple[Path, str]:
    """Of FILE or FILE@HARDWARE; a file's own name may have an @, too."""
    name, _, hardware = text.rpartition(SEPARATOR)
    if not name or Path(text).exists():
        return Path(text), ""
    return Path(name), hardware


def peaks_of(text: str) -> HardwarePeaks:
    """Of FILE or FILE@HARDWARE. ValueError where it has none."""
    path, hardware = file_and_hardware(text)
    records = load(path).records
    there = dict.fromkeys(record.hardware for record in records if record.roofline)
    chosen = hardware or next(iter(there), "")
    if chosen not in there:
        raise ValueError(
            f"{plain_path(path)} has no peaks of {chosen or 'any hardware'}: it has "
            f"those of {', '.join(there) or 'none'}; give FILE{SEPARATOR}HARDWARE"
        )
    flops: dict[str, float] = {}
    memory = 0.0
    for record in records:
        found = record.roofline
        if record.hardware != chosen or found is None:
            continue
        if found.peak_flops_per_s:
            best = flops.get(found.precision, 0.0)
            flops[found.precision] = max(best, found.peak_flops_per_s)
        memory = max(memory, found.peak_bytes_per_s or 0.0)
    if not flops or not memory:
        raise ValueError(
            f"{plain_path(path)} has no peaks of {chosen} that were measured"
        )
    return HardwarePeaks(f"{path.stem}{SEPARATOR}{chosen}", flops, memory)


@dataclass(frozen=True)
class Predicted:
    """One distinct primitive; the measured time where a log of the target has it."""

    execution: Execution
    calls: int
    observed_ms: float
    predicted_ms: float
    measured_ms: float | None = None

    @property
    def error(self) -> float | None:
        if not self.measured_ms:
            return None
        return self.predicted_ms / self.measured_ms - 1


@dataclass(frozen=True)
class Prediction:
    rows: tuple[Predicted, ...]
    left_ms: float  # of what has no known cost, or no peak

    @property
    def observed_ms(self) -> float:
        return sum(row.calls * row.observed_ms for row in self.rows)

    @property
    def predicted_ms(self) -> float:
        return sum(row.calls * row.predicted_ms for row in self.rows)

    @property
    def median_error(self) -> float | None:
        """Weighted by measured time; None where nothing was measured."""
        known = [
            (abs(row.error), row.calls * (row.measured_ms or 0.0))
            for row in self.rows
            if row.error is not None
        ]
        return weighted_median(known) if known else None

    @property
    def measured_ms(self) -> float:
        """Of what the target's log has, at the calls of the log that is predicted."""
        return sum(row.calls * (row.measured_ms or 0.0) for row in self.rows)

    @property
    def total_error(self) -> float | None:
        """Of the sum of all that was measured."""
        known = (row for row in self.rows if row.measured_ms)
        predicted = sum(row.calls * row.predicted_ms for row in known)
        return predicted / self.measured_ms - 1 if self.measured_ms else None

    @property
    def matched(self) -> float:
        """Share of the predicted time whose primitives that log has."""
        known = (row.calls * row.predicted_ms for row in self.rows if row.measured_ms)
        return sum(known) / self.predicted_ms if self.predicted_ms else 0.0


def predicted(
    found: Mapping[Execution, Total],
    source: HardwarePeaks,
    target: HardwarePeaks,
    measured: Mapping[Execution, Total] | None = None,
) -> Prediction:
    times = _by_key(measured or {})
    rows, left_ms = [], 0.0
    for execution, total in found.items():
        if execution.kind != "primitive" or total.mean_ms is None:
            continue
        factor = _factor(execution, source, target)
        if factor is None:
            left_ms += total.time_ms
            continue
        rows.append(
            Predicted(
                execution,
                total.calls - total.untimed,
                total.mean_ms,
                factor * total.mean_ms,
                times.get(_key(execution)),
            )
        )
    rows.sort(key=lambda row: -row.calls * row.predicted_ms)
    return Prediction(tuple(rows), left_ms)


def _factor(
    execution: Execution, source: HardwarePeaks, target: HardwarePeaks
) -> float | None:
    cost = cost_of(execution)
    if cost is None:
        return None
    least = []
    for one in (source, target):
        flops = one.flops_per_s.get(cost.precision) if cost.macs else math.inf
        if flops is None:
            return None
        least.append(cost.least_s(flops, one.bytes_per_s))
    return least[1] / least[0] if least[0] else None


def _by_key(measured: Mapping[Execution, Total]) -> dict[Key, float]:
    """Mean times in ms, whatever kernel the other machine chose."""
    sums: dict[Key, Total] = {}
    for execution, total in measured.items():
        one = sums.setdefault(_key(execution), Total())
        one.calls += total.calls
        one.untimed += total.untimed
        one.time_ms += total.time_ms
    return {key: one.mean_ms for key, one in sums.items() if one.mean_ms is not None}


def _key(execution: Execution) -> Key:
    return (
        *(execution.primitive, execution.direction),
        *(execution.dtypes, execution.problem),
    )


def prediction_table(found: Prediction) -> Table:
    rows = found.rows
    columns = (
        *keyed_columns(
            [row.execution for row in rows],
            ("primitive", "direction", "dtypes", "problem"),
        ),
        whole_column("calls", (row.calls for row in rows)),
        number_column("observed", (row.observed_ms for row in rows), unit="ms"),
        number_column("predicted", (row.predicted_ms for row in rows), unit="ms"),
        number_column("measured", (row.measured_ms for row in rows), unit="ms"),
        formatted_column(
            "error %",
            (None if row.error is None else 100 * row.error for row in rows),
            "+.1f",
        ),
    )
    kept = tuple(one for one in columns if not one.is_empty)
    return Table("prediction", "primitives on another machine", kept)


def prediction_lines(
    found: Prediction, source: str, target: str, is_measured: bool
) -> Iterator[str]:
    yield (
        f"observed on {source}: {found.observed_ms:,.4g} ms; predicted on {target}: "
        f"{found.predicted_ms:,.4g} ms"
    )
    if found.left_ms:
        yield f"left out: {found.left_ms:,.4g} ms of what has no known cost or peak"
    if not is_measured:
        yield (
            "its error is not known here: --measured with a log of the same program on "
            "that machine tells it"
        )
    elif found.median_error is None or found.total_error is None:
        yield "its error is not known: the measured log has none of these primitives"
    else:
        yield (
            f"error: {100 * found.median_error:.1f} % in the median over the time, "
            f"{100 * found.total_error:+.1f} % of the sum; the measured log has "
            f"{100 * found.matched:.0f} % of the predicted time"
        )
