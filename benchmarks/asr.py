"""What the speech recognition benchmarks share: corpus, features, weights, accuracy.

Imported inside worker processes alone: the parent never loads torch.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import Generic, TypeVar, get_args

import numpy as np
import torch
from torch import Tensor

from harness.workload import Accuracy, Context, Metric, UnsupportedError, Work
from workloads.asr import batching, ds2
from workloads.asr.decoding import GreedyDecoder
from workloads.asr.evaluation import evaluate
from workloads.asr.input_pipeline import (
    Batch,
    FeatureMode,
    Feed,
    build_feed,
    load_batch,
)
from workloads.asr.recipe import Recipe
from workloads.asr.trained import NotTrainedError, Trained, load_trained, untrained
from workloads.asr.training_step import Learner
from workloads.corpora import builtin, librispeech
from workloads.corpora.cache import default_cache_dir
from workloads.corpora.utterance import Corpus, Utterance
from workloads.metrics.error_rates import ErrorRate, paired_difference

CORPUS_SEED = 0  # the corpus is the same whatever the training's seed
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
SIZES = {"smoke": builtin.SMOKE, "quick": builtin.QUICK}

_log = logging.getLogger("speechmark")

MAX_EPOCHS = 10_000  # none: the profile bounds the time
PAPER_BEAM, QUICK_BEAM = 256, 32  # of evaluation; the document trains with 256


def corpus_of(context: Context) -> Corpus:
    """The user's LibriSpeech where there is one, else the built-in speech."""
    if context.data_root is not None:
        return librispeech.load(context.data_root, on_progress=context.progress)
    if context.profile.name == "paper":
        raise UnsupportedError(
            "the paper profile measures the published sizes on LibriSpeech: give "
            "--data-root, the folder that holds LibriSpeech/"
        )
    size = SIZES.get(context.profile.name, builtin.STANDARD)
    return builtin.load_or_build(
        size, default_cache_dir(), CORPUS_SEED, context.progress
    )


def feed_of(
    context: Context, mode: FeatureMode = "shards", readers: int = 1, prefetch: int = 4
) -> tuple[Corpus, Feed]:
    corpus = corpus_of(context)
    context.progress("features", 0, 1)
    feed = build_feed(corpus, default_cache_dir(), mode, readers, prefetch)
    context.progress("features", 1, 1)
    return corpus, feed


def feature_mode(text: str) -> FeatureMode:
    modes: dict[str, FeatureMode] = {m: m for m in get_args(FeatureMode)}
    return modes[text]


def size_of(context: Context) -> ds2.DeepSpeech2Size:
    return ds2.SIZES[context.case.model]


def recipe_of(context: Context) -> Recipe:
    """How a case trains; fp16 needs the loss scaling that only CUDA has."""
    case = context.case
    if case.compression == "fp16" and not context.hardware.is_cuda:
        raise UnsupportedError("fp16 trains on CUDA only; on a CPU use bf16")
    return Recipe(
        batch_size=case.batch_size,
        precision=case.compression,  # type: ignore[arg-type]
        seed=context.seed,
        max_epochs=MAX_EPOCHS,
        beam_width=PAPER_BEAM if context.profile.name == "paper" else QUICK_BEAM,
    )


def dtype_of(context: Context) -> torch.dtype:
    return PRECISIONS[context.case.compression]


def single_device(context: Context) -> torch.device:
    """The device of a case that cannot be spread over several."""
    devices = context.hardware.devices
    if len(devices) > 1:
        raise UnsupportedError(
            f"{context.case.workload} runs on one device, not on "
            f"{context.hardware.text}: use --hardware={devices[0]}"
        )
    return torch.device(devices[0])


def trained_model(context: Context) -> Trained:
    """The very weights that every machine times; untrained ones say so."""
    size = size_of(context)
    try:
        return load_trained(size.name)
    except NotTrainedError as reason:
        _log.warning("timed on untrained weights: %s", reason)
        return untrained(size, str(reason))


def accuracy_of(errors: Mapping[str, ErrorRate]) -> Accuracy:
    """Error rates with their bootstrap intervals."""
    return Accuracy(
        {
            name: Metric(rate.rate, rate.n, rate.interval())
            for name, rate in errors.items()
        }
    )


def model_accuracy(
    context: Context, trained: Trained, feed: Feed, gate: float
) -> Accuracy:
    """Greedy error rates of the model as it is timed, against the same in fp32."""
    if trained.reason is not None:
        return Accuracy({}, trained.reason)
    feed = replace(feed, normaliser=trained.normaliser)  # as the timed inputs
    errors = evaluate(trained.model, feed, GreedyDecoder()).errors
    if context.case.compression == "fp32":
        return accuracy_of(errors)
    reference = load_trained(trained.model.size.name).model.to(single_device(context))
    baseline = evaluate(reference, feed, GreedyDecoder())
    baseline_case = context.case.id.replace(f"/{context.case.compression}/", "/fp32/")
    metrics = {}
    for name, rate in errors.items():
        change = paired_difference(baseline.errors[name], rate)
        metrics[name] = Metric(
            rate.rate,
            rate.n,
            rate.interval(),
            baseline_case,
            change.value,
            (change.low, change.high),
            gate,
        )
    return Accuracy(metrics)


@dataclass(frozen=True, eq=False)
class Output:
    """An utterance's log-probabilities (1, U, 30) and true length (1,)."""

    utterance: Utterance
    log_probs: Tensor
    lengths: Tensor


@torch.inference_mode()
def log_probs_by_length(trained: Trained, feed: Feed) -> list[Output]:
    """What a decoder is given: every validation utterance, the shortest first."""
    utterances = feed.validation.utterances
    order = sorted(range(len(utterances)), key=lambda i: utterances[i].duration_s)
    model, outputs = trained.model.eval(), []
    for i in order:
        batch = load_batch(feed.validation, trained.normaliser, [i])
        logits, lengths = model(batch.features, batch.lengths)
        outputs.append(Output(utterances[i], logits.log_softmax(2), lengths))
    return outputs


def corpus_details(
    corpus: Corpus, trained: Trained | None = None
) -> dict[str, float | str]:
    """What a comparison must know of corpus and weights."""
    sha256 = trained.sha256 if trained else None
    return {
        "corpus": corpus.name,
        "corpus_checksum": corpus.checksum,
        **({"weights_sha256": sha256} if sha256 else {}),
        **{f"dropped: {reason}": n for reason, n in corpus.dropped.items()},
    }


def padding_percent(frames: Sequence[int], batches: Sequence[Sequence[int]]) -> float:
    return batching.padding_percent(np.asarray(frames), batches)


T = TypeVar("T")


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


def work_per_step(
    utterances: Sequence[Utterance],
    steps: Sequence[Sequence[int]],
    parameters: int | None = None,
    macs: float | None = None,
    model_bytes: int | None = None,
) -> Work:
    """The mean work of steps over batches of positions; `macs` is of them all."""
    spoken = [utterances[i] for positions in steps for i in positions]
    count = len(steps)
    return Work(
        items=len(spoken) / count,
        audio_s=sum(utterance.duration_s for utterance in spoken) / count,
        parameters=parameters,
        macs=None if macs is None else macs / count,
        model_bytes=model_bytes,
    )


class OneStep:
    """An optimizer step on one batch, of a model that exists from the first call on:
    before, it would be part of the training's own memory."""

    def __init__(self, context: Context, feed: Feed, positions: Sequence[int]) -> None:
        self._context, self._feed, self._positions = context, feed, positions

    @cached_property
    def _made(self) -> tuple[Learner, Batch]:
        device = torch.device(self._context.hardware.devices[0])
        recipe, source = recipe_of(self._context), self._feed.train
        batch = load_batch(source, self._feed.normaliser, self._positions)
        return Learner(size_of(self._context), recipe, device), batch.to(device)

    def __call__(self) -> None:
        learner, batch = self._made
        learner.update(batch, len(self._positions))


class Turn(Generic[T]):
    """Inputs, one after the other, again and again."""

    def __init__(self, inputs: Sequence[T]) -> None:
        self._inputs = inputs
        self._next = 0

    def next(self) -> T:
        value = self._inputs[self._next]
        self._next = (self._next + 1) % len(self._inputs)
        return value
