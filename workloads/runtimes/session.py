"""What a session of any runtime is, and what it refuses.

For models with one input, features (B, T, F) in float32, and one output (B, U, C), also
float32 to the caller. B batch, T frames, F features, U output frames, C symbols.
Waveforms are features of F = 1, of which T counts the samples.

Importing this module imports no runtime: one is imported when its session is opened,
so that a process that times one runtime never holds another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

Prepared = TypeVar("Prepared")


class Session(Protocol[Prepared]):
    """A model, ready to run on one runtime.

    `prepare` does all that is not to be timed and raises ValueError for features that
    the model cannot take. `run` is what to time: nothing but the forward pass. On a
    CUDA device it returns before the device is done. `output` runs too, and gives the
    result as an array of its own. `profile_source` names the runtime's own profile,
    None where it has none and torch's oneDNN logs the kernels.
    """

    profile_source: ClassVar[str | None]

    def prepare(self, features: np.ndarray) -> Prepared: ...
    def run(self, prepared: Prepared) -> None: ...
    def output(self, prepared: Prepared) -> np.ndarray: ...
    def profile(self, prepared: Prepared, steps: int) -> tuple[list[KernelCall], float]:
        """The kernels of `steps` runs after a warm-up, and their seconds."""


class OperatorMissingError(ValueError):
    """The runtime has no kernel for an operator of the model."""

    def __init__(self, runtime: str, operator: str, node: str, advice: str) -> None:
        super().__init__(
            f"{runtime} has no kernel for operator {operator} (node {node}): {advice}"
        )


class PrecisionMissingError(ValueError):
    """The runtime would compute in another precision than the one asked for."""


@dataclass(frozen=True)
class KernelCall:
    """One call of one kernel, in oneDNN's words where it has them."""

    primitive: str
    implementation: str
    dtypes: str  # source, weights, destination
    time_ms: float


def checked_model(
    path: Path, inputs: Sequence[tuple[str, Sequence[Any]]], outputs: int, dtype: str
) -> int | None:
    """The width F of the model's only input, None where the model leaves it open.

    `inputs` are element types and shapes as the runtime tells them, where an axis of
    any length is no integer; `dtype` is the runtime's name of float32.
    """
    if len(inputs) != 1 or outputs != 1:
        raise ValueError(
            f"{path} has {len(inputs)} inputs and {outputs} outputs: expected one each"
        )
    (found, shape) = inputs[0]
    if found != dtype or len(shape) != 3:
        raise ValueError(
            f"{path} takes {found} with {len(shape)} axes: expected {dtype} with the "
            f"axes batch, frames, features"
        )
    return shape[2] if isinstance(shape[2], int) else None


def checked_threads(threads: int) -> int:
    """The same; ValueError below 1, as runtimes take 0 for all cores."""
    if threads < 1:
        raise ValueError(f"threads={threads}: expected a whole number above 0")
    return threads


def checked_precision(precision: str, names: Mapping[str, str]) -> str:
    """The runtime's own name of a precision; ValueError for an unknown one."""
    if precision not in names:
        expected = ", ".join(names)
        raise ValueError(f"precision={precision!r}: expected one of {expected}")
    return names[precision]


def checked_features(features: np.ndarray, width: int | None) -> np.ndarray:
    """The same array where it is contiguous and writable, which runtimes need to share
    its memory; else a copy. ValueError for what the model cannot take."""
    if features.dtype != np.float32:
        raise ValueError(f"features are {features.dtype}: expected float32")
    if features.ndim != 3:
        raise ValueError(
            f"features have shape {features.shape}: expected the three axes batch, "
            f"frames, features (of waveforms: batch, samples, 1)"
        )
    if 0 in features.shape:
        raise ValueError(f"features have shape {features.shape}: nothing to run on")
    if width is not None and features.shape[2] != width:
        raise ValueError(
            f"features are {features.shape[2]} wide: this model takes {width}"
        )
    if not np.isfinite(features).all():
        bad = int(features.size - np.isfinite(features).sum())
        raise ValueError(f"{bad} of {features.size} features are NaN or infinite")
    return np.require(features, requirements=["C", "W"])


def failure(runtime: str, path: Path, message: str) -> ValueError:
    """What to raise of a model that cannot be opened or run."""
    remedy = "" if path.is_file() else ": export it first"
    return ValueError(f"{runtime} cannot run {path}: {message.rstrip()}{remedy}")


def nodes_with(path: Path, operator: str) -> str:
    """Names of the model's nodes of that type, for an error that does not name them."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    names = [node.name or "unnamed" for node in graph.node if node.op_type == operator]
    return ", ".join(names) or "unnamed"
