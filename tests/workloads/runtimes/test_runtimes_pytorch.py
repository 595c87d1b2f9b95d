"""PyTorch: precisions, and a compiled module that serves all lengths."""

import shutil
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from processors import needs_whole_sums
from tiny_model import WIDTH, expected, speech
from torch import nn

from workloads.runtimes.pytorch import TorchSession
from workloads.runtimes.session import PrecisionMissingError

needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None, reason="torch.compile needs g++"
)


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    """Freezing is a setting of the whole process; no other test shall see it."""
    import torch._dynamo
    import torch._inductor.config

    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    with torch._inductor.config.patch(freezing=False):
        yield
    torch._dynamo.reset()


def graphs() -> int:
    return torch._dynamo.utils.counters["stats"]["unique_graphs"]


@needs_compiler
@pytest.mark.usefixtures("fresh_compiler")
def test_one_compiled_graph_serves_all_lengths_and_another_batch_size_1(
    module: nn.Module,
) -> None:
    session = TorchSession(module, WIDTH, compiled=True)
    counts = []
    for shape in [(3, 50), (2, 61), (4, 80), (3, 33), (1, 50), (1, 71), (5, 20)]:
        features = speech(*shape)
        output = session.output(session.prepare(features))
        np.testing.assert_allclose(output, expected(features), atol=1e-4)
        counts.append(graphs())
    assert counts == [1, 1, 1, 1, 2, 2, 2]


@needs_compiler
@pytest.mark.usefixtures("fresh_compiler")
def test_run_and_output_share_one_compiled_graph(module: nn.Module) -> None:
    session = TorchSession(module, WIDTH, compiled=True)
    prepared = session.prepare(speech(2, 50))
    session.run(prepared)
    session.output(prepared)
    assert graphs() == 1


@needs_compiler
@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_weights_are_frozen(module: nn.Module) -> None:
    session = TorchSession(module, WIDTH, compiled=True)
    prepared = session.prepare(speech(2, 50))
    before = session.output(prepared)
    with torch.no_grad():
        module.last.bias += torch.arange(6.0)
    np.testing.assert_array_equal(session.output(prepared), before)


def test_without_a_compiler_compiling_says_what_to_install(
    module: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ValueError, match=r"C\+\+ compiler, and 'no-such-compiler'"):
        TorchSession(module, WIDTH, compiled=True)


def test_fp16_is_refused_on_a_cpu_without_its_kernels(
    module: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workloads.runtimes.pytorch._has_fp16", lambda torch: False)
    with pytest.raises(PrecisionMissingError, match=r"lacks AVX512-FP16.*use bf16"):
        TorchSession(module, WIDTH, precision="fp16")


def test_an_unknown_precision_is_refused(module: nn.Module) -> None:
    with pytest.raises(
        ValueError, match="precision='int8': expected one of fp32, bf16"
    ):
        TorchSession(module, WIDTH, precision="int8")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_agrees_loosely(
    module: nn.Module, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A small model can wait for torch's slow fp16 where the CPU has none.
    monkeypatch.setattr("workloads.runtimes.pytorch._has_fp16", lambda torch: True)
    session = TorchSession(module, WIDTH, precision=precision)
    features = speech(2, 50)
    output = session.output(session.prepare(features))
    assert output.dtype == np.float32
    difference = np.abs(output - expected(features)).max()
    assert 1e-6 < difference < 0.1


def test_a_run_builds_no_graph_for_gradients(module: nn.Module) -> None:
    seen = []
    module.register_forward_hook(lambda _m, _i, result: seen.append(result))
    session = TorchSession(module, WIDTH)
    session.run(session.prepare(speech(2, 50)))
    assert seen[0].is_inference()


def test_a_module_in_training_mode_is_refused(module: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"call its eval\(\) first"):
        TorchSession(module.train(), WIDTH)


def test_an_exported_graph_has_no_training_mode(module: nn.Module) -> None:
    features = speech(2, 50)
    graph = torch.export.export(module, (torch.from_numpy(features),)).module()
    session = TorchSession(graph, WIDTH)
    output = session.output(session.prepare(features))
    np.testing.assert_allclose(output, expected(features), atol=1e-4)


@needs_whole_sums
@needs_compiler
@pytest.mark.usefixtures("fresh_compiler")
def test_a_compiled_int8_module_runs_integer_kernels(
    module: nn.Module, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torchao")
    from workloads.compression.pt2e import quantize_for_compile

    calibration = [speech(1, 100, seed)[0] for seed in range(3)]
    quantized = quantize_for_compile(
        module, torch.from_numpy(speech(2, 50)), calibration
    )
    session = TorchSession(quantized, WIDTH, compiled=True)
    for shape in [(2, 50), (3, 61)]:
        features = speech(*shape)
        output = session.output(session.prepare(features))
        np.testing.assert_allclose(output, expected(features), atol=0.1)
    assert graphs() == 1
    prepared = session.prepare(features)
    with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
        session.run(prepared)
    lines = capfd.readouterr().out.splitlines()
    convolutions = [line for line in lines if ",exec,cpu,convolution," in line]
    assert convolutions
    assert all("wei:s8" in line for line in convolutions)


def test_a_module_may_be_given_more_than_it_computes_in() -> None:
    """A waveform in bf16 would be rounded to 48 dB before any front-end sees it."""

    class Detector(nn.Module):
        input_dtype = torch.float32

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.sum(2)

    given = np.full((1, 3, 2), 1 + 2**-12, np.float32)
    session = TorchSession(Detector().eval(), 2, precision="bf16")
    assert session.output(session.prepare(given))[0, 0] == 2 + 2**-11
