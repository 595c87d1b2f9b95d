"""What it costs a model to quantize one of its layers alone, for each of its layers.

The layers that cost most are the ones to keep in float. What several cost together is
not the sum of what each costs, so all of them together are measured too.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workloads.compression.graph import Layer
from workloads.compression.quantization import (
    NothingQuantizedError,
    layers_of,
    quantize,
)
from workloads.compression.step import Compression
from workloads.metrics.bootstrap import Difference
from workloads.metrics.error_rates import ErrorRate

Run = Callable[[Path], list[np.ndarray]]  # a model's output for each utterance
Score = Callable[[list[np.ndarray]], ErrorRate]  # what is wrong with these outputs


@dataclass(frozen=True)
class Cost:
    """What quantizing did, against the model in float.

    `difference` is of the error rate over the same utterances, with its 95 % interval.
    `output_change` is the mean absolute difference of all output values.
    """

    errors: ErrorRate
    difference: Difference
    output_change: float
    model_bytes: int

    @property
    def shows(self) -> bool:
        """Whether the interval lies above 0."""
        return self.difference.low > 0


@dataclass(frozen=True)
class LayerCost:
    """A layer, the first of the graph with number 1; its cost is None where the
    compression leaves such a layer in float."""

    number: int
    layer: Layer
    weights_percent: float  # of the weights of all layers
    cost: Cost | None

    @property
    def label(self) -> str:
        """Such as "conv 1"."""
        return f"{self.layer.operator.lower()} {self.number}"


@dataclass(frozen=True)
class Sensitivity:
    """The model in float, each layer alone in the graph's order, all layers at once."""

    baseline: ErrorRate
    baseline_bytes: int
    layers: tuple[LayerCost, ...]
    together: Cost

    def ranked(self) -> list[tuple[LayerCost, Cost]]:
        """The layers that could be quantized, the costliest first; those that cost the
        same by how much they change the output."""
        found = [(layer, layer.cost) for layer in self.layers if layer.cost]
        return sorted(
            found, key=lambda x: (-x[1].difference.value, -x[1].output_change)
        )


def analyse(
    fp32_path: Path,
    compression: Compression,
    calibration: Sequence[np.ndarray] | None,
    run: Run,
    score: Score,
    on_layer: Callable[[LayerCost, int], None] = lambda layer, count: None,
) -> Sensitivity:
    """Quantize each layer alone, then all of them, and run every model.

    `run` gives the outputs of a model, of the same utterances each time; `score`
    counts their errors. `on_layer` is given each layer as soon as it is done, and how
    many there are.

    Raises ValueError as `quantize` does, and for outputs that are not finite.
    """
    reference = run(fp32_path)
    baseline = score(reference)

    def cost(only: Sequence[str] | None, what: str) -> Cost:
        with tempfile.TemporaryDirectory(prefix="speechmark-") as folder:
            path = Path(folder) / "quantized.onnx"
            quantize(fp32_path, path, compression, calibration, only=only)
            outputs, size = run(path), path.stat().st_size
        change = mean_change(reference, outputs, what)
        errors = score(outputs)
        return Cost(errors, errors.minus(baseline), change, size)

    layers = []
    found = layers_of(fp32_path)
    weights = sum(layer.weights for layer in found)
    for number, layer in enumerate(found, 1):
        alone: Cost | None
        try:
            alone = cost([layer.name], f"{layer.name} quantized alone")
        except NothingQuantizedError:
            alone = None
        percent = 100 * layer.weights / weights
        layers.append(LayerCost(number, layer, percent, alone))
        on_layer(layers[-1], len(found))
    together = cost(None, "the model with all layers quantized")
    size = fp32_path.stat().st_size
    return Sensitivity(baseline, size, tuple(layers), together)


def mean_change(a: Sequence[np.ndarray], b: Sequence[np.ndarray], what: str) -> float:
    """The mean absolute difference over all values of all utterances.

    Raises ValueError, which says `what` gave the second, where one is not finite.

    >>> mean_change([np.zeros(3), np.ones(1)], [np.ones(3), np.ones(1)], "a model")
    0.75
    """
    pairs = zip(a, b, strict=True)
    total = sum(float(np.abs(x.astype(np.float64) - y).sum()) for x, y in pairs)
    if not np.isfinite(total):
        raise ValueError(
            f"{what} gives outputs that are not finite, or fp32 does: its arithmetic "
            "overflowed, so its cost is not known"
        )
    return total / sum(x.size for x in a)
