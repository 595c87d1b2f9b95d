"""Kernels in a record: which ran, and what share of the machine's peak they reached."""

from __future__ import annotations

from typing import Literal

from harness.observe.kernels import ONEDNN_LOG
from harness.record.fields import Amount, Count, Percent, RecordPart, Seconds


class Kernel(RecordPart):
    primitive: str
    direction: str
    implementation: str
    dtypes: str
    calls: Count
    time_s: Seconds
    share_percent: Percent | None
    overlaps: bool = False  # with others of its kind on other threads: in no sum


class ReplayedPrimitive(RecordPart):
    """One distinct primitive: the mean of its calls in the step, and medians of replays
    with its data in the caches and without."""

    primitive: str
    direction: str
    implementation: str
    dtypes: str
    problem: str
    calls: Count
    observed_s: Seconds
    hot_s: Seconds
    cold_s: Seconds | None


class Replays(RecordPart):
    """Primitives of the log, each run alone again: over all that were reproduced, which
    have `reproduced_percent` of the logged time, observed and projected (hot) time, and
    the share of it whose observed time lies between hot and cold. `most_to_gain`: those
    that would gain most, ten at most."""

    steps: Count
    reproduced_percent: Percent
    observed_s: Seconds
    projected_s: Seconds
    bracketed_percent: Percent
    most_to_gain: list[ReplayedPrimitive]


class Kernels(RecordPart):
    """The kernels of `steps` steps, as `source` has them. `float_layers` of a step run
    in float on purpose, whatever the compression's name claims, and take
    `float_percent` of the compute kernels' time. `claim`: whether the precision of the
    case's name is proven, as `claims.judge` tells; None in earlier records, which took
    a single kernel for a proof. `replays`: of profiles that take them."""

    source: str = ONEDNN_LOG
    rows: list[Kernel]
    steps: Count
    wall_s: Seconds
    coverage_percent: Percent | None
    claim_share_percent: Percent | None
    unparsed_lines: Count
    float_layers: Count = 0
    float_percent: Percent | None = None
    covered_percent: Percent | None = None
    claim: Literal["proven", "unproven", "refuted"] | None = None
    replays: Replays | None = None


class Roofline(RecordPart):
    precision: str
    peak_flops_per_s: Amount | None
    peak_bytes_per_s: Amount | None
    achieved_flops_per_s: Amount | None
    fraction_of_peak: Amount | None
    reason: str | None = None
    operation: str | None = None  # and library, that set the peak
    doubt: str | None = None  # of the peak: what disturbed it
