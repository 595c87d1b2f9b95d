"""Quantized copies of ONNX models: for any model of one float input.

Axes: `B` utterances, `T` frames, `F` features.

The document quantizes with ONNX Runtime in its dynamic mode; the others are the future
work that it names. "int8" names the stored weights and the arithmetic asked for: which
arithmetic a runtime really uses shows in the names of its kernels.

- `int8-dynamic`: unsigned 8-bit weights of one scale a layer (those of an LSTM signed,
  with a scale for each direction); activations get their scale while running. The
  library leaves each ConvTranspose in float.
- `int8-static`, `int8-qat`: 8-bit weights with a scale for each output channel, and
  unsigned activations of calibrated ranges, as x86 multiplies them (signed ones make
  OpenVINO fall back to float). Cores without VNNI may saturate while adding up. The
  library leaves each LSTM in float.
- `int16-weights`: half the size; weights become float again when a session loads.
- `w16a8`: 16-bit weights, 8-bit activations. ONNX Runtime and OpenVINO have no kernel
  for it: activations are rounded to 8 bits, and the arithmetic is float.

Layers are what computes with stored weights. All between them stays in float, such as
norms, whose squares have no use for 8 bits, and the products of attention.
"""

import contextlib
import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.compression import onnx_files
from workloads.compression.calibration import (
    PERCENTILE,
    Ranges,
    checked_calibration,
    onnxruntime_options,
)
from workloads.compression.graph import (
    WEIGHTED,
    float_layers,
    load_onnx,
    model_input,
    weighted_nodes,
    weights_of,
)
from workloads.compression.int16 import with_int16_weights
from workloads.compression.layers import (
    CLIPPING,
    Layer,
    all_but,
    layers_in,
    other_nodes,
)
from workloads.compression.names import FLOATS, OTHERS, POST_TRAINING, Compression
from workloads.compression.skipped import SkippedLayer

OPSET_OF_16_BITS = 21  # the first whose QuantizeLinear knows 16-bit integers
# What may take integers in and give them out; a Transpose does where it gets some.
_INTEGER = (*WEIGHTED, *CLIPPING, "Transpose")
_REASONS = {
    ("int8-dynamic", "ConvTranspose"): "it is not among those that ONNX Runtime "
    "quantizes dynamically",
    **{
        (base, "LSTM"): "ONNX Runtime quantizes an LSTM dynamically alone"
        for base in ("int8-static", "int8-qat", "w16a8")
    },
}


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
    model_bytes: int
    left: tuple[SkippedLayer, ...] = ()

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Quantized":
        """From what `dataclasses.asdict` made of one, be it by way of JSON."""
        left = tuple(SkippedLayer(**one) for one in facts.get("left", ()))
        return cls(**{**facts, "kept": tuple(facts["kept"]), "left": left})


def quantize(
    fp32_path: Path,
    out_path: Path,
    compression: Compression,
    calibration: Sequence[NDArray[np.float32]] | None = None,
    ranges: Ranges = PERCENTILE,
    only: Sequence[str] | None = None,
) -> Quantized:
    """Write a quantized copy of the model.

    `calibration` holds utterances (T, F) of what the model will hear, of any lengths,
    from which `ranges` derives the range of each activation. Weights that `compression`
    prunes must be pruned in the model already. `only` names the layers that are
    quantized, whatever `compression` keeps: all else stays in float.

    Raises ValueError for a file that is no such model, for bad calibration data, and
    for unknown layers; NothingQuantizedError where all layers would stay in float.
    """
    if compression.base in FLOATS:
        known = ", ".join((*POST_TRAINING, *OTHERS))
        raise ValueError(f"{compression.name} is no quantization: give one of {known}")
    name, width = model_input(load_onnx(fp32_path), fp32_path)
    with tempfile.TemporaryDirectory(prefix="speechmark-") as folder:
        prepared = Path(folder) / "prepared.onnx"
        names = _prepare(fp32_path, prepared, compression)
        kept = kept_layers(names, compression.keep)
        unweighted = other_nodes(load_onnx(prepared))
        excluded = (*kept, *_products(load_onnx(prepared), unweighted))
        if only is not None:
            kept = all_but(only, names)
            excluded = (*kept, *unweighted)
        if compression.calibrated:
            utterances = checked_calibration(calibration, width)
            calibrating = onnxruntime_options(name, utterances, ranges)
            wide = compression.base == "w16a8"
            _static(prepared, out_path, excluded, wide, calibrating)
        elif compression.base == "int16-weights":
            with_int16_weights(prepared, out_path, excluded)
        else:
            _dynamic(prepared, out_path, excluded)
    onnx_files.forget_provenance(out_path)  # of the library, which marks what it did
    plain = float_layers(load_onnx(out_path))
    if len(plain) == len(names):
        raise NothingQuantizedError(
            f"{compression.name} leaves all {len(names)} layers of {fp32_path} in "
            "float: give a model of more layers, or another compression"
        )
    left = _left(plain, kept, compression.base)
    return Quantized(kept, len(names), len(plain), out_path.stat().st_size, left)


def _products(model: Any, unweighted: Sequence[str]) -> list[str]:
    """Of nodes without weights, those that would be quantized as layers are."""
    others = set(unweighted)
    nodes = [node for node in model.graph.node if node.name in others]
    return [node.name for node in nodes if node.op_type in WEIGHTED]


def _left(
    plain: Sequence[Any], kept: Sequence[str], base: str
) -> tuple[SkippedLayer, ...]:
    """Of the layers in float, those that nobody wanted there."""
    wanted = {*kept, *_as_matmul(kept)}
    unknown = "ONNX Runtime left it so, and does not tell why"
    return tuple(
        SkippedLayer(n.name, n.op_type, _REASONS.get((base, n.op_type), unknown))
        for n in plain
        if n.name not in wanted
    )


def _as_matmul(names: Sequence[str]) -> list[str]:
    """To quantize dynamically, the library first makes a MatMul of each Gemm, under
    this other name."""
    return [f"{name}_MatMul" for name in names]


def kept_layers(names: Sequence[str], keep: str) -> tuple[str, ...]:
    """Of the compute layers in the graph's order, those that stay in float.

    >>> kept_layers(["a", "b", "c", "d", "e"], "edges")
    ('a', 'b', 'd', 'e')
    """
    first, last = {"none": (0, 0), "first": (1, 0), "edges": (2, 2)}[keep]
    tail = max(first, len(names) - last)
    return (*names[:first], *names[tail:])


def layers_of(fp32_path: Path) -> tuple[Layer, ...]:
    """The layers that `quantize` finds in a model, in the graph's order.

    Raises ValueError for a file that is no such model, or without such layers.
    """
    import onnx

    model_input(load_onnx(fp32_path), fp32_path)
    with tempfile.TemporaryDirectory(prefix="speechmark-") as folder:
        prepared = Path(folder) / "prepared.onnx"
        _prepare(fp32_path, prepared, Compression("int8-dynamic"))
        return layers_in(onnx.load(prepared))


def _prepare(fp32_path: Path, prepared: Path, compression: Compression) -> list[str]:
    """Fold constants, name all nodes, infer shapes; returns the compute layers."""
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    quant_pre_process(fp32_path, prepared, skip_symbolic_shape=True)
    model = onnx.load(prepared)
    if compression.base == "w16a8":
        model = onnx.version_converter.convert_version(model, OPSET_OF_16_BITS)
    _forget_shapes_of_weights(model)
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    onnx.save(model, prepared)
    if compression.pruning and not compression.pruning.structured:
        _check_pruned(model, compression.pruning.percent)
    names = [node.name for node in weighted_nodes(model)]
    if not names:
        raise ValueError(f"{fp32_path} has no layer with weights: nothing to quantize")
    return names


def _forget_shapes_of_weights(model: Any) -> None:
    """The library transposes the weights of a Gemm, and trips over their old shape."""
    stored = {tensor.name for tensor in model.graph.initializer}
    others = [info for info in model.graph.value_info if info.name not in stored]
    del model.graph.value_info[:]
    model.graph.value_info.extend(others)


def _check_pruned(model: Any, percent: int) -> None:
    """In the layer with most zeros: pruning leaves kinds of layers alone."""
    from onnx import numpy_helper

    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    shares = []
    for node in weighted_nodes(model):
        weights = [numpy_helper.to_array(tensors[name]) for name in weights_of(node)]
        zeros = sum(int(np.count_nonzero(part == 0)) for part in weights)
        shares.append((zeros, sum(part.size for part in weights), node.name))
    zeros, size, name = max(shares, key=lambda share: share[0] / share[1])
    if zeros < round(percent * size / 100):
        raise ValueError(
            f"{zeros} of {size} weights of {name} are zero, expected {percent} %: "
            "prune the model before it is exported"
        )


def _dynamic(prepared: Path, out_path: Path, excluded: Sequence[str]) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        prepared,
        out_path,
        weight_type=QuantType.QUInt8,
        nodes_to_exclude=[*excluded, *_as_matmul(excluded)],
    )


def _static(
    prepared: Path,
    out_path: Path,
    excluded: Sequence[str],
    wide: bool,
    calibrating: dict[str, Any],
) -> None:
    """With weights of 16 bits where they are `wide`, else of 8."""
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    with contextlib.redirect_stdout(io.StringIO()):  # it prints how far it is
        quantize_static(
            prepared,
            out_path,
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt16 if wide else QuantType.QInt8,
            op_types_to_quantize=[op for op in _INTEGER if op != "LSTM"],
            nodes_to_exclude=list(excluded),
            **calibrating,
        )
