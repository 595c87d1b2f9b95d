"""A tiny convolutional model, and ONNX files of one operator."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from workloads.runtimes.open_vino import OpenVinoSession

WIDTH = 8  # F
SYMBOLS = 6  # C


class Tiny(nn.Module):
    """(B, T, 8) -> (B, U, 6), as a small wav2letter."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(WIDTH, 16, 5, 2, 2)
        self.last = nn.Conv1d(16, SYMBOLS, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        hidden = self.first(features.transpose(1, 2)).relu()
        return self.last(hidden).transpose(1, 2).log_softmax(2)


def speech(batch_size: int, frames: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((batch_size, frames, WIDTH)).astype(np.float32)


def expected(features: np.ndarray) -> np.ndarray:
    """What the module gives when it is called plainly."""
    with torch.no_grad():
        return tiny()(torch.from_numpy(features)).numpy()


def tiny() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Tiny().eval()


def one_node_model(path: Path, operator: str, domain: str = "", **axes: object) -> Path:
    """features -> one operator -> log_probs; the operator need not exist."""
    from onnx import TensorProto, helper, save

    kind = axes.pop("kind", TensorProto.FLOAT)
    shape = axes.pop("shape", ["B", "T", WIDTH])
    node = helper.make_node(
        operator, ["features"], ["log_probs"], "the_node", None, domain
    )
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("features", kind, shape)],
        [helper.make_tensor_value_info("log_probs", kind, None)],
    )
    opsets = [helper.make_opsetid("", 20)]
    opsets += [helper.make_opsetid(domain, 1)] if domain else []
    save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


def precision_here(path: Path, precision: str) -> OpenVinoSession:
    import openvino

    able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision.upper() not in able:
        pytest.skip(f"this CPU has no {precision}")
    return OpenVinoSession(path, precision, 1)
