"""What share of the machine's measured peak a step reaches: one peak a run for each
hardware and precision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from harness.observe.roofline import Peaks, fraction_of_peak
from harness.record.schema import Record, Roofline, WorkRecord

WARNING = "fraction_of_peak "  # what each warning of it begins with


def roofline_of(peaks: Peaks, work: WorkRecord, seconds: float) -> Roofline:
    """`seconds` are those of a step in the mean, of several workers together."""
    achieved, fraction, peak = None, None, peaks.flops_per_s
    if work.macs_per_step:
        achieved = 2 * work.macs_per_step / seconds
        fraction = fraction_of_peak(work.macs_per_step, seconds, peak) if peak else None
    return Roofline(
        precision=peaks.precision,
        peak_flops_per_s=peak,
        peak_bytes_per_s=peaks.bytes_per_s,
        achieved_flops_per_s=achieved,
        fraction_of_peak=fraction,
        operation=peaks.operation,
        doubt=peaks.doubt,
        reason=peaks.reason
        or (None if achieved else "this step has no multiply-accumulates to count"),
    )


def peak_warnings(roofline: Roofline, again: bool = False) -> list[str]:
    """Nothing is faster than the machine: the peak, or the count of work, is wrong.
    `again` is whether the peak was measured twice."""
    fraction, achieved = roofline.fraction_of_peak, roofline.achieved_flops_per_s
    peak = roofline.peak_flops_per_s
    if fraction is None or achieved is None or peak is None:
        return []
    doubt = f"; {roofline.doubt}" if roofline.doubt else ""
    if fraction > 1:
        return [
            f"{WARNING}is wrong: {achieved / 1e9:.4g} GFLOP/s were achieved, "
            f"and the peak was measured as {peak / 1e9:.4g} ({fraction:.3g} of it"
            f"{', after a second look' if again else ''}){doubt}; measure "
            "again while nothing else runs"
        ]
    if doubt:
        return [
            f"{WARNING}{fraction:.3g} is in doubt, and may be lower{doubt}; "
            "measure again while nothing else runs"
        ]
    return []


def over_one_peak(records: Sequence[Record]) -> Iterator[Record]:
    """Anew, those records that stand over a lower peak than others of their hardware
    and precision.

    Peaks are measured once more where a step exceeds one, and by every resumed run; a
    machine that was seen to give the higher one has it for all cases. A rate that was
    reached is true even where something disturbed it, so that the highest counts.
    """
    best: dict[tuple[str, str], Roofline] = {}
    for record in records:
        found = record.roofline
        if found is None or found.peak_flops_per_s is None:
            continue
        key = (record.hardware, found.precision)
        best[key] = max(best.get(key, found), found, key=_peak)
    for record in records:
        own = record.roofline
        if own is None or own.peak_flops_per_s is None:
            continue
        higher = best[record.hardware, own.precision]
        if _peak(own) < _peak(higher):
            yield _over(record, own, higher)


def _peak(roofline: Roofline) -> float:
    return roofline.peak_flops_per_s or 0.0


def _over(record: Record, own: Roofline, higher: Roofline) -> Record:
    peak = _peak(higher)
    achieved = own.achieved_flops_per_s
    roofline = own.model_copy(
        update={
            "peak_flops_per_s": peak,
            "peak_bytes_per_s": higher.peak_bytes_per_s,
            "operation": higher.operation,
            "doubt": higher.doubt,
            "fraction_of_peak": None if achieved is None else achieved / peak,
        }
    )
    others = (one for one in record.warnings if not one.startswith(WARNING))
    warnings = [*chain(others, peak_warnings(roofline))]
    return record.model_copy(update={"roofline": roofline, "warnings": warnings})
