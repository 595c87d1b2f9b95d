"""What the benchmarks of `workloads.asr` share: corpus, features, weights, accuracy.

Imported inside worker processes alone: the parent never loads torch.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import get_args

import torch
from torch import Tensor

from benchmarks import common
from harness.workload import Accuracy, Context, UnsupportedError
from workloads.asr import ds2
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
from workloads.asr.trained import COMMAND, Trained, load_trained, untrained
from workloads.asr.training_step import Learner
from workloads.corpora import librispeech
from workloads.corpora.cache import default_cache_dir
from workloads.corpora.utterance import Corpus, Utterance
from workloads.weights import NotTrainedError

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

_log = logging.getLogger("speechmark")

MAX_EPOCHS = 10_000  # none: the profile bounds the time
PAPER_BEAM, QUICK_BEAM = 256, 32  # of evaluation; the document trains with 256


def corpus_of(context: Context) -> Corpus:
    """The user's LibriSpeech where there is one, else the built-in speech."""
    if context.data_root is not None:
        with common.skipped_if_absent():
            return librispeech.load(context.data_root, on_progress=context.progress)
    if context.profile.name == "paper":
        raise UnsupportedError(
            "the paper profile measures the published sizes on LibriSpeech: give "
            "--data-root, the folder that holds LibriSpeech/"
        )
    return common.builtin_speech(context)


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


def trained_model(context: Context, corpus: Corpus) -> Trained:
    """The very weights that every machine times, those of the user's corpus first;
    untrained and foreign ones say so."""
    size = size_of(context)
    try:
        found = load_trained(size.name, corpus_checksum=corpus.checksum)
        same = found.corpus_checksum == corpus.checksum
        command = f"{COMMAND} --size {size.name}"
        common.tell_foreign_weights(context, corpus.name, same, command)
        return found
    except NotTrainedError as reason:
        _log.warning("timed on untrained weights: %s", reason)
        return untrained(size, str(reason))


def model_accuracy(
    context: Context, trained: Trained, feed: Feed, gate: float
) -> Accuracy:
    """Greedy error rates of the model as it is timed, against the same in fp32."""
    if trained.reason is not None:
        return Accuracy({}, trained.reason)
    feed = replace(feed, normaliser=trained.normaliser)  # as the timed inputs
    errors = evaluate(trained.model, feed, GreedyDecoder()).errors
    if context.case.compression == "fp32":
        return common.accuracy_of(errors)
    device, name = common.single_device(context), trained.model.size.name
    reference = load_trained(name, corpus_checksum=trained.corpus_checksum)
    reference.model.to(device)
    baseline = evaluate(reference.model, feed, GreedyDecoder()).errors
    baseline_case = common.fp32_case(context.case)
    return Accuracy(common.gated_metrics(errors, baseline, baseline_case, gate))


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
