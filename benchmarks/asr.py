"""What the benchmarks of `workloads.asr` share: corpus, features, weights, accuracy.

Imported inside worker processes alone: the parent never loads torch.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import get_args

import numpy as np
import torch
from torch import Tensor
from workloads.weights import NotTrainedError

from benchmarks import common, values
from harness.workload import Accuracy, Context, UnsupportedError, Values
from workloads.asr import ds2, plain
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
from workloads.asr.trained import (
    COMMAND,
    Trained,
    load_trained,
    read_trained,
    untrained,
)
from workloads.asr.training_step import Learner
from workloads.compression.names import parse
from workloads.corpora import librispeech
from workloads.corpora.cache import default_cache_dir
from workloads.corpora.utterance import Corpus, Utterance
from workloads.values.compare import (
    GRADIENT_LIMITS,
    gradient_error,
    limit_of,
    one_of_each,
    worst_row,
)
from workloads.values.plain import DESCRIPTION, plain_outputs

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
    assert trained.path is not None
    device, name = common.single_device(context), trained.model.size.name
    reference = read_trained(name, trained.path)
    reference.model.to(device)
    baseline = evaluate(reference.model, feed, GreedyDecoder()).errors
    baseline_case = common.fp32_case(context.case)
    return Accuracy(common.gated_metrics(errors, baseline, baseline_case, gate))


@values.unproven_without_plain
def forward_values(
    context: Context, trained: Trained, inputs: Sequence[tuple[Tensor, Tensor]]
) -> Values:
    """Of the model as it is timed, for some of its inputs: features and lengths."""
    model, compression = trained.model, parse(context.case.compression)
    places = one_of_each([features.shape[1] for features, _ in inputs])
    chosen = [inputs[i] for i in places]
    arrays = [
        np.asarray(tensor.cpu().float() if place == 0 else tensor.cpu())
        for pair in chosen
        for place, tensor in enumerate(pair)
    ]
    name = model.size.name
    key = {"model": name, "weights": trained.sha256 or "untrained"}
    arguments = (name, trained.path)
    expected = plain_outputs(key, plain.logits_into, arguments, arrays)
    with torch.inference_mode():
        errors = [
            worst_row(plain.true_logits(model, *pair), expected[str(i)])
            for i, pair in enumerate(chosen)
        ]
    worst = chosen[int(np.argmax(errors))]
    found = Values(max(errors), limit_of(compression), len(chosen), DESCRIPTION)
    run = torch.inference_mode()(lambda: model(*worst))
    return values.by_layers(found, model, run)


@values.unproven_without_plain
def step_values(context: Context, batch: Batch) -> Values:
    """Of an optimizer step's loss and gradients, at the weights that it begins with."""
    name, recipe = size_of(context).name, recipe_of(context)
    recipe = replace(recipe, batch_size=len(batch.positions))
    device = torch.device(context.hardware.devices[0])
    arrays = plain.arrays_of(batch)
    key = {"model": name, "seed": str(recipe.seed)}
    arguments = (name, recipe.seed)
    expected = plain_outputs(key, plain.gradients_into, arguments, arrays)
    learner = plain.learner_of(name, recipe, str(device))
    found = plain.first_gradients(learner, batch.to(device))
    errors = {name: gradient_error(found[name], expected[name]) for name in expected}
    limit = GRADIENT_LIMITS[recipe.precision]
    told = Values(max(errors.values()), limit, len(errors), DESCRIPTION)
    if told.passed:
        return told
    wrong = [name for name, error in errors.items() if not error <= limit]
    run = lambda: learner.update(batch.to(device), len(batch.positions))  # noqa: E731
    departing = values.by_layers(told, learner.model, run)
    return replace(departing, layer=f"{departing.layer}; wrong: {', '.join(wrong)}")


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

    def values(self) -> Values:
        """Of the first of such steps."""
        return step_values(self._context, self._made[1])


def typical_step(context: Context, feed: Feed) -> OneStep:
    """On the batch in the middle of a training's."""
    batch_size = recipe_of(context).batch_size
    (typical,) = common.full_batches(feed.train.frames, batch_size, 1)
    return OneStep(context, feed, typical)
