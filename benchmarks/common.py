"""What the benchmarks of any workload share: corpus, inputs, work, accuracy.

Imported inside worker processes alone; loads no torch, because not every worker does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Generic, TypeVar

from basics.metric_kinds import MetricKind
from harness.case import Case
from harness.workload import (
    Accuracy,
    Context,
    Metric,
    Transcript,
    UnsupportedError,
    Work,
)
from workloads.corpora import builtin
from workloads.corpora.cache import default_cache_dir
from workloads.corpora.faults import AbsentError
from workloads.corpora.utterance import Corpus, Utterance
from workloads.metrics.error_rates import ErrorRate, paired_difference
from workloads.metrics.kinds import KINDS
from workloads.weights import of_one_corpus

CORPUS_SEED = 0  # the corpus is the same whatever the training's seed
SIZES = {"smoke": builtin.SMOKE, "commit": builtin.QUICK, "quick": builtin.QUICK}

T = TypeVar("T")

_log = logging.getLogger("speechmark")


def builtin_speech(context: Context) -> Corpus:
    """The built-in speech of the case's profile."""
    size = SIZES.get(context.profile.name, builtin.STANDARD)
    return builtin.load_or_build(
        size, default_cache_dir(), CORPUS_SEED, context.progress
    )


def corpus_details(
    corpus: Corpus, weights_sha256: str | None = None
) -> dict[str, float | str]:
    """What a comparison must know of corpus and weights."""
    return {
        "corpus": corpus.name,
        "corpus_checksum": corpus.checksum,
        **({"weights_sha256": weights_sha256} if weights_sha256 else {}),
        **{f"dropped: {reason}": n for reason, n in corpus.dropped.items()},
    }


@contextmanager
def skipped_if_absent() -> Iterator[None]:
    """A user's folder that holds nothing for a workload skips its cases."""
    try:
        yield
    except AbsentError as reason:
        raise UnsupportedError(f"--data-root: {reason}") from reason


def tell_foreign_weights(
    context: Context, corpus_name: str, same_corpus: bool, command: str
) -> None:
    """Warn, for the record, of weights that never saw the user's corpus."""
    if context.data_root is None or same_corpus:
        return
    _log.warning(
        "these weights were trained on other speech than %s, built-in synthesised one "
        "where they came with the project: its errors say little of the model; "
        "`%s --data-root DIR` trains on it, and is then loaded here",
        *(corpus_name, command),
    )


def no_baseline(
    weights: Path, baseline: Path | None, corpus_checksum: str, reason: str | None
) -> bool:
    """Whether there is nothing to hold these weights against, for `reason` or because
    one of both alone was trained on the case's corpus; the record is warned."""
    if baseline is None:
        _log.warning("no gate, for want of a baseline in fp32: %s", reason)
        return True
    if of_one_corpus(weights, baseline, corpus_checksum):
        return False
    _log.warning(
        "no gate: of %s and %s, its baseline, one alone was trained on this corpus; "
        "train the other on it too",
        *(weights, baseline),
    )
    return True


def single_device(context: Context) -> str:
    """The device, as torch names it, of a case that cannot be spread over several."""
    devices = context.hardware.devices
    if len(devices) > 1:
        raise UnsupportedError(
            f"{context.case.workload} runs on one device, not on "
            f"{context.hardware.text}: use --hardware={devices[0]}"
        )
    return devices[0]


def fp32_case(case: Case) -> str:
    """The id of the case that a compressed one is compared with."""
    return replace(case, compression="fp32").id


def accuracy_of(errors: Mapping[str, ErrorRate]) -> Accuracy:
    """Error rates with their bootstrap intervals."""
    return Accuracy({name: _metric(name, rate) for name, rate in errors.items()})


def gated_metrics(
    errors: Mapping[str, ErrorRate],
    baseline_errors: Mapping[str, ErrorRate],
    baseline_case: str,
    gate: float | Mapping[str, float],
) -> dict[str, Metric]:
    """Error rates beside the baseline's on the same utterances.

    `gate` is the largest rise that passes, in the metric's own units: of every metric,
    or of those that it names; the others are compared without a verdict.
    """
    metrics = {}
    for name, rate in errors.items():
        change = paired_difference(baseline_errors[name], rate)
        metrics[name] = replace(
            _metric(name, rate),
            baseline_case=baseline_case,
            difference=change.value,
            difference_interval=(change.low, change.high),
            gate=gate.get(name) if isinstance(gate, Mapping) else gate,
        )
    return metrics


def _metric(name: str, rate: ErrorRate) -> Metric:
    """By its name's kind; `per_item` has what each item adds to the rate."""
    return Metric.of(
        KINDS.get(name, MetricKind(name)),
        rate.rate,
        rate.n,
        rate.interval(),
        per_item=list(zip(rate.errors, rate.lengths, strict=True)),
    )


def telling_transcripts(
    references: Sequence[str],
    hypotheses: Sequence[str],
    distances: ErrorRate,
    lengths: Sequence[int],
) -> list[Transcript]:
    """The best, the middle and the worst utterance, by edits over the lengths of the
    references, in what the edits are counted in."""
    rates = [e / max(1, n) for e, n in zip(distances.errors, lengths, strict=True)]
    order = sorted(range(len(rates)), key=rates.__getitem__)
    ranks = {"best": 0, "middle": len(order) // 2, "worst": len(order) - 1}
    chosen = {rank: order[place] for rank, place in ranks.items()}
    return [
        Transcript(rank, references[i], hypotheses[i], distances.errors[i])
        for rank, i in chosen.items()
    ]


def evenly(values: Sequence[T], count: int) -> list[T]:
    """At most `count` of the values: the middle of each of `count` equal stretches.

    >>> evenly(range(12), 4)
    [1, 4, 7, 10]
    """
    count = min(count, len(values))
    return [values[round((i + 0.5) * len(values) / count - 0.5)] for i in range(count)]


def full_batches(frames: Sequence[int], size: int, count: int) -> list[tuple[int, ...]]:
    """At most `count` batches of `size` utterances of like length, evenly over all
    lengths, as positions; in an order that is drawn once, so that any stretch of them
    is like the whole. Where there are fewer utterances, one batch of them all.

    >>> sorted(full_batches([3, 1, 2, 5, 4], size=2, count=9))
    [(1, 2), (4, 3)]
    """
    by_length = sorted(range(len(frames)), key=frames.__getitem__)
    size = min(size, len(frames))
    kept = evenly(by_length, len(frames) - len(frames) % size)
    batches = [tuple(kept[i : i + size]) for i in range(0, len(kept), size)]
    chosen = evenly(batches, count)
    Random(0).shuffle(chosen)
    return chosen


def durations_s(utterances: Sequence[Utterance]) -> list[float]:
    return [utterance.duration_s for utterance in utterances]


def work_per_step(
    durations_s: Sequence[float],
    steps: Sequence[Sequence[int]],
    parameters: int | None = None,
    macs: float | None = None,
    model_bytes: int | None = None,
) -> Work:
    """The mean work of steps over batches of positions in utterances that last
    `durations_s`; `macs` is of all steps."""
    spoken_s = [durations_s[i] for positions in steps for i in positions]
    count = len(steps)
    return Work(
        items=len(spoken_s) / count,
        audio_s=sum(spoken_s) / count,
        parameters=parameters,
        macs=None if macs is None else macs / count,
        model_bytes=model_bytes,
    )


class Turn(Generic[T]):
    """Inputs, one after the other, again and again."""

    def __init__(self, inputs: Sequence[T]) -> None:
        self._inputs = inputs
        self._next = 0

    def next(self) -> T:
        value = self._inputs[self._next]
        self._next = (self._next + 1) % len(self._inputs)
        return value
