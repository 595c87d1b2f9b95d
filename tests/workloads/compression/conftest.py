"""A small convolutional model, exported once, and inputs with the tails of speech."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from workloads.compression.export import export_onnx
from workloads.compression.pruning.criteria import Pruning
from workloads.compression.pruning.importance import PruningChoice
from workloads.compression.pruning.prune import prune

FEATURES = 8
OUTPUTS = 5
LAYERS = 6


class Tiny(nn.Module):
    """Six convolutions, the last of kernel 1 and with no ReLU."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        middles = [nn.Conv1d(24, 24, 3, padding=1) for _ in range(LAYERS - 2)]
        first, last = nn.Conv1d(FEATURES, 24, 6, 2, 2), nn.Conv1d(24, OUTPUTS, 1)
        layers = []
        for convolution in (first, *middles, last):
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            layers += [convolution, nn.ReLU(), nn.Dropout(0.2)]
        self.layers = nn.Sequential(*layers[:-2])

    def forward(self, features):
        return self.layers(features.transpose(1, 2)).transpose(1, 2).log_softmax(2)


class Dense(nn.Module):
    """A Gemm, two MatMul and a ConvTranspose."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.gemm, self.first = nn.Linear(FEATURES, 16), nn.Linear(16, 16)
        self.second, self.up = nn.Linear(16, 16), nn.ConvTranspose1d(16, 12, 2, 2)

    def forward(self, features):
        x = self.gemm(features.flatten(0, 1)).unflatten(0, features.shape[:2]).relu()
        x = self.second(self.first(x).relu()).relu()
        return self.up(x.transpose(1, 2)).transpose(1, 2)


def speech(rng, frames):
    """Noise (frames, 8) that changes slowly and has outliers."""
    x = rng.standard_t(3, size=(frames, FEATURES))
    for t in range(1, frames):
        x[t] = 0.8 * x[t - 1] + 0.6 * x[t]
    return x.astype(np.float32)


@pytest.fixture(scope="session")
def tiny() -> nn.Module:
    return Tiny().eval()


@pytest.fixture(scope="session")
def tiny_onnx(tiny: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiny") / "fp32.onnx"
    export_onnx(tiny, torch.randn(2, 12, FEATURES), path)
    return path


@pytest.fixture(scope="session")
def pruned_onnx(tiny: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With 70 % of the weights of each layer at zero."""
    pruned = prune(tiny, PruningChoice(Pruning("l1", False, 70)))
    path = tmp_path_factory.mktemp("pruned") / "fp32.onnx"
    export_onnx(pruned, torch.randn(2, 12, FEATURES), path)
    return path


@pytest.fixture(scope="session")
def dense_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dense") / "fp32.onnx"
    export_onnx(Dense().eval(), torch.randn(2, 12, FEATURES), path)
    return path


@pytest.fixture(scope="session")
def calibration() -> list[np.ndarray]:
    """Sixteen utterances of different lengths."""
    rng = np.random.default_rng(0)
    return [speech(rng, int(rng.integers(40, 120))) for _ in range(16)]


@pytest.fixture(scope="session")
def unseen() -> np.ndarray:
    """(4, 100, 8) that were not calibrated on."""
    rng = np.random.default_rng(1)
    return np.stack([speech(rng, 100) for _ in range(4)])
