"""Detection of spoofed speech by learned front-ends: all that is stated of it once.

Fu et al., "FastAudio: a learnable audio front-end for spoof speech detection", 2022.
Axes: `B` utterances, `S` samples. torch is loaded where a model is asked for: not every
runtime needs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workloads.compression.step import Compression, PrecisionStep, Quantization
from workloads.corpora.cache import default_cache_dir
from workloads.corpora.spoofed import asvspoof2019, builtin
from workloads.metrics.kinds import EER, MIN_DCF, MIN_T_DCF
from workloads.metrics.scores import Scores
from workloads.one_length import OneLengthTask
from workloads.spoof.data import SAMPLES, UTTERANCE_S, SpoofDataset, of_corpus
from workloads.spoof.recipe import FULL, SMALL
from workloads.spoof.sizes import SIZES, Size
from workloads.task import DataRequest, Gate, NotHereError, Run
from workloads.training.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch import device as Device

    from workloads.spoof.objective import SpoofObjective
    from workloads.training.objective import Rank

SEED = 0  # the corpus is the same whatever a training's seed
CORPORA = {
    "smoke": builtin.SMOKE,
    "commit": builtin.QUICK,
    "quick": builtin.QUICK,
    "standard": builtin.STANDARD,
}
TYPICAL_S = 3.0  # of a built-in utterance
CALIBRATION_UTTERANCES = 32
HELD_OUT = 64  # different utterances that are timed
EXAMPLE_SAMPLES = 8_000
# Of ONNX files: a transform or filters, and weights of bins or windows; LEAF's
# smoothing has one more.
FRONT_LAYERS = {
    "cqt": 1,
    "fbank": 2,
    "fastaudio-tri": 2,
    "fastaudio-gauss": 2,
    "fastaudio-sort": 2,
    "leaf": 3,
    "nnaudio": 2,
    "td-filterbanks": 2,
    "sincnet": 2,
}
FINE_TUNING_EPOCHS = 2


class SpoofDetection(OneLengthTask[Size, SpoofDataset]):
    """EER may rise by two points: those of the built-in evaluation lie a fifth of a
    point apart, and its interval is several wide."""

    name = "spoof"
    sizes = SIZES
    measures = (EER, MIN_T_DCF, MIN_DCF)
    gates: ClassVar = {EER.name: Gate(0.02)}
    data_options = frozenset({"part"})
    evaluation_batch = 16
    item_s = UTTERANCE_S
    most_inputs = 16
    onnx_names = ("waveforms", "logits")
    gives_frames = False
    # A ReLU whose input is within rounding of 0 lets a gradient through on one path
    # alone: biases before norms had 0.006.
    most_gradient_error = 0.01

    def dataset(self, size: Size, request: DataRequest) -> SpoofDataset:
        """The user's ASVspoof 2019 LA where there is one, else the built-in stand-in.
        The option `part=dev` judges on attacks that training knows."""
        judged_on = request.options.get("part", "eval")
        if judged_on not in ("eval", "dev"):
            raise NotHereError(f"part={judged_on}: give eval or dev")
        if request.root is not None:
            return of_corpus(
                asvspoof2019.load(request.root, judged_on, request.progress)
            )
        if request.profile == "paper" or judged_on == "dev":
            raise NotHereError(
                "the built-in stand-in is neither for the paper profile nor for "
                "part=dev: give --data-root, the folder that ASVspoof 2019's LA.zip "
                "was unpacked in"
            )
        wanted = CORPORA[request.profile]
        if request.train_s is not None:
            count = max(16, round(request.train_s / TYPICAL_S))
            wanted = replace(wanted, name=f"{request.train_s:g}s", train=count)
        made = builtin.load_or_build(
            wanted, default_cache_dir(), SEED, request.progress
        )
        return of_corpus(made)

    def model(self, size: Size) -> nn.Module:
        from workloads.spoof.model import SpoofDetector

        return SpoofDetector(size)

    def deployed(self, model: nn.Module) -> nn.Module:
        from workloads.spoof.model import OfSamples

        return OfSamples(model)

    def example(self, size: Size) -> tuple[int, int]:
        return EXAMPLE_SAMPLES, 1

    def front_layers(self, size: Size) -> int:
        return FRONT_LAYERS[size.frontend]

    def why_not(
        self,
        size: Size,
        compression: Compression,
        runtime: str,
        device: str,
        options: Mapping[str, str],
    ) -> str | None:
        if runtime == "openvino" and compression.step_of(PrecisionStep):
            return (
                "OpenVINO computes a whole file in one precision, the front-end too, "
                "whose energies lie 80 dB apart: use eager or compile"
            )
        if runtime == "compile" and compression.step_of(Quantization):
            return (
                "torch's quantization would round the front-end too, whose energies "
                "lie 80 dB apart: use onnxruntime or openvino"
            )
        return None

    def item_shape(self, size: Size) -> tuple[int, int]:
        return SAMPLES, 1

    def held_out(self, size: Size, data: SpoofDataset) -> Sequence[np.ndarray]:
        """Of evaluation, evenly over its attacks."""
        chosen = data.evaluation.spread(HELD_OUT)
        return list(data.evaluation.waves(chosen)[:, :, None])

    def training_count(self, data: SpoofDataset) -> int:
        return len(data.train)

    def score(self, run: Run, data: SpoofDataset, batch_size: int) -> Scores:
        from workloads.spoof.scoring import scores_of

        part, logits = data.evaluation, []
        for start in range(0, len(part), batch_size):
            positions = range(start, min(start + batch_size, len(part)))
            # A file of one shape takes no smaller batch: filled up, and cut again.
            filled = np.resize(positions, batch_size)
            found = run(part.waves(filled.tolist())[:, :, None])
            logits.append(found[: len(positions), 0])
        return scores_of(np.concatenate(logits), data)

    def calibration(self, data: SpoofDataset) -> Sequence[np.ndarray]:
        """Waveforms (S, 1)."""
        chosen = data.train.spread(CALIBRATION_UTTERANCES)
        return list(data.train.waves(chosen)[:, :, None])

    def channel_groups(self, model: nn.Module) -> Sequence[Any]:
        from workloads.spoof.channels import channel_groups

        return channel_groups(model)

    def gradient_sample(self, data: SpoofDataset, count: int) -> Sequence[Any]:
        chosen = data.train.spread(count)
        waves, labels = data.train.waves(chosen), data.train.labels[chosen]
        return list(zip(waves, labels, strict=True))

    def gradient_loss(self, model: nn.Module, item: Any) -> Tensor:
        import torch
        from torch.nn.functional import binary_cross_entropy_with_logits

        wave, label = item
        logit = model(torch.from_numpy(wave)[None])[0, 0]
        return binary_cross_entropy_with_logits(logit, torch.tensor(label))

    def recipe(
        self, size: Size, data: SpoofDataset, compression: Compression | None = None
    ) -> Recipe:
        found = SMALL if size.is_small else FULL
        if compression is None:
            return found
        slower = replace(
            found.optimizer, learning_rate=found.optimizer.learning_rate / 3
        )
        return replace(found, optimizer=slower, epochs=FINE_TUNING_EPOCHS)

    def timed_recipe(self, size: Size, data: SpoofDataset, profile: str) -> Recipe:
        return replace(self.recipe(size, data), schedule=None, epochs=100)

    def objective(
        self,
        size: Size,
        recipe: Recipe,
        data: SpoofDataset,
        device: Device,
        rank: Rank,
    ) -> SpoofObjective:
        from workloads.spoof.objective import SpoofObjective

        if rank.count > 1:
            raise NotHereError("detectors of spoofed speech train on one device")
        return SpoofObjective(recipe, data, device)


SPOOF = SpoofDetection()
