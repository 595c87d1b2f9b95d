"""What the separation benchmarks share: mixtures, models, sessions, accuracy.

Imported inside worker processes alone. torch is loaded by its own runtimes alone: the
peak memory of another is to be its own.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import common, sessions, values
from benchmarks.sessions import TORCH_RUNTIMES, Running
from benchmarks.values import Profiling
from harness.workload import (
    Accuracy,
    Context,
    Metric,
    UnsupportedError,
    Values,
    Work,
)
from workloads.compression.names import parse
from workloads.corpora.cache import default_cache_dir
from workloads.corpora.mixtures import builtin
from workloads.corpora.mixtures.scenes import MANDARIN
from workloads.elsewhere import ElsewhereError
from workloads.metrics.kinds import KINDS
from workloads.separation import dataset, evaluation, exporting, trained
from workloads.separation.sizes import SIZES, ConvTasNetSize

if TYPE_CHECKING:
    from torch import nn

    from workloads.metrics.separation import SeparationScores

UTTERANCE_S = 4.0  # of every mixture that is timed, so that models compare
INPUTS = 8  # different ones at most, so that none stays in a cache
GATE = 0.05  # of the baseline's improvement: what the document's fine-tuning allowed
MIXTURES = {
    "smoke": builtin.SMOKE,
    "commit": builtin.QUICK,
    "quick": builtin.QUICK,
    "standard": builtin.STANDARD,
}
SCENES = {"mandarin": MANDARIN}

_log = logging.getLogger("speechmark")


def dataset_of(context: Context) -> dataset.Dataset:
    """The user's corpus where there is one, else built-in mixtures."""
    size = SIZES[context.case.model]
    profile = context.profile.name

    def built_in() -> dataset.Dataset:
        return dataset.builtin_mixtures(
            size,
            MIXTURES.get(profile, builtin.STANDARD),
            default_cache_dir(),
            SCENES.get(dict(context.case.options).get("corpus", "")),
            context.progress,
        )

    if context.data_root is not None:
        if "corpus" in dict(context.case.options):
            raise UnsupportedError("this case is of built-in mixtures: no --data-root")
        with common.skipped_if_absent():
            found = dataset.on_disk(
                context.data_root, size, on_progress=context.progress
            )
        return dataset.with_training(found, built_in)
    if profile not in MIXTURES:
        raise UnsupportedError(
            f"the {profile} profile measures on the document's corpora: give "
            "--data-root, the folder that holds LibriMix, Aishell1Mix or LibriCSS"
        )
    return built_in()


class Subject:
    """The model of a case on its runtime, beside the mixtures that it is judged on."""

    def __init__(self, context: Context) -> None:
        self.case = context.case
        self.size = SIZES[self.case.model]
        self.compression = parse(self.case.compression)
        self.device = common.single_device(context)
        if reason := self._why_not(context):
            raise UnsupportedError(reason)
        context.progress("data", 0, 2)
        self.data = dataset_of(context)
        context.progress("model", 1, 2)
        self.weights = exporting.weights_of(
            self.size, self.compression, self.data.checksum
        )
        if self.weights.reason is not None:
            _log.warning("no accuracy: %s", self.weights.reason)
        elif self.weights.path is not None:
            facts = trained.load_facts(self.weights.path)
            same = facts.get("corpus_checksum") == self.data.checksum
            same = same or not self.data.is_whole  # nothing of the user's to train on
            mended = self.compression.trained_name if self.weights.mended else ""
            command = trained.command_for(self.size, mended)
            common.tell_foreign_weights(context, self.data.name, same, command)
        self.wanted = exporting.Wanted(
            self.size, self.compression, self.weights, self.data.train
        )
        self.costs: dict[str, Any] = {}
        with sessions.unsupported_if_missing():
            self.running = self._open()
        context.progress("model", 2, 2)

    def _why_not(self, context: Context) -> str | None:
        given = dict(self.case.options)
        if given.get("weights") and self.case.runtime != "eager":
            return f"{self.case.runtime} has no sparse products: use eager"
        if given.get("weights") == "2of4" and not context.hardware.is_cuda:
            return "products of 2:4 sparse weights are for CUDA: use --hardware=cuda:0"
        found = sessions.why_not_here(self.case, context.hardware, self.compression)
        return found or self._why_no_int8()

    def _why_no_int8(self) -> str | None:
        runtime, base = self.case.runtime, self.compression.base
        if runtime == "openvino" and base == "int8-dynamic":
            return (
                "OpenVINO runs LSTMs, 1x1 convolutions and products of an int8-dynamic "
                "file in float: use onnxruntime, or int8-static"
            )
        recurrent = not isinstance(self.size, ConvTasNetSize)
        if runtime == "compile" and self.compression.calibrated and recurrent:
            return (
                "torch.export fixes the length of an LSTM's sequences, so compile gets "
                f"no {base} of {self.size.name}: use onnxruntime or openvino"
            )
        return None

    def _open(self) -> Running:
        ready = self.wanted.ready(UTTERANCE_S)
        self.costs = dict(ready.facts)
        self._check_changed()
        runtime, compression = self.case.runtime, self.compression
        if runtime in TORCH_RUNTIMES:
            module = self._module(ready)
            found = sessions.run_module(module, 1, self.device, runtime, compression)
        else:
            model = self.wanted.onnx(ready)
            shape = sessions.only_shape(self.inputs)
            found = sessions.run_onnx(model, runtime, compression, self.case, shape)
        if runtime != "onnxruntime" and compression.calibrated:
            # No integer kernel for the decoder, a ConvTranspose.
            return replace(found, float_layers=found.float_layers + 1)
        return found

    def _module(self, ready: exporting.Ready) -> nn.Module:
        from workloads.separation.framing import OfSamples

        module: nn.Module = OfSamples(self._sparse(ready.module())).eval()
        return self._static(module) if self.compression.calibrated else module

    def _check_changed(self) -> None:
        if self.costs.get("layers_changed") == 0:
            raise UnsupportedError(
                f"{self.compression.name} changes no layer of {self.size.name}: "
                f"{self.costs['layers_left']}"
            )

    def _sparse(self, model: nn.Module) -> nn.Module:
        """With the kind of weights that the case's options ask for."""
        from workloads.compression.left import by_reason
        from workloads.compression.sparse import executed

        kind = dict(self.case.options).get("weights")
        if kind is None:
            return model
        make = {"csr": executed.csr_linears, "2of4": executed.semi_structured_linears}
        done = make[kind](model)
        self.costs["layers_sparse"] = len(done.changed)
        self.costs["layers_dense"] = by_reason(done.left) or "none"
        return done.model

    def _static(self, module: nn.Module) -> nn.Module:
        import torch

        from workloads.compression.pt2e import quantize_for_compile

        example = torch.zeros(1, self.wanted.samples_of(exporting.EXAMPLE_S), 1)
        heard = self.wanted.calibration()
        return quantize_for_compile(module, example, heard, self.compression.keep)

    @cached_property
    def inputs(self) -> list[np.ndarray]:
        """Batches of waveforms (B, S, 1), each of `UTTERANCE_S`: validation mixtures,
        cut or repeated."""
        samples, size = self.wanted.samples_of(UTTERANCE_S), self.case.batch_size
        waves = [
            np.resize(one.mixture, samples)[:, None]
            for one in self.data.validation.held
        ]
        count = min(INPUTS, -(-len(waves) // size))
        order = np.resize(np.arange(len(waves)), count * size).reshape(count, size)
        return [np.stack([waves[i] for i in batch]) for batch in order]

    def prepare(self) -> list[Any]:
        """The inputs, ready to be run; the first was run."""
        session = self.running.session
        with sessions.unsupported_if_missing():
            prepared = [session.prepare(waves) for waves in self.inputs]
            session.run(prepared[0])
        return prepared

    @property
    def work(self) -> Work:
        """Of a step."""
        size = self.case.batch_size
        return Work(
            items=size,
            audio_s=size * UTTERANCE_S,
            parameters=int(self.costs["parameters"]),
            macs=size * float(self.costs["macs"]),
            model_bytes=self.running.model_bytes,
        )

    @property
    def details(self) -> Mapping[str, float | str]:
        """What a comparison must know of data, weights and compression."""
        sha256 = self.weights.sha256
        costs = {k: v for k, v in self.costs.items() if k not in ("parameters", "macs")}
        return {
            "corpus": self.data.name,
            "corpus_checksum": self.data.checksum,
            "utterance_s": UTTERANCE_S,
            **({"weights_sha256": sha256} if sha256 else {}),
            **self.running.facts,
            **costs,
        }

    def values(self, profile: Profiling | None) -> Values:
        """Of the model as it is timed, beside the same module on a plain path: pruned
        or factorized, in fp32."""

        def plain(waves: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
            return self.wanted.plain_sources(self.wanted.ready(UTTERANCE_S), waves)

        session = self.running.session
        return values.of_session(session, self.inputs, plain, self.compression, profile)

    def accuracy(self) -> Accuracy:
        """Of the model as it is timed, against the uncompressed one in fp32."""
        if self.weights.reason is not None:
            return Accuracy({}, self.weights.reason)
        session = self.running.session

        def separate(waves: np.ndarray) -> np.ndarray:
            return session.output(session.prepare(waves))

        part = self.data.validation
        scores = evaluation.score_part(separate, part, self.case.batch_size)
        if self.case.compression == "fp32":
            return judged(scores)
        plain = exporting.weights_of(self.size, sessions.FP32, self.data.checksum)
        assert self.weights.path is not None
        if common.no_baseline(
            self.weights.path, plain.path, self.data.checksum, plain.reason
        ):
            return judged(scores)
        assert plain.path is not None
        try:
            baseline = evaluation.baseline_scores(self.size, plain.path, self.data)
        except (ElsewhereError, OSError) as error:
            _log.warning("no gate: the baseline could not be scored: %s", error)
            return judged(scores)
        return judged(scores, baseline, self._baseline_case)

    @property
    def _baseline_case(self) -> str:
        """The same mixtures, uncompressed, by torch."""
        options = tuple(o for o in self.case.options if o[0] == "corpus")
        return replace(
            self.case, compression="fp32", runtime="eager", options=options
        ).id


def judged(
    scores: SeparationScores,
    baseline: SeparationScores | None = None,
    baseline_case: str | None = None,
) -> Accuracy:
    """Decibels over mixtures, beside the baseline's over the same ones; the gate is on
    the improvement, which fails with or without a baseline where sources that speak
    are answered with silence."""
    from workloads.metrics.separation import paired_difference

    metrics = {}
    for place, measure in enumerate(scores.measures):
        gated = measure.name == "si_sdr_improvement"
        metric = Metric.of(
            KINDS[measure.name],
            measure.mean,
            measure.n,
            measure.interval(),
            per_item=[(value, 1.0) for value in measure.values],
            fault=_silence(scores) if gated else None,
        )
        if baseline is not None:
            before = baseline.measures[place]
            change = paired_difference(before, measure)
            metric = replace(
                metric,
                baseline_case=baseline_case,
                difference=change.value,
                difference_interval=(change.low, change.high),
                gate=GATE * abs(before.mean) if gated else None,
            )
        metrics[measure.name] = metric
    return Accuracy(metrics)


def _silence(scores: SeparationScores) -> str | None:
    """What is wrong with estimates that nobody hears."""
    if not (silent := scores.silent_estimates):
        return None
    fault = (
        f"{silent} estimates of sources that speak are silent: look for an underflow, "
        "or for a layer that lost all its weights"
    )
    _log.warning(fault)
    return fault
