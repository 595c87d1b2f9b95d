"""Accuracy in a record: metrics of the very weights that were timed; transcripts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from harness.metrics import Better, EditUnit
from harness.record.fields import MOST_METRICS, Count, Number, RecordPart


class AccuracyMetric(RecordPart):
    """`gate` is the largest loss that passes: a rise of the difference where lower is
    `better`, a fall where higher is. Records of before metrics had a direction hold
    none: lower is better. `fault` says why the metric fails whatever its value. `unit`,
    `title` and `edits_per_item` are what the metric says of itself, see `MetricKind`;
    None in records of before, which are read by the name."""

    value: Number
    n: Count
    interval: tuple[Number, Number]
    baseline_case: str | None = None
    difference: Number | None = None
    difference_interval: tuple[Number, Number] | None = None
    gate: Number | None = None
    passed: bool | None = None
    better: Better = "lower"
    fault: str | None = None
    unit: str | None = None
    title: str | None = None
    edits_per_item: bool | None = None


class TranscriptRecord(RecordPart):
    rank: Literal["best", "middle", "worst"]
    reference: str
    hypothesis: str
    edits: Count


class AccuracyRecord(RecordPart):
    """`edits_by_length`: for each utterance its reference's length and its edits, in
    the `edit_unit`; records without one count characters, of phonemes too. `kept`: an
    earlier run measured it, with the same weights, data, code, libraries and kernels.
    """

    metrics: Annotated[dict[str, AccuracyMetric], Field(max_length=MOST_METRICS)] | None
    reason: str | None
    edits_by_length: list[tuple[Count, Count]] = Field(default_factory=list)
    transcripts: list[TranscriptRecord] = Field(default_factory=list)
    edit_unit: EditUnit = "character"
    kept: bool = False

    @model_validator(mode="after")
    def _none_has_a_reason(self) -> AccuracyRecord:
        if not self.metrics and not self.reason:
            raise ValueError("accuracy without metrics must say why")
        return self
