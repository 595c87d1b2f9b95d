"""What cases tell of their values: garbage is found whatever runtime made it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from processors import HAS_BF16
from torch import Tensor, nn

from benchmarks import values
from harness.observe.kernels import Entry, Profiled
from harness.workload import Values
from workloads.compression.known import parse
from workloads.elsewhere import ElsewhereError
from workloads.runtimes.pytorch import TorchSession
from workloads.values.layers import without_onednn
from workloads.values.plain import DESCRIPTION

FP32, BF16, INT8 = map(parse, ("fp32", "bf16", "int8-static"))
INPUTS = [
    np.random.default_rng(i).standard_normal((2, frames, 40), np.float32)
    for i, frames in enumerate((60, 80, 60, 70))
]


def scaled(features: np.ndarray) -> np.ndarray:
    return 2.0 * features


class FakeSession:
    """A runtime that doubles, and is wrong by so much in the last row of one length."""

    def __init__(self, wrong: float = 0.0, frames: int = 80) -> None:
        self.wrong, self.frames = wrong, frames

    def prepare(self, features: np.ndarray) -> np.ndarray:
        return features

    def run(self, prepared: np.ndarray) -> None: ...

    def output(self, prepared: np.ndarray) -> np.ndarray:
        found = scaled(prepared)
        if prepared.shape[1] == self.frames:
            found[-1] *= 1.0 + self.wrong
        return found


def plain(inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    return {str(i): scaled(one) for i, one in enumerate(inputs)}


def profile(steps: int) -> Profiled:
    entries = [
        Entry("reorder", "none", "Transpose", "f32,f32", "", 1.0),
        Entry("convolution", "forward", "brgconv_avx512_amx", "u8,s8,f32", "", 1.0),
    ]
    return Profiled(steps * entries, 0.1, "fake")


def test_outputs_of_every_length_are_compared() -> None:
    found = values.of_session(FakeSession(), INPUTS, plain, FP32, profile)
    assert found == Values(0.0, 1e-4, 3, DESCRIPTION)


def test_garbage_of_one_length_and_row_is_found_and_its_runtimes_kernel_named() -> None:
    found = values.of_session(FakeSession(-1.0), INPUTS, plain, INT8, profile)
    assert found.passed is False
    assert found.error == pytest.approx(1.0, rel=0.02)
    assert found.kernel == "brgconv_avx512_amx on u8,s8,f32"
    assert found.layer is None


def test_one_number_an_utterance_is_compared_over_utterances() -> None:
    """By itself it has nothing to differ from."""

    class Logits(FakeSession):
        def output(self, prepared: np.ndarray) -> np.ndarray:
            return prepared.mean(1)[:, :1] * (1.0 + self.wrong)

    def logits(inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        return {str(i): one.mean(1)[:, :1] for i, one in enumerate(inputs)}

    for wrong in (0.0, 0.5):
        session = Logits(wrong)
        found = values.of_session(session, INPUTS, logits, FP32, profile, False)  # type: ignore[arg-type]
        assert found.outputs == len(INPUTS)
        assert found.passed is (wrong == 0)
    expected = np.concatenate(list(logits(INPUTS).values()))
    spread = np.linalg.norm(expected - expected.mean())
    assert found.error == pytest.approx(0.5 * np.linalg.norm(expected) / spread)


@pytest.mark.parametrize(("compression", "passed"), [(FP32, False), (INT8, True)])
def test_what_rounding_explains_depends_on_the_arithmetic(
    compression: object, passed: bool
) -> None:
    session = FakeSession(0.05)
    found = values.of_session(session, INPUTS, plain, compression, profile)  # type: ignore[arg-type]
    assert found.passed is passed


@pytest.mark.parametrize("fault", [ElsewhereError, OSError])
def test_a_plain_path_that_breaks_leaves_values_unproven(
    fault: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """For want of memory, for instance: nothing says that the case is wrong."""

    def broken(inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        raise fault("its process ended by SIGKILL")

    found = values.of_session(FakeSession(), INPUTS, broken, FP32, profile)
    assert (found.error, found.passed) == (None, None)
    assert found.reason == "no plain outputs: its process ended by SIGKILL"
    assert "values are unproven: its process ended by SIGKILL" in caplog.text


class Drowned(nn.Module):
    """Convolutions of which the wrong one hardly reaches the output."""

    def __init__(self, layer: nn.Conv1d) -> None:
        super().__init__()
        self.layer, self.loud = layer, nn.Conv1d(40, 16, 7)

    def forward(self, features: Tensor) -> Tensor:
        x = features.transpose(1, 2)
        return (1e-3 * self.layer(x) + self.loud(x)).transpose(1, 2)


class Garbage(nn.Conv1d):
    """Wrong as the AMX kernel is, on any machine."""

    def forward(self, x: Tensor) -> Tensor:
        found = super().forward(x)
        return found.flip(2) if x.dtype == torch.bfloat16 else found


def of_module(module: nn.Module) -> Values:
    module = module.eval()
    with torch.inference_mode(), without_onednn():
        expected = [module(torch.from_numpy(one)).numpy() for one in INPUTS]
    session = TorchSession(module, 40, precision="bf16")

    def plain(inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        places = [next(i for i, e in enumerate(INPUTS) if e is one) for one in inputs]
        return {str(i): expected[place] for i, place in enumerate(places)}

    return values.of_session(session, INPUTS, plain, BF16, None)


def test_a_right_module_passes_layer_by_layer() -> None:
    torch.manual_seed(0)
    found = of_module(Drowned(nn.Conv1d(40, 16, 7)))
    assert found.passed
    assert (found.layer, found.kernel) == (None, None)


def test_a_wrong_layer_that_others_drown_is_found() -> None:
    torch.manual_seed(0)
    found = of_module(Drowned(Garbage(40, 16, 7)))
    assert found.passed is False
    assert found.against == f"{DESCRIPTION}, layer by layer"
    assert found.layer is not None
    assert found.layer.startswith("layer, Garbage(40, 16, kernel_size=(7,), stride=(1")
    if HAS_BF16:  # else torch's own kernels ran, which nobody names
        assert found.kernel is not None
        assert "bf16" in found.kernel or "f32" in found.kernel


class Between(nn.Module):
    """Wrong where no layer is."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(40, 16)

    def forward(self, features: Tensor) -> Tensor:
        found: Tensor = self.layer(features)
        return -found if features.dtype == torch.bfloat16 else found


def test_what_is_wrong_between_layers_is_said_to_be_there() -> None:
    torch.manual_seed(0)
    found = of_module(Between())
    assert found.passed is False
    assert found.error == pytest.approx(2.0, rel=0.05)
    assert found.layer is not None
    assert found.layer.startswith("what lies between the layers")


@pytest.mark.skipif(
    "amx_bf16" not in Path("/proc/cpuinfo").read_text(), reason="needs AMX"
)
def test_the_wrong_kernel_of_amx_is_found_where_the_library_has_it() -> None:
    """oneDNN 3.12: eight channels, 32 taps. Where a later one is right, all pass."""
    torch.manual_seed(0)
    first, second = nn.Conv1d(40, 8, 7), nn.Conv1d(8, 64, 32)
    with torch.inference_mode():
        waves = torch.randn(2, 8, 50)
        wide = second(waves)
        narrow = second.bfloat16()(waves.bfloat16()).float()
        second.float()
    wrong = bool((wide - narrow).norm() / wide.norm() > 0.5)
    found = of_module(OverFrames(nn.Sequential(first, nn.ReLU(), second)))
    assert found.passed is not wrong
    if wrong:
        assert found.layer is not None
        assert found.layer.startswith("layers.2, Conv1d(8, 64, kernel_size=(32,)")
        assert found.kernel is not None
        assert "amx" in found.kernel


class OverFrames(nn.Module):
    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, features: Tensor) -> Tensor:
        found: Tensor = self.layers(features.transpose(1, 2))
        return found.transpose(1, 2)
