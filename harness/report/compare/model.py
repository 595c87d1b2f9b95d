"""What a comparison of machines says. Everything shown, in a terminal, in Markdown, in
JSON or on a page, is read from here; nothing is computed where it is shown.

A candidate is a machine under one hardware setting: `epyc` with `cpu:threads=1`. Work
is a case without its hardware: `asr-inference/ds2-small/fp32/eager/b16`. Seconds, watts
and joules are SI; money is in the price list's currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.metrics import Better, MetricKinds
from harness.report.compare.idle import IdleCandidate as IdleCandidate
from harness.report.compare.published import PublishedTime
from harness.report.compare.qualification import Qualification
from harness.report.compare.replayed import ReplayedKernels
from harness.report.compare.work import Work as Work
from harness.report.splits import Split
from harness.statistics import PercentileBound


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval over runs and their processes; None of a single
    process. `values` are the processes' own; `runs` numbers the run of each, and is
    empty where all are of one."""

    value: float
    low: float | None
    high: float | None
    values: tuple[float, ...]
    runs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """`label` names it everywhere: the machine, and the hardware where that differs
    among the candidates."""

    machine: str
    hardware: str
    label: str
    commit: str | None
    suite_version: str
    files: tuple[str, ...]
    fingerprint: Mapping[str, Any]
    host: str | None = None  # what it gave of its best, and how that moved


@dataclass(frozen=True)
class Error:
    """An error rate, or another metric, on held-out data with its 95 % interval.

    `gate` is the largest loss that passes: so far may the `difference` rise where lower
    is `better`, and fall where higher is. The difference is to the baseline, utterance
    by utterance, with its own 95 % interval. `passed`: within the gate of its baseline;
    None where there is no gate.
    """

    value: float
    interval: tuple[float, float]
    n: int
    difference: float | None
    gate: float | None
    passed: bool | None
    better: Better = "lower"
    difference_interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class TargetTime:
    """Time to a level of a metric, over the runs that were made (one a seed)."""

    metric: str
    level: float
    runs: int
    reached: int
    tta_s: Estimate | None  # None unless every run reached it
    epochs: float | None  # mean over runs
    better: Better = "lower"


@dataclass(frozen=True)
class CurvePoint:
    """The end of an epoch: seconds since the model's creation, values by metric."""

    end_s: float
    errors: Mapping[str, float]


@dataclass(frozen=True)
class Training:
    """What a training adds. `curves`: one a run. `seeds`: one a run, in that order."""

    targets: tuple[TargetTime, ...]
    s_per_epoch: Estimate | None
    curves: tuple[tuple[CurvePoint, ...], ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class KernelShare:
    """Time of a step in one primitive and direction, with its main implementation."""

    primitive: str
    direction: str
    implementation: str
    time_s: float
    share_percent: float


@dataclass(frozen=True)
class Peak:
    """Where a case stands under the machine's roofline at its precision."""

    precision: str
    peak_flops_per_s: float
    peak_bytes_per_s: float | None
    achieved_flops_per_s: float
    fraction_of_peak: float


@dataclass(frozen=True, slots=True)  # there are hundreds of thousands of them
class Moment:
    """A reading in percent: CPU of the worker (of one core) and machine, each GPU's."""

    t_s: float
    stage: str
    worker_cpu_percent: float | None
    machine_cpu_percent: float | None
    gpu_percent: tuple[float, ...] = ()


@dataclass(frozen=True)
class Measured:
    """One work on one candidate, all its runs together.

    `gate_passed` is False where any metric fails its gate: such a case is shown, and
    ranked nowhere. `time_ratio` is this candidate's time over the baseline's (below 1
    is faster), with a 95 % interval over runs and processes of both; None without a
    verdict.
    """

    step_s: Estimate
    throughput_items_per_s: Estimate
    rtfx: Estimate
    latency_ms: Mapping[str, PercentileBound]  # "p50", "p90", "p99", "p99_9"
    errors: Mapping[str, Error]
    errors_reason: str | None
    gate_passed: bool | None
    training: Training | None
    joules_per_audio_hour: Estimate | None
    energy_source: str
    energy_reason: str | None
    peak_rss_bytes: int | None
    peak_device_bytes: int | None
    model_bytes: int | None
    peak: Peak | None
    kernels: tuple[KernelShare, ...]
    kernels_coverage_percent: float | None
    timeline: tuple[Moment, ...]
    spoiled: bool
    warnings: tuple[str, ...]
    time_ratio: Estimate | None = None
    beyond_limits: str | None = None  # why it does not qualify; None where it does
    split: Split | None = None  # workers at once, and their threads
    refuted: bool = False  # it did not run in the precision that its name claims
    replayed: ReplayedKernels | None = None


@dataclass(frozen=True)
class NotMeasured:
    """A case that failed or was skipped there, or is not in the files: `missing`."""

    status: str
    reason: str


@dataclass(frozen=True)
class Mismatch:
    """A fact of the work in which candidates differ, so that no verdict is given.

    `what` is one of match.KINDS, which `--allow` takes; `work` is None where it holds
    for a whole file. `found` has each candidate's value, as text, by label.
    """

    what: str
    work: Work | None
    found: Mapping[str, str]
    allowed: bool


@dataclass(frozen=True)
class Row:
    """One work over all candidates, by label. `same` is False where they did not do the
    same work and that was not allowed: there are no ratios, and nothing is ranked."""

    work: Work
    cells: Mapping[str, Measured | NotMeasured]
    same: bool
    labels: tuple[str, ...] = ()  # what was allowed although it differs


@dataclass(frozen=True)
class Difference:
    """A line of the fingerprints in which the candidates differ."""

    name: str
    found: Mapping[str, str]


@dataclass(frozen=True)
class LeftOut:
    work: Work
    reason: str


@dataclass(frozen=True)
class Score:
    """The weighted geometric mean of speed ratios to the baseline: above 1 is faster.

    `low` and `high` are the 95 % interval (Welch's), `rank_shares` how often the
    candidate came first, second, ... in the bootstrap; None where doubt is not known.
    `per_money` is the score divided by that of the baseline's price per hour; None
    without prices.
    """

    candidate: str
    score: float
    low: float | None
    high: float | None
    rank_shares: tuple[float, ...] | None
    per_money: float | None


@dataclass(frozen=True)
class Saturated:
    """A work that counts with what whole machines carry: by candidate the split that
    carries the most there. `spoiled`: other load disturbed one of them."""

    work: Work
    splits: Mapping[str, Split | None]
    spoiled: bool = False


@dataclass(frozen=True)
class Ranking:
    """Scores from best to worst. `wins[a][b]` is P(a is faster than b); `order_share`
    how often bootstrap found this very order; `reason` says why there is no doubt.

    `few_runs`: candidates of too few runs to tell how much runs vary: what is allowed
    for that stands in intervals, and no probability is above clusters.MOST_SURE.
    """

    scores: tuple[Score, ...]
    wins: Mapping[str, Mapping[str, float]] | None
    order_share: float | None
    works: tuple[Work, ...]
    left_out: tuple[LeftOut, ...]
    weights: Mapping[str, float]  # by workload, as used; they add up to 1
    reason: str | None
    baseline: str = ""  # what scores are to; empty: the comparison's
    few_runs: tuple[str, ...] = ()
    saturated: tuple[Saturated, ...] = ()  # other works count with a single worker


@dataclass(frozen=True)
class Price:
    """What an hour of a candidate costs.

    `per_busy_hour` at the stated utilization, with the energy as far as it is known;
    `energy_note` says what stands for it. `published`: not a candidate, but a machine
    of a document, under its name there. `description` and `source` are the price
    list's.
    """

    candidate: str
    is_rented: bool
    per_busy_hour: float
    fixed_per_year: float
    energy_per_busy_hour: float | None
    energy_note: str
    published: bool = False
    description: str = ""
    source: str = ""


@dataclass(frozen=True)
class Serving:
    """The cheapest way to transcribe an hour of audio with one model on a candidate,
    among the cases within the limits; `work` None, with the reason, where none is.

    `per_audio_hour_low` and `per_audio_hour_high` are the price of a busy hour over the
    ends of the RTFx's 95 % interval; None of a single process.
    """

    workload: str
    model: str
    candidate: str
    work: Work | None
    reason: str | None
    per_audio_hour: float | None = None
    joules_per_audio_hour: float | None = None
    audio_hours_per_money: float | None = None
    rtfx: float | None = None
    p99_ms: float | None = None
    errors: Mapping[str, float] = field(default_factory=dict)
    per_audio_hour_low: float | None = None
    per_audio_hour_high: float | None = None


@dataclass(frozen=True)
class AccuracyCost:
    """TTA times the price per hour. `published`: the time stands in a document, the
    `source`, and was not measured by this suite; what its machine costs an hour rests
    on the life that the price list assumes."""

    work: Work
    candidate: str
    metric: str
    level: float
    tta_s: float
    cost: float
    published: bool = False
    source: str = ""


@dataclass(frozen=True)
class BreakEven:
    """From which utilization on `owned` is cheaper per hour of audio than `other`;
    None, with the reason, where it never is, or where one `other` cannot carry the
    load and the costs over the load must tell."""

    workload: str
    model: str
    owned: str
    other: str
    utilization: float | None
    reason: str | None


@dataclass(frozen=True)
class LoadCost:
    """What a stated load costs over the years: so many machines, with their energy or
    rent. An owned machine is paid for pro rata, by the year: of a life of four years,
    two cost half its purchase, and eight twice; nobody is charged whole lives.
    `cost_low` and `cost_high` are the costs at the ends of the RTFx's interval."""

    workload: str
    model: str
    candidate: str
    audio_hours_per_day: float
    machines: int
    cost: float
    cost_low: float | None = None
    cost_high: float | None = None


@dataclass(frozen=True)
class Money:
    """All that follows from the price list, and what it was asked for. `warnings` say
    where costs of one candidate have what those of another lack."""

    currency: str
    utilization: float
    years: float
    load_audio_hours_per_day: float | None
    limits: Mapping[str, float]  # at most: "wer": 0.25, "p99_ms": 50
    prices: tuple[Price, ...]
    serving: tuple[Serving, ...]
    to_accuracy: tuple[AccuracyCost, ...]
    break_even: tuple[BreakEven, ...]
    total: tuple[LoadCost, ...]  # for the stated load
    over_load: tuple[LoadCost, ...]  # the same over a range of loads, for the picture
    warnings: tuple[str, ...] = ()
    at_least: Mapping[str, float] = field(default_factory=dict)  # "si_sdr": 6


@dataclass(frozen=True)
class Comparison:
    """Everything. `baseline` is the label that ratios are to; `software` are the
    differences that hardware does not explain, the most important first; `metrics` is
    what the records state of theirs."""

    candidates: tuple[Candidate, ...]
    baseline: str
    rows: tuple[Row, ...]
    mismatches: tuple[Mismatch, ...]
    differences: tuple[Difference, ...]
    ranking: Ranking | None
    money: Money | None
    published: tuple[PublishedTime, ...]
    warnings: tuple[str, ...]
    software: tuple[Difference, ...] = ()
    qualification: Qualification | None = None  # None: no limits
    metrics: MetricKinds = field(default_factory=MetricKinds)
    idle: tuple[IdleCandidate, ...] = ()
