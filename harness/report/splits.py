"""How a machine is best shared out: several workers at once, or one on all cores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.case import without_instances
from harness.clusters import cell_of, ratio_of
from harness.record.result import is_ok
from harness.record.schema import Record
from harness.report.tables.table import number


@dataclass(frozen=True)
class Split:
    """So many workers at once, of so many threads each."""

    workers: int
    threads: int

    def __str__(self) -> str:
        """
        >>> str(Split(8, 4))
        '8 x 4'
        """
        return f"{self.workers} x {self.threads}"


def split_of(record: Record) -> Split | None:
    """None where a record tells of no threads, as those of before."""
    if record.instances is not None:
        return Split(record.instances.count, record.instances.threads)
    asked = record.threads.asked if record.threads else None
    return None if asked is None else Split(1, asked)


def best_splits(records: Sequence[Record]) -> Iterator[str]:
    """A sentence for each case that was measured in several instances: which split
    carries the most, and how much more that is than one worker on all cores."""
    for some in _by_case(records).values():
        several = [one for one in some if one.instances is not None]
        if several:
            alone = next((one for one in some if one.instances is None), None)
            yield _sentence(several, alone)


def _by_case(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Records that differ in instances alone, by the id of the case without them."""
    found: dict[str, list[Record]] = {}
    for record in filter(is_ok, records):
        if record.tta is None:
            found.setdefault(_id_of_one(record), []).append(record)
    return found


def _id_of_one(record: Record) -> str:
    options = without_instances(tuple(record.options.items()))
    bare = record.case_id.split("/")[:6]
    return "/".join((*bare, *(f"{name}={value}" for name, value in options)))


def _sentence(several: Sequence[Record], alone: Record | None) -> str:
    best = max(several, key=_rate)
    if alone is None:
        others = f", the best of {len(several)} splits" if len(several) > 1 else ""
        return (
            f"split: {split_of(best)} carries {number(_rate(best))} items/s{others}: "
            f"{best.case_id}; one worker on all cores was not measured{_doubt([best])}"
        )
    one, ratio = split_of(alone) or "one worker", _ratio(best, alone)
    doubt = _doubt([best, alone])
    if _rate(best) > _rate(alone):
        return f"split: {split_of(best)} gives {ratio} {one}: {best.case_id}{doubt}"
    return (
        f"split: {one} carries the most, and {split_of(best)}, the best of several "
        f"workers, gives {ratio} it: {alone.case_id}{doubt}"
    )


def _doubt(records: Sequence[Record]) -> str:
    spoiled = any(one.timing.spoiled for one in records if one.timing)
    return "; other load spoiled the times" if spoiled else ""


def _rate(record: Record) -> float:
    assert record.timing is not None, "the schema wants a timing of what is ok"
    return record.timing.throughput_items_per_s


def _ratio(best: Record, alone: Record) -> str:
    """Of what they do, with the interval over processes where there are several."""
    found = ratio_of(cell_of(_rates(best), ()), cell_of(_rates(alone), ()))
    value = f"{number(_rate(best) / _rate(alone))} times"
    if found.low is None or found.high is None:
        return value
    interval = f"{number(found.low)} to {number(found.high)}"
    return f"{value} (95 % interval {interval})"


def _rates(record: Record) -> list[float]:
    """Steps per second of each process."""
    if record.instances is not None:
        return record.instances.steps_per_s
    assert record.timing is not None
    return [len(samples) / sum(samples) for samples in record.timing.samples_s]
