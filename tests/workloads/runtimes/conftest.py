"""The tiny model as a module, and the very same as ONNX files, also quantized."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tiny_model import SYMBOLS, WIDTH, one_node_model, speech, tiny
from torch import nn


@pytest.fixture
def module() -> nn.Module:
    return tiny()


@pytest.fixture(scope="session")
def onnx_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """By hand, which is quicker than an export."""
    from onnx import TensorProto, helper, numpy_helper, save

    model = tiny()
    weights = [
        numpy_helper.from_array(tensor.numpy(), name.replace(".", "_"))
        for name, tensor in model.state_dict().items()
    ]
    make = helper.make_node
    nodes = [
        make("Transpose", ["features"], ["turned"], "turn", perm=[0, 2, 1]),
        make(
            "Conv",
            ["turned", "first_weight", "first_bias"],
            ["convolved"],
            "first",
            strides=[2],
            pads=[2, 2],
        ),
        make("Relu", ["convolved"], ["rectified"], "relu"),
        make("Conv", ["rectified", "last_weight", "last_bias"], ["logits"], "last"),
        make("Transpose", ["logits"], ["back"], "turn_back", perm=[0, 2, 1]),
        make("LogSoftmax", ["back"], ["log_probs"], "softmax", axis=2),
    ]
    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("features", kind, ["B", "T", WIDTH])],
        [helper.make_tensor_value_info("log_probs", kind, ["B", "U", SYMBOLS])],
        weights,
    )
    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    save(
        helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10
        ),
        path,
    )
    return path


class Speech:
    """Batches to calibrate with, as ONNX Runtime reads them."""

    def __init__(self) -> None:
        self._batches = iter([{"features": speech(2, 50, seed)} for seed in range(3)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._batches, None)

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        return self._batches


@pytest.fixture(scope="session")
def static_int8_path(onnx_path: Path) -> Path:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    path = onnx_path.with_name("static.onnx")
    quantize_static(
        str(onnx_path),
        str(path),
        Speech(),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
    )
    return path


@pytest.fixture(scope="session")
def dynamic_int8_path(onnx_path: Path) -> Path:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = onnx_path.with_name("dynamic.onnx")
    quantize_dynamic(str(onnx_path), str(path), weight_type=QuantType.QUInt8)
    return path


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """A model whose operator no runtime has."""
    return one_node_model(tmp_path / "made_up.onnx", "Wobble", "made.up")
