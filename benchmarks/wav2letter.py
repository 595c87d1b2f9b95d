"""What the Wav2Letter benchmarks share: data, models, sessions, accuracy, profiles.

Imported inside worker processes alone. torch is loaded by its own runtimes alone: the
peak memory of another is to be its own.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from workloads.weights import NotTrainedError

from basics.files import file_sha256
from benchmarks import common, sessions, values
from benchmarks.sessions import BASELINE_RUNTIMES, FP32, TORCH_RUNTIMES, Running
from benchmarks.values import Profiling
from harness.workload import (
    Accuracy,
    Context,
    Metric,
    UnsupportedError,
    Values,
    Work,
)
from workloads.compression.names import Compression, parse
from workloads.corpora.cache import default_cache_dir
from workloads.feeding.normaliser import Normaliser
from workloads.wav2letter import dataset, models, trained
from workloads.wav2letter.evaluation import error_rates, log_probs_of, transcripts
from workloads.wav2letter.sizes import FEATURES, SIZES, Wav2LetterSize

GATE = 0.02  # of the baseline's edit distance: what the document lost to int8

_log = logging.getLogger("speechmark")


def size_of(context: Context) -> Wav2LetterSize:
    return SIZES[context.case.model]


def dataset_of(context: Context) -> dataset.Dataset:
    """The paper's arrays or LibriSpeech where the user has them, else the built-in
    speech."""
    alphabet = size_of(context).alphabet
    if context.data_root is not None:
        with common.skipped_if_absent():
            return dataset.of_root(
                context.data_root, alphabet, default_cache_dir(), context.progress
            )
    if context.profile.name == "paper":
        raise UnsupportedError(
            "the paper profile measures on the paper's arrays: give --data-root, the "
            "folder that holds train.npy and dev.npy, or LibriSpeech/"
        )
    corpus = common.builtin_speech(context)
    return dataset.of_corpus(corpus, alphabet, default_cache_dir())


@dataclass(frozen=True)
class Weights:
    """The file of a case's weights, or why there is none."""

    path: Path | None
    normaliser: Normaliser
    reason: str | None = None

    @property
    def sha256(self) -> str | None:
        return file_sha256(self.path) if self.path else None


def weights_of(size: Wav2LetterSize, aware: bool, data: dataset.Dataset) -> Weights:
    """The very weights that every machine times, or why there are none."""
    try:
        path = trained.find(size, aware, data.checksum)
    except NotTrainedError as reason:
        return Weights(None, data.normaliser, str(reason))
    return Weights(path, trained.load_normaliser(path))


@dataclass(frozen=True, eq=False)
class Input:
    """Features (B, T, 40), zero where padded; true frames; seconds of speech."""

    features: np.ndarray
    frames: tuple[int, ...]
    audio_s: float


def work_of(inputs: Sequence[Input], size: Wav2LetterSize, model_bytes: int) -> Work:
    """Of a step, in the mean."""
    frames = [one for each in inputs for one in each.frames]
    count = len(inputs)
    return Work(
        items=len(frames) / count,
        audio_s=sum(one.audio_s for one in inputs) / count,
        parameters=size.parameters,
        macs=sum(map(size.macs, frames)) / count,
        model_bytes=model_bytes,
    )


def padding_percent(inputs: Sequence[Input]) -> float:
    """Share of the frames that hold no speech."""
    padded = sum(one.features.shape[0] * one.features.shape[1] for one in inputs)
    return 100.0 * (1.0 - sum(sum(one.frames) for one in inputs) / padded)


class Subject:
    """The model of a case on its runtime, beside the data that it is judged on."""

    def __init__(self, context: Context, runtime: str | None = None) -> None:
        """On the case's runtime, unless another is given."""
        self.case = context.case
        if runtime is not None:
            self.case = replace(self.case, runtime=runtime, options=())
        self.size = size_of(context)
        self.compression = parse(self.case.compression)
        self.device = common.single_device(context)
        if reason := sessions.why_not_here(
            self.case, context.hardware, self.compression
        ):
            raise UnsupportedError(reason)
        context.progress("data", 0, 2)
        self.data = dataset_of(context)
        context.progress("model", 1, 2)
        aware = self.compression.base == trained.AWARE
        self.weights = weights_of(self.size, aware, self.data)
        if self.weights.reason is not None:
            _log.warning("timed on untrained weights: %s", self.weights.reason)
        elif self.weights.path is not None:
            facts = trained.load_facts(self.weights.path)
            same = facts.get("corpus_checksum") == self.data.checksum
            command = trained.command_for(self.size, aware)
            common.tell_foreign_weights(context, self.data.name, same, command)
        self.running = self.open(self.compression, self.case.runtime, self.weights)
        context.progress("model", 2, 2)

    def open(self, compression: Compression, runtime: str, weights: Weights) -> Running:
        """The model of a compression on a runtime; UnsupportedError where that lacks an
        operator of it or computes otherwise than it claims."""
        with sessions.unsupported_if_missing():
            if runtime in TORCH_RUNTIMES:
                return self._open_torch(compression, runtime, weights)
            return self._open_onnx(compression, runtime, weights)

    def _open_onnx(
        self, compression: Compression, runtime: str, weights: Weights
    ) -> Running:
        model = models.onnx_model(
            self.size, compression, weights.path, lambda: self._calibration
        )
        return sessions.run_onnx(
            model, runtime, compression, self.case, self._only_shape
        )

    @property
    def _only_shape(self) -> tuple[int, int, int] | None:
        """Of all inputs. Without the option `frames` they are as long as speech is: a
        service for all lengths has one model of any, too."""
        if "frames" not in dict(self.case.options):
            return None
        return self.case.batch_size, int(self.case.option("frames")), FEATURES

    def _open_torch(
        self, compression: Compression, runtime: str, weights: Weights
    ) -> Running:
        module = models.torch_model(
            self.size, compression, weights.path, self._calibration
        )
        return sessions.run_module(module, FEATURES, self.device, runtime, compression)

    @cached_property
    def _calibration(self) -> list[np.ndarray]:
        return models.calibration_of(self.data.train, self.weights.normaliser)

    @property
    def details(self) -> dict[str, float | str]:
        """What a comparison must know of data, weights and compression."""
        sha256 = self.weights.sha256
        return {
            "corpus": self.data.name,
            "corpus_checksum": self.data.checksum,
            **({"weights_sha256": sha256} if sha256 else {}),
            **self.running.facts,
        }

    def inputs(self, utterances: int, batches: int) -> list[Input]:
        """At batch size 1 so many utterances, else so many batches of like length: at
        most, evenly over the lengths of the validation set. With the option `frames`,
        stretches of joined utterances, all of that length."""
        part, size = self.data.validation, self.case.batch_size
        if "frames" in dict(self.case.options):
            return self._joined(int(self.case.option("frames")), size, batches)
        count = utterances if size == 1 else batches
        normaliser = self.weights.normaliser
        found = []
        for positions in common.full_batches(part.frames, size, count):
            features, lengths = dataset.padded_batch(part, normaliser, positions)
            audio_s = sum(part.durations_s[i] for i in positions)
            found.append(Input(features, tuple(lengths), audio_s))
        return found

    def _joined(self, frames: int, size: int, batches: int) -> list[Input]:
        part, normaliser = self.data.validation, self.weights.normaliser
        stretches = dataset.joined(part, normaliser, frames, size * batches)
        audio_s = size * frames * dataset.HOP_S
        return [
            Input(np.stack(stretches[i : i + size]), (frames,) * size, audio_s)
            for i in range(0, len(stretches), size)
        ]

    def prepare(self, inputs: Sequence[Input]) -> list[Any]:
        """The inputs, ready to be run; the first was run."""
        session = self.running.session
        with sessions.unsupported_if_missing():
            prepared = [session.prepare(one.features) for one in inputs]
            session.run(prepared[0])
        return prepared

    def values(self, inputs: Sequence[Input], profile: Profiling | None) -> Values:
        """Of the model as it is timed, beside the same weights on a plain path."""

        def plain(features: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
            path = self.weights.path
            return models.plain_log_probs(self.size, self.compression, path, features)

        features = [one.features for one in inputs]
        session = self.running.session
        return values.of_session(session, features, plain, self.compression, profile)

    def accuracy(self) -> Accuracy:
        """Errors of the model as it is timed, in batches as they are timed, against the
        same in fp32 where that was trained."""
        if self.weights.reason is not None:
            return Accuracy({}, self.weights.reason)
        hypotheses = self.transcripts(self.running, self.weights)
        found = judged(self.data.validation, hypotheses)
        if self.case.compression == "fp32":
            return found
        plain = weights_of(self.size, False, self.data)
        assert self.weights.path is not None
        if common.no_baseline(
            self.weights.path, plain.path, self.data.checksum, plain.reason
        ):
            return found
        return replace(found, metrics=self._gated(hypotheses, plain))

    def _gated(self, hypotheses: Sequence[str], plain: Weights) -> dict[str, Metric]:
        """Beside the errors in fp32, of `plain` weights."""
        part = self.data.validation
        runtime = BASELINE_RUNTIMES.get(self.case.runtime, self.case.runtime)
        baseline = error_rates(
            part, self.transcripts(self.open(FP32, runtime, plain), plain)
        )
        return common.gated_metrics(
            error_rates(part, hypotheses),
            baseline,
            replace(self.case, compression="fp32", runtime=runtime).id,
            {"levenshtein": GATE * baseline["levenshtein"].rate},
        )

    def log_probs(self, running: Running, weights: Weights) -> list[np.ndarray]:
        """Log-probabilities (U, N) of every validation utterance."""

        def run(features: np.ndarray) -> np.ndarray:
            return running.session.output(running.session.prepare(features))

        part, normaliser = self.data.validation, weights.normaliser
        return log_probs_of(run, part, normaliser, self.case.batch_size)

    def transcripts(self, running: Running, weights: Weights) -> list[str]:
        """Best paths."""
        return transcripts(self.log_probs(running, weights), self.data.validation)


def judged(part: dataset.Part, hypotheses: Sequence[str]) -> Accuracy:
    """What was heard against what was said, in every validation utterance."""
    errors = error_rates(part, hypotheses)
    distances = errors["levenshtein"]
    lengths = [len(part.alphabet.split(text)) for text in part.texts]
    return Accuracy(
        common.accuracy_of(errors).metrics,
        edits_by_length=list(zip(lengths, distances.errors, strict=True)),
        transcripts=common.telling_transcripts(
            part.texts, hypotheses, distances, lengths
        ),
        edit_unit="phoneme" if part.alphabet.spaced else "character",
    )
