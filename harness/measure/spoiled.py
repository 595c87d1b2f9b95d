"""What spoiled a timed stage, as its record tells it: noise by samples, threads,
warnings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from harness.measure.outcome import CaseOutcome
from harness.measure.results import OperationResult
from harness.measure.watch import SegmentNoise
from harness.observe.limits import SHORTEST_S, NoiseWarning
from harness.observe.threads import Crowd, count_warnings, crowd_warning
from harness.record.schema import NoiseRecord, PoolRecord, Threads


def noise_records(outcomes: Sequence[CaseOutcome]) -> list[NoiseRecord]:
    """The noise of every segment, each with the samples that it belongs to."""
    return [
        _record(outcome, first_sample, samples, segment)
        for outcome in outcomes
        for first_sample, samples, segment in _placed(outcome)
    ]


def _record(
    outcome: CaseOutcome, first_sample: int, samples: int, segment: SegmentNoise
) -> NoiseRecord:
    return NoiseRecord(
        process=outcome.process,
        first_sample=first_sample,
        samples=samples,
        spoiled=segment.spoiled if segment.judged or segment.spoiled else None,
        judged=segment.judged,
        counted=_counts(outcome, segment),
        exceeded=[warning.name for warning in segment.exceeded],
        **asdict(segment.noise),
    )


def _placed(outcome: CaseOutcome) -> Iterator[tuple[int, int, SegmentNoise]]:
    """Each segment with its first sample in its list, and its number of samples."""
    drawn = {True: 0, False: 0}  # counted, drawn again
    for segment in outcome.seen.noise:
        samples = segment.samples
        if samples is None:  # the whole stage is one segment
            samples = len(outcome.result.samples_s) if outcome.result else 0
        counted = _counts(outcome, segment)
        yield drawn[counted], samples, segment
        drawn[counted] += samples


def _counts(outcome: CaseOutcome, segment: SegmentNoise) -> bool:
    """Spoiled samples count where nobody drew them again, and where it did not help."""
    match outcome.result:
        case OperationResult(spoiled=False):
            return not segment.asks_again
    return True


def stays_spoiled(outcomes: Sequence[CaseOutcome]) -> bool:
    """Whether disturbed samples are among those that count."""
    return any(
        segment.spoiled and _counts(outcome, segment)
        for outcome in outcomes
        for segment in outcome.seen.noise
    )


def spoil_warnings(outcomes: Sequence[CaseOutcome]) -> list[str]:
    """One for each limit that samples exceed which count, with the worst of them."""
    counted = [
        segment
        for outcome in outcomes
        for segment in outcome.seen.noise
        if _counts(outcome, segment)
    ]
    extra_s = sum(_extra_s(one) for one in outcomes if stays_spoiled([one]))
    return [
        *(
            str(replace(worst, where=_where(times, len(counted), extra_s)))
            for worst, times in _worst(counted)
        ),
        *_unjudged_warnings(counted),
    ]


def _extra_s(outcome: CaseOutcome) -> float:
    """What was drawn beyond what an undisturbed stage takes."""
    found = outcome.result
    return found.extra_s if isinstance(found, OperationResult) else 0.0


def _unjudged_warnings(segments: Sequence[SegmentNoise]) -> list[str]:
    """At most one: that nobody can say whether samples were disturbed."""
    short = [one.noise.seconds for one in segments if not one.judged]
    unjudged = [seconds for seconds in short if seconds < SHORTEST_S]
    if not unjudged:
        return []
    return [
        f"noise: not judged in {len(unjudged)} of {len(segments)} segments: they took "
        f"{max(unjudged):.2g} s at most, and this machine's counters tell of others "
        f"from {SHORTEST_S:g} s on (its kernel keeps no schedstat); these samples are "
        "neither clean nor spoiled; use a longer profile"
    ]


def _where(times: int, segments: int, extra_s: float) -> str:
    if segments == 1:
        return ""
    again = f", although {extra_s:.1f} s more were drawn" if extra_s else ""
    return f"at worst, and beyond it in {times} of {segments} segments{again}"


def _worst(segments: Sequence[SegmentNoise]) -> Iterator[tuple[NoiseWarning, int]]:
    """For each exceeded limit its highest reading, and how many segments exceed it."""
    by_name: dict[str, list[NoiseWarning]] = defaultdict(list)
    for segment in segments:
        for warning in segment.exceeded:
            by_name[warning.name].append(warning)
    for warnings in by_name.values():
        yield max(warnings, key=lambda warning: warning.measured), len(warnings)


def drawn_again(outcomes: Sequence[CaseOutcome]) -> str | None:
    """How much was spoiled and drawn again with success; None where nothing was."""
    spoiled = [
        segment
        for outcome in outcomes
        for segment in outcome.seen.noise
        if not _counts(outcome, segment)
    ]
    if not spoiled:
        return None
    seconds = sum(segment.noise.seconds for segment in spoiled)
    segments = sum(len(outcome.seen.noise) for outcome in outcomes)
    why = ", ".join(
        f"{worst.name} up to {worst.measured:.4g} {worst.unit}"
        for worst, _ in _worst(spoiled)
    )
    return f"{len(spoiled)} of {segments} segments ({seconds:.1f} s): {why}"


def threads_record(outcomes: Sequence[CaseOutcome]) -> Threads | None:
    """The most crowded process's threads and the first one's pools; None where neither
    is known."""
    first, found = outcomes[0].done, _most_crowded(outcomes)
    if found is None and not first.pools and first.threads is None:
        return None
    return Threads(
        **(asdict(first.threads) if first.threads else {}),
        busy=found.busy if found else None,
        cpus=found.cpus if found else None,
        runnable_mean=found.runnable_mean if found else None,
        pools=[PoolRecord(**asdict(pool)) for pool in first.pools],
    )


def thread_warnings(outcomes: Sequence[CaseOutcome]) -> list[str]:
    """That threads took the CPUs from one another, or that fewer ran than asked for."""
    first, found = outcomes[0].done, _most_crowded(outcomes)
    warning = crowd_warning(found, first.pools) if found else None
    counts = first.threads
    fewer = count_warnings(**asdict(counts), pools=first.pools) if counts else []
    return [*([warning] if warning else []), *fewer]


def _most_crowded(outcomes: Sequence[CaseOutcome]) -> Crowd | None:
    known = [o.seen.crowd for o in outcomes if o.seen.crowd is not None]
    return max(
        known,
        key=lambda one: (one.is_oversubscribed, one.busy, one.runnable_mean or 0.0),
        default=None,
    )
