"""What the Wav2Letter benchmarks share: data, models, sessions, accuracy, profiles.

Imported inside worker processes alone. torch is loaded by its own runtimes alone: the
peak memory of another is to be its own.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from harness.case import Case
from harness.hardware import Hardware
from harness.observe.kernels import Entry, Profiled
from harness.workload import Accuracy, Context, Metric, UnsupportedError, Work
from workloads.compression.entropy import compressed_bytes
from workloads.compression.names import FLOATS, Compression, parse
from workloads.corpora.cache import default_cache_dir, file_sha256
from workloads.feeding.normaliser import Normaliser
from workloads.runtimes.onnx_runtime import OnnxRuntimeOptions, OnnxRuntimeSession
from workloads.runtimes.open_vino import OpenVinoSession
from workloads.runtimes.opening import open_onnx, open_torch
from workloads.runtimes.session import (
    OperatorMissingError,
    PrecisionMissingError,
    Session,
    cannot_cap,
)
from workloads.wav2letter import dataset, models, trained
from workloads.wav2letter.evaluation import error_rates, log_probs_of, transcripts
from workloads.wav2letter.sizes import FEATURES, SIZES, Wav2LetterSize
from workloads.weights import NotTrainedError

TORCH_RUNTIMES = ("eager", "compile")
BASELINE_RUNTIMES = {"compile": "eager"}  # to compile the baseline too takes long
FORWARD = ("convolution", "deconvolution", "rnn")  # primitives that have a direction
FP32 = Compression("fp32")
GATE = 0.02  # of the baseline's edit distance: what the document lost to int8

_log = logging.getLogger("speechmark")


def size_of(context: Context) -> Wav2LetterSize:
    return SIZES[context.case.model]


def dataset_of(context: Context) -> dataset.Dataset:
    """The document's arrays where the user has them, else the built-in speech."""
    alphabet = size_of(context).alphabet
    if context.data_root is not None:
        return dataset.of_arrays(context.data_root, alphabet)
    if context.profile.name == "paper":
        raise UnsupportedError(
            "the paper profile measures on the document's arrays: give --data-root, "
            "the folder that holds train.npy and dev.npy"
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
        path = trained.find(size, aware)
    except NotTrainedError as reason:
        return Weights(None, data.normaliser, str(reason))
    return Weights(path, trained.load_normaliser(path))


def why_not_here(
    case: Case, hardware: Hardware, compression: Compression
) -> str | None:
    """Why the case's runtime cannot do this, None where it can."""
    runtime, base = case.runtime, compression.base
    if runtime in TORCH_RUNTIMES:
        return _why_not_torch(runtime, base, hardware.is_cuda)
    if hardware.is_cuda:
        return (
            f"{runtime} is measured on the CPU; on {hardware.text} use eager or compile"
        )
    if hardware.isa is not None and (reason := cannot_cap(runtime)):
        return reason
    if runtime == "onnxruntime" and base in ("bf16", "fp16"):
        return (
            f"ONNX Runtime has no {base} kernels for this model's layers on a CPU: use "
            "openvino, eager or compile"
        )
    return None


def _why_not_torch(runtime: str, base: str, cuda: bool) -> str | None:
    if base in FLOATS:
        return None
    if runtime == "eager":
        return (
            f"torch has no eager {base} convolution: use compile, onnxruntime or "
            "openvino"
        )
    if cuda or base not in ("int8-static", "int8-qat"):
        where = "CUDA" if cuda else "the CPU"
        return (
            f"torch.compile has no {base} convolution on {where}: it takes int8-static "
            "and int8-qat on the CPU; use onnxruntime or openvino for others"
        )
    return None


def _precision(compression: Compression) -> str:
    return compression.base if compression.base in FLOATS else "fp32"


@dataclass(frozen=True)
class Running:
    """A model on its runtime, and what is known of its size and layers."""

    session: Session[Any]
    model_bytes: int
    float_layers: int
    facts: Mapping[str, float | str]


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
        if reason := why_not_here(self.case, context.hardware, self.compression):
            raise UnsupportedError(reason)
        context.progress("data", 0, 2)
        self.data = dataset_of(context)
        context.progress("model", 1, 2)
        aware = self.compression.base == trained.AWARE
        self.weights = weights_of(self.size, aware, self.data)
        if self.weights.reason is not None:
            _log.warning("timed on untrained weights: %s", self.weights.reason)
        self.running = self.open(self.compression, self.case.runtime, self.weights)
        context.progress("model", 2, 2)

    def open(self, compression: Compression, runtime: str, weights: Weights) -> Running:
        """The model of a compression on a runtime; UnsupportedError where that lacks an
        operator of it or computes otherwise than it claims."""
        try:
            if runtime in TORCH_RUNTIMES:
                return self._open_torch(compression, runtime, weights)
            return self._open_onnx(compression, runtime, weights)
        except (OperatorMissingError, PrecisionMissingError) as error:
            raise UnsupportedError(str(error)) from error

    def _open_onnx(
        self, compression: Compression, runtime: str, weights: Weights
    ) -> Running:
        model = models.onnx_model(
            self.size, compression, weights.path, self._calibration
        )
        session = open_onnx(
            runtime, model.path, _precision(compression), self._options()
        )
        quantized = model.quantized
        facts: dict[str, float | str] = {}
        if quantized is not None:
            facts["layers_kept_in_float"] = ", ".join(quantized.kept) or "none"
            facts["huffman_bytes"] = compressed_bytes(model.path)
        float_layers = quantized.float_layers if quantized else 0
        return Running(session, model.bytes, float_layers, facts)

    def _open_torch(
        self, compression: Compression, runtime: str, weights: Weights
    ) -> Running:
        from workloads.compression.pt2e import stored_bytes

        module = models.torch_model(
            self.size, compression, weights.path, self._calibration
        )
        precision = _precision(compression)
        session = open_torch(runtime, module, FEATURES, self.device, precision)
        kept = {"none": 0, "first": 1, "edges": 4}[compression.keep]
        return Running(session, stored_bytes(module), kept, {})

    def _options(self) -> OnnxRuntimeOptions:
        """Those that the case's id tells, else ONNX Runtime's own."""
        given = dict(self.case.options)
        named: dict[str, Any] = {}
        if "graph" in given:
            named["graph"] = given["graph"]
        if "arena" in given:
            named["arena"] = {"on": True, "off": False}[given["arena"]]
        return OnnxRuntimeOptions(threads=len(os.sched_getaffinity(0)), **named)

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
        try:
            prepared = [session.prepare(one.features) for one in inputs]
            session.run(prepared[0])
        except OperatorMissingError as error:
            raise UnsupportedError(str(error)) from error
        return prepared

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
        if plain.reason is not None:
            _log.warning("no gate, for want of a baseline in fp32: %s", plain.reason)
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

    def profile(self, prepared: Any) -> Callable[[int], Profiled] | None:
        """Of a runtime that does not log through torch's oneDNN."""
        session = self.running.session
        if not isinstance(session, OnnxRuntimeSession | OpenVinoSession):
            return None

        def profiled(steps: int) -> Profiled:
            calls, wall_s = session.profile(prepared, steps)
            entries = [
                Entry(
                    call.primitive,
                    "forward" if call.primitive in FORWARD else "none",
                    call.implementation,
                    call.dtypes,
                    "",
                    call.time_ms,
                )
                for call in calls
            ]
            return Profiled(entries, wall_s, session.profile_source)

        return profiled


def judged(part: dataset.Part, hypotheses: Sequence[str]) -> Accuracy:
    """What was heard against what was said, in every validation utterance."""
    errors = error_rates(part, hypotheses)
    distances = errors["levenshtein"]
    return Accuracy(
        common.accuracy_of(errors).metrics,
        edits_by_length=list(zip(map(len, part.texts), distances.errors, strict=True)),
        transcripts=common.telling_transcripts(part.texts, hypotheses, distances),
    )
