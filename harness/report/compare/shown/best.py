"""The best of each model on a single machine: what does most audio a second, and which
compression within its gate gains most over the model as it was trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.metrics import MetricKinds
from harness.report.compare.model import Comparison, Measured, Work
from harness.report.compare.shown.cases import Case, cases, is_verdict
from harness.report.compare.shown.columns import rate_of
from harness.report.tables.table import (
    Table,
    figure_column,
    number_column,
    text_column,
    without_empty,
)


@dataclass(frozen=True)
class BestCompression:
    """The fastest case with a gate that it passes. `baseline` is the fastest of the
    uncompressed model that did the same: of the same batch size and options, on any
    runtime."""

    case: Case
    baseline: Case

    @property
    def gain(self) -> float:
        """Its rate over the baseline's."""
        return _rate(self.case) / _rate(self.baseline)

    @property
    def is_spoiled(self) -> bool:
        """Whether either was disturbed: the gain may be too small, or too large."""
        return self.case.measured.spoiled or self.baseline.measured.spoiled


@dataclass(frozen=True)
class BestOfModel:
    """`fastest` is the case of the highest rate among those with a verdict."""

    workload: str
    model: str
    fastest: Case
    compression: BestCompression | None

    @property
    def name(self) -> str:
        return f"{self.workload} / {self.model}"


def best_of_models(comparison: Comparison) -> list[BestOfModel]:
    """Of every model of a workload, in the order of the works; those of one machine.
    What is beyond the limits counts for nothing, nor what has no accuracy in a workload
    that has one."""
    every = list(cases(comparison))
    judged = {case.row.work.workload for case in every if case.measured.errors}
    found: dict[tuple[str, str], list[Case]] = {}
    for case in filter(is_verdict, every):
        is_judged = case.measured.errors or case.row.work.workload not in judged
        if case.measured.beyond_limits is not None or not is_judged:
            continue
        work = case.row.work
        found.setdefault((work.workload, work.model), []).append(case)
    return [
        BestOfModel(*name, max(some, key=_rate), _best_compression(some))
        for name, some in found.items()
    ]


def _rate(case: Case) -> float:
    return rate_of(case.measured).value


def _best_compression(some: Sequence[Case]) -> BestCompression | None:
    gains = list(_gains(some))
    return max(gains, key=lambda one: one.gain, default=None)


def _gains(some: Sequence[Case]) -> Iterator[BestCompression]:
    """What has a gate is compressed, and what has none is what it is held against."""
    baselines: dict[object, Case] = {}
    for case in sorted(some, key=_rate):
        if case.measured.gate_passed is None and case.measured.errors:
            baselines[_same_inputs(case.row.work)] = case
    for case in some:
        baseline = baselines.get(_same_inputs(case.row.work))
        if case.measured.gate_passed and baseline and _rate(baseline):
            yield BestCompression(case, baseline)


def _same_inputs(work: Work) -> object:
    return work.batch_size, work.options


def best_table(found: Sequence[BestOfModel], kinds: MetricKinds) -> Table:
    """A row a model. Rates are RTFx, or items a second where there is no audio."""
    rates = [rate_of(one.fastest.measured) for one in found]
    gains = [one.compression.gain if one.compression else None for one in found]
    columns = (
        text_column("workload", (one.workload for one in found), is_name=True),
        text_column("model", (one.model for one in found), is_name=True),
        text_column("fastest", (variant_of(one.fastest) for one in found)),
        number_column("rate", (rate.value for rate in rates)),
        text_column("is in", (rate_unit(one.fastest.measured) for one in found)),
        text_column("best compression", map(_compression_text, found)),
        number_column("speed", gains, unit="x uncompressed"),
        text_column("its times", (_spoiled_text(one) for one in found)),
        figure_column("accuracy changes by", (_loss_text(one, kinds) for one in found)),
    )
    notes = (
        "The best compression gains most over the fastest case of the model as it was "
        "trained, at one batch size and of one length, and passes its gate.",
    )
    has_gains = any(gain is not None for gain in gains)
    return Table(
        "best",
        "The best of each model",
        without_empty(columns),
        notes if has_gains else (),
    )


def variant_of(case: Case) -> str:
    """What of the work's id its workload and model do not tell."""
    work = case.row.work
    return str(work)[len(f"{work.workload}/{work.model}/") :]


def rate_unit(measured: Measured) -> str:
    return "RTFx" if measured.rtfx.value else "items/s"


def _compression_text(one: BestOfModel) -> str | None:
    return variant_of(one.compression.case) if one.compression else None


def _spoiled_text(one: BestOfModel) -> str | None:
    return "spoiled" if one.compression and one.compression.is_spoiled else None


def _loss_text(one: BestOfModel, kinds: MetricKinds) -> str | None:
    """By how much its first metric with a gate changed, utterance by utterance."""
    if one.compression is None:
        return None
    errors = one.compression.case.measured.errors
    gated = [name for name in kinds.in_order(errors) if errors[name].passed]
    difference = errors[gated[0]].difference if gated else None
    if difference is None:
        return None
    kind = kinds[gated[0]]
    return f"{kind.title} {difference * kind.scale:+.2f} {kind.unit}".rstrip()
