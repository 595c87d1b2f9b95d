"""Quantized copies of ONNX models: for any model of one float input.

Axes: `B` utterances, `T` frames, `F` features.

Layers are what computes with stored weights. All between them stays in float, such as
norms, whose squares have no use for 8 bits, and the products of attention.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.compression import onnx_files
from workloads.compression.calibration import checked_calibration, onnxruntime_options
from workloads.compression.graph import (
    CLIPPING,
    WEIGHTED,
    Layer,
    as_matmul,
    float_layers,
    kept_layers,
    layers_in,
    load_onnx,
    model_input,
    weighted_nodes,
    weights_of,
)
from workloads.compression.known import STEPS
from workloads.compression.skipped import SkippedLayer
from workloads.compression.step import Compression, FileStep, ModuleStep, PreparedFile


class NothingQuantizedError(ValueError):
    """The compression leaves all layers in float."""


@dataclass(frozen=True)
class Quantized:
    """What became of a model.

    `kept` names the layers that were to stay in float. `float_layers` counts, of all
    `layers` that compute with weights, those whose weights are stored in float in the
    end: those that were kept, and those that were `left`, because the library cannot
    quantize that kind of layer.
    """

    kept: tuple[str, ...]
    layers: int
    float_layers: int
    left: tuple[SkippedLayer, ...] = ()


def quantize(
    fp32_path: Path,
    out_path: Path,
    compression: Compression,
    calibration: Sequence[NDArray[np.float32]] | None = None,
    only: Sequence[str] | None = None,
    front: int = 0,
) -> Quantized:
    """Write a quantized copy of the model.

    `calibration` holds utterances (T, F) of what the model will be given, of any
    lengths, from which the range of each activation is derived. Weights that
    `compression` prunes must be pruned in the model already. `only` names the layers
    that are quantized, whatever `compression` keeps: all else stays in float. So many
    layers at the `front`, those of a front-end, stay in float whatever is asked for.

    Raises ValueError for a file that is no such model, for bad calibration data, and
    where `only` is empty or names what is no layer; NothingQuantizedError where all
    layers would stay in float.
    """
    step = compression.step_of(FileStep)
    if step is None:
        known = ", ".join(kind.base for kind in STEPS if issubclass(kind, FileStep))
        raise ValueError(
            f"{compression.name} is no quantization of ONNX files: give one of {known}"
        )
    name, width = model_input(load_onnx(fp32_path), fp32_path)
    with tempfile.TemporaryDirectory(prefix="speechmark-") as folder:
        prepared = Path(folder) / "prepared.onnx"
        model = _prepared(fp32_path, prepared, step.opset)
        names = [node.name for node in weighted_nodes(model)]
        if before := compression.step_of(ModuleStep):
            before.check_weights(_weights(model))
        kept = kept_layers(names[front:], step.keep)
        if only is not None:
            kept = _all_but(only, names)
        kept = tuple(dict.fromkeys((*names[:front], *kept)))
        excluded = [*kept, *_beside(model, names, of_any_kind=only is not None)]
        calibrating: dict[str, Any] = {}
        if "calibration" in step.needs:
            utterances = checked_calibration(calibration, width)
            calibrating = onnxruntime_options(name, utterances)
        step.write(PreparedFile(prepared, excluded, calibrating), out_path)
    onnx_files.forget_provenance(out_path)  # of the library, which marks what it did
    plain = float_layers(load_onnx(out_path))
    if len(plain) == len(names):
        raise NothingQuantizedError(
            f"{compression.name} leaves all {len(names)} layers of {fp32_path} in "
            "float: give a model of more layers, or another compression"
        )
    wanted = {*kept, *as_matmul(kept)}
    unknown = "ONNX Runtime left it so, and does not tell why"
    left = tuple(
        SkippedLayer(n.name, n.op_type, step.reasons.get(n.op_type, unknown))
        for n in plain
        if n.name not in wanted
    )
    return Quantized(kept, len(names), len(plain), left)


def _all_but(only: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    unknown = sorted(set(only) - set(names))
    if unknown or not only:
        raise ValueError(
            f"no layer is called {', '.join(unknown) or 'nothing'}: give one or more "
            f"of {', '.join(names)}"
        )
    return tuple(name for name in names if name not in only)


def _beside(model: Any, layers: Sequence[str], of_any_kind: bool) -> list[str]:
    """Nodes without weights that would be quantized: products, as layers are, or of any
    kind, such as sums, as what lies beside layers is."""
    return [
        node.name
        for node in model.graph.node
        if node.name not in layers
        and node.op_type not in CLIPPING
        and (of_any_kind or node.op_type in WEIGHTED)
    ]


def layers_of(fp32_path: Path) -> tuple[Layer, ...]:
    """The layers that `quantize` finds in a model, in the graph's order.

    Raises ValueError for a file that is no such model, or without such layers.
    """
    model_input(load_onnx(fp32_path), fp32_path)
    with tempfile.TemporaryDirectory(prefix="speechmark-") as folder:
        return layers_in(_prepared(fp32_path, Path(folder) / "prepared.onnx"))


def _prepared(fp32_path: Path, prepared: Path, opset: int | None = None) -> Any:
    """The model, also written to a file, with constants folded, all nodes named and
    shapes inferred."""
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    quant_pre_process(fp32_path, prepared, skip_symbolic_shape=True)
    model = onnx.load(prepared)
    if opset is not None:
        model = onnx.version_converter.convert_version(model, opset)
    # The library transposes the weights of a Gemm, and trips over their old shape.
    stored = {tensor.name for tensor in model.graph.initializer}
    others = [info for info in model.graph.value_info if info.name not in stored]
    del model.graph.value_info[:]
    model.graph.value_info.extend(others)
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    onnx.save(model, prepared)
    if not weighted_nodes(model):
        raise ValueError(f"{fp32_path} has no layer with weights: nothing to quantize")
    return model


def _weights(model: Any) -> dict[str, np.ndarray]:
    """All of each layer, on one axis."""
    from onnx import numpy_helper

    tensors = {tensor.name: tensor for tensor in model.graph.initializer}

    def flat(name: str) -> np.ndarray:
        return np.ravel(numpy_helper.to_array(tensors[name]))

    return {
        node.name: np.concatenate([flat(name) for name in weights_of(node)])
        for node in weighted_nodes(model)
    }
