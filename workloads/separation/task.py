"""Speech separation, pruned, quantized and factorized: all that is stated of it once.

M. Božić, "Development of efficient deep learning models for speech separation", 2024.
Axes: `B` mixtures, `S` samples, `C` sources. torch is loaded where a model is asked
for: not every runtime needs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workloads.compression.step import Compression
from workloads.compression.steps.int8_dynamic import Int8Dynamic
from workloads.corpora.mixtures import builtin
from workloads.corpora.mixtures.builtin import MixturesSize
from workloads.corpora.mixtures.mixture import Signals
from workloads.corpora.mixtures.scenes import MANDARIN
from workloads.metrics.kinds import SI_SDR, SI_SDR_IMPROVEMENT, SNR_RESCALED
from workloads.metrics.scores import Scores
from workloads.one_length import OneLengthTask
from workloads.separation import dataset
from workloads.separation.dataset import Dataset, Separation
from workloads.separation.sizes import SIZES, ConvTasNetSize, DptNetSize, Size, is_small
from workloads.task import DataRequest, Gate, NotHereError, Run
from workloads.training.recipe import Adam, Plateau, Recipe

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch import device as Device

    from workloads.separation.objective import SeparationObjective
    from workloads.training.objective import Rank

UTTERANCE_S = 4.0  # of every mixture that is timed, so that models compare
EXAMPLE_S = 0.5
CALIBRATION_MIXTURES = 16  # of which a pruning by gradients takes the loss, too
VALIDATION_MIXTURES = 64  # of a training
SMALL_TRAIN_S, FULL_TRAIN_S = 2_400.0, 28_800.0
MIXTURES = {
    "smoke": builtin.SMOKE,
    "commit": builtin.QUICK,
    "quick": builtin.QUICK,
    "standard": builtin.STANDARD,
}
SCENES = {"mandarin": MANDARIN}
FROM_SCRATCH = Recipe(
    Adam(1e-3),
    batch_size=4,
    epochs=100,
    clip_norm=5.0,
    schedule=Plateau(factor=0.5, patience=4),
    stop_after=30,
    own=Separation(),
)
# A round of pruning, or all of a factorized model's training.
FINE_TUNING = replace(FROM_SCRATCH, optimizer=Adam(3e-4), epochs=2, stop_after=None)


class SpeechSeparation(OneLengthTask[Size, Dataset]):
    """SI-SDR may fall by a twentieth of the baseline's improvement: what the paper's
    fine-tuning allowed."""

    name = "separation"
    sizes = SIZES
    measures = (SI_SDR, SI_SDR_IMPROVEMENT, SNR_RESCALED)
    gates: ClassVar = {SI_SDR_IMPROVEMENT.name: Gate(0.05, is_share=True)}
    data_options = frozenset({"corpus"})
    item_s = UTTERANCE_S
    most_inputs = 8
    onnx_names = ("mixture", "sources")
    # Estimates of random weights have next to nothing of the sources; SI-SDR divides
    # by how much.
    proves_trained_gradients = True

    def dataset(self, size: Size, request: DataRequest) -> Dataset:
        """The user's corpus where there is one, else built-in mixtures, which also
        train where that cannot."""
        if request.root is None:
            return self._built_in(size, request)
        if "corpus" in request.options:
            raise NotHereError("this case is of built-in mixtures: no --data-root")
        found = dataset.on_disk(
            request.root, size, request.may_resample, request.progress
        )
        return dataset.with_training(found, lambda: self._built_in(size, request))

    def _built_in(self, size: Size, request: DataRequest) -> Dataset:
        if request.profile == "paper" and request.root is None:
            raise NotHereError(
                "the paper profile measures on the paper's corpora: give --data-root, "
                "the folder that holds LibriMix, Aishell1Mix or LibriCSS"
            )
        mixtures = MIXTURES.get(request.profile, builtin.STANDARD)
        if request.train_s is not None:
            count = max(1, round(request.train_s / UTTERANCE_S))
            mixtures = MixturesSize("training", count, VALIDATION_MIXTURES)
        return dataset.builtin_mixtures(
            size,
            mixtures,
            SCENES.get(request.options.get("corpus", "")),
            request.progress,
        )

    def model(self, size: Size) -> nn.Module:
        from workloads.separation.conv_tasnet import ConvTasNet
        from workloads.separation.dptnet import DptNet
        from workloads.separation.lstm_tasnet import LstmTasNet

        if isinstance(size, ConvTasNetSize):
            return ConvTasNet(size)
        return DptNet(size) if isinstance(size, DptNetSize) else LstmTasNet(size)

    def deployed(self, model: nn.Module) -> nn.Module:
        from workloads.separation.framing import OfSamples

        return OfSamples(model)

    def is_recurrent(self, size: Size) -> bool:
        return not isinstance(size, ConvTasNetSize)

    def example(self, size: Size) -> tuple[int, int]:
        return round(EXAMPLE_S * size.sample_rate_hz), 1

    def arithmetic(self, size: Size) -> str:
        """DPTNet once had norms over the utterance and summed its overlaps: weights
        trained for that still fit, and separate worse."""
        is_new = isinstance(size, DptNetSize)
        return "norms over each sequence, the mean of overlaps" if is_new else ""

    def why_not(
        self,
        size: Size,
        compression: Compression,
        runtime: str,
        device: str,
        options: Mapping[str, str],
    ) -> str | None:
        if options.get("weights") and runtime != "eager":
            return f"{runtime} has no sparse products: use eager"
        if options.get("weights") == "2of4" and not device.startswith("cuda"):
            return "products of 2:4 sparse weights are for CUDA: use --hardware=cuda:0"
        if runtime == "openvino" and compression.step_of(Int8Dynamic):
            return (
                "OpenVINO runs LSTMs, 1x1 convolutions and products of an int8-dynamic "
                "file in float: use onnxruntime, or int8-static"
            )
        return None

    def float_layers(self, compression: Compression, runtime: str) -> int:
        """There is no integer kernel for the decoder, a ConvTranspose; ONNX Runtime's
        file tells of it itself."""
        return int("calibration" in compression.needs and runtime != "onnxruntime")

    def adapted(
        self, model: nn.Module, options: Mapping[str, str]
    ) -> tuple[nn.Module, Mapping[str, float | str]]:
        """With sparse weights of the kind that the option `weights` names."""
        from workloads.compression.skipped import by_reason
        from workloads.compression.sparse import executed

        kind = options.get("weights")
        if kind is None:
            return model, {}
        make = {"csr": executed.csr_linears, "2of4": executed.semi_structured_linears}
        done = make[kind](model)
        facts: dict[str, float | str] = {
            "layers_sparse": len(done.changed),
            "layers_dense": by_reason(done.left) or "none",
        }
        return done.model, facts

    def item_shape(self, size: Size) -> tuple[int, int]:
        return round(UTTERANCE_S * size.sample_rate_hz), 1

    def held_out(self, size: Size, data: Dataset) -> Sequence[np.ndarray]:
        """Validation mixtures, cut or repeated to `UTTERANCE_S`."""
        shape = self.item_shape(size)
        return [np.resize(one.mixture, shape) for one in data.validation.held]

    def training_count(self, data: Dataset) -> int:
        return len(data.train.mixtures)

    def score(self, run: Run, data: Dataset, batch_size: int) -> Scores:
        from workloads.separation.scoring import score_set, scores_of

        return scores_of(score_set(run, data.validation, batch_size))

    def calibration(self, data: Dataset) -> Sequence[np.ndarray]:
        """Waveforms (S, 1)."""
        held = self.gradient_sample(data, CALIBRATION_MIXTURES)
        return [one.mixture[:, None] for one in held]

    def channel_groups(self, model: nn.Module) -> Sequence[Any]:
        from workloads.separation.channels import channel_groups

        return channel_groups(model)

    def gradient_sample(self, data: Dataset, count: int) -> Sequence[Signals]:
        chosen = data.train.mixtures[:count]
        return dataset.MixtureSet(chosen, data.train.sample_rate_hz).held

    def gradient_loss(self, model: nn.Module, item: Signals) -> Tensor:
        import torch

        from workloads.separation.loss import pit_loss

        both = (item.mixture[None], item.sources[None])
        mixtures, sources = (torch.from_numpy(np.ascontiguousarray(x)) for x in both)
        return pit_loss(model(mixtures), sources)

    def train_s(self, size: Size) -> float | None:
        return SMALL_TRAIN_S if is_small(size) else FULL_TRAIN_S

    def recipe(
        self, size: Size, data: Dataset, compression: Compression | None = None
    ) -> Recipe:
        return FROM_SCRATCH if compression is None else FINE_TUNING

    def timed_recipe(self, size: Size, data: Dataset, profile: str) -> Recipe:
        return FROM_SCRATCH

    def objective(
        self, size: Size, recipe: Recipe, data: Dataset, device: Device, rank: Rank
    ) -> SeparationObjective:
        from workloads.separation.objective import SeparationObjective

        if rank.count > 1:
            raise NotHereError("separators train on one device")
        return SeparationObjective(self, recipe, data, device)


SEPARATION = SpeechSeparation()
