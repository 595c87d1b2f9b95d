"""What a buyer asks the prices about, and which cases are good enough."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from basics.metric_kinds import MetricKind
from harness.metrics import MetricKinds, as_loss
from harness.report.compare.model import Measured, Row

MS = "_ms"  # ends the name of a limit on a percentile of the latency: "p99_ms"
PERCENTILES = ("p50", "p90", "p99", "p99_9")


class QuestionError(ValueError):
    """What was asked cannot be asked of these files, or would do nothing."""


def nearest(name: str, known: Collection[str]) -> str:
    """What may have been meant, to follow an error.

    >>> nearest("wre", ["wer", "cer"]), nearest("latency", ["wer"])
    (' (did you mean wer?)', '')
    """
    close = get_close_matches(name, known, 2)
    return f" (did you mean {' or '.join(close)}?)" if close else ""


@dataclass(frozen=True)
class Terms:
    """`utilization` is the share of all hours that a machine is busy, and no machine is
    planned to be busier; `years` is what total costs run over, each machine being paid
    for pro rata.

    `limits` are the highest error rates that will do ("wer": 0.25) and the highest
    latencies ("p99_ms": 50); `at_least` the lowest values that will do of metrics of
    which higher is better ("si_sdr_improvement": 6). A latency keeps its limit where
    the percentile's 99 % upper bound does. A metric keeps it by the value that was
    measured: its interval is shown beside it and not asked, and over other utterances
    it may be worse.
    """

    utilization: float
    years: float
    load_audio_hours_per_day: float | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    at_least: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        load = self.load_audio_hours_per_day
        if not 0.001 <= self.utilization <= 1:
            raise ValueError(
                f"utilization {self.utilization:g}: expected the share of hours that a "
                "machine is busy, from 0.001 to 1"
            )
        if not 0.1 <= self.years <= 100:
            raise ValueError(f"years {self.years:g}: expected from 0.1 to 100")
        if load is not None and not 0 < load <= 1e9:
            raise ValueError(
                f"load {load:g}: expected hours of audio a day, above 0 and at most 1e9"
            )
        for name, limit in self.limits.items():
            if not 0 <= limit < math.inf:
                raise ValueError(f"limit {name} = {limit:g}: expected 0 or more")
        for name, limit in self.at_least.items():
            if not math.isfinite(limit):
                raise ValueError(f"limit {name} = {limit:g}: expected a finite one")

    def as_recorded(self, kinds: MetricKinds) -> Terms:
        """Of terms whose limits are in the metrics' units, such as percent: those of
        the numbers that records hold."""
        limits, at_least = (
            {name: limit / kinds[name].scale for name, limit in asked.items()}
            for asked in (self.limits, self.at_least)
        )
        return replace(self, limits=limits, at_least=at_least)


def check_limits(terms: Terms, rows: Sequence[Row], kinds: MetricKinds) -> None:
    """QuestionError where a limit is put on what no case tells, or at the wrong end of
    a metric: such a slip of the pen would rule out everything, or nothing."""
    cells = [cell for row in rows for cell in row.cells.values()]
    metrics = {
        name for cell in cells if isinstance(cell, Measured) for name in cell.errors
    }
    known = sorted(metrics) + [percentile + MS for percentile in PERCENTILES]
    for name in (*terms.limits, *terms.at_least):
        if name not in known:
            raise QuestionError(
                f"limit {name}: found no case with that error or latency"
                f"{nearest(name, known)}, expected one of {', '.join(known)}"
            )
    for name, limit in terms.limits.items():
        if name in metrics and kinds[name].better == "higher":
            raise QuestionError(
                _wrong_end(kinds[name], limit, "--at-most", "--at-least")
            )
    for name, limit in terms.at_least.items():
        if name not in metrics or kinds[name].better == "lower":
            raise QuestionError(
                _wrong_end(kinds[name], limit, "--at-least", "--at-most")
            )


def _wrong_end(kind: MetricKind, limit: float, given: str, wanted: str) -> str:
    better = "higher" if wanted == "--at-least" else "lower"
    stated = f"{kind.name}={limit * kind.scale:g}"
    return (
        f"{given}={stated}: {better} is better of {kind.name}, expected "
        f"{wanted}={stated}"
    )


def beyond_limits(
    cell: Measured, terms: Terms, metrics: Collection[str] | None = None
) -> str | None:
    """Why a case does not qualify; None where it does. A percentile keeps a limit where
    its 99 % upper bound does, which takes samples enough.

    `metrics` are those that its workload tells anywhere: of several limited metrics the
    others are of other workloads. Where it tells none of them, it qualifies for none.
    """
    limits = {**terms.limits, **terms.at_least}
    on_metrics = [name for name in limits if name.removesuffix(MS) not in PERCENTILES]
    known = [name for name in on_metrics if metrics is None or name in metrics]
    for name, limit in limits.items():
        if name in on_metrics and known and name not in known:
            continue
        percentile = name.removesuffix(MS)
        reason = (
            _too_slow(cell, percentile, limit)
            if percentile in PERCENTILES
            else _too_wrong(cell, name, limit)
        )
        if reason is not None:
            return reason
    return None


def _too_wrong(cell: Measured, metric: str, limit: float) -> str | None:
    if metric not in cell.errors:
        return f"{metric} is not known"
    found, better = cell.errors[metric].value, cell.errors[metric].better
    if as_loss(found, better) <= as_loss(limit, better):
        return None
    side = "above" if better == "lower" else "below"
    return f"{metric} {found:.4g} is {side} {limit:g}"


def _too_slow(cell: Measured, percentile: str, limit_ms: float) -> str | None:
    if percentile not in cell.latency_ms:
        return f"{percentile} is not known"
    bound = cell.latency_ms[percentile]
    if bound.value is None:
        return f"{percentile} is not known: {bound.n} samples, it takes {bound.needed}"
    if bound.upper_bound is None:
        return (
            f"{percentile} of the next process is not known: found {bound.processes} "
            f"process, it takes {bound.processes_needed}"
        )
    if bound.upper_bound <= limit_ms:
        return None
    return f"{percentile} may be {bound.upper_bound:.4g} ms, above {limit_ms:g}"
