"""References in float64: numpy's and torch's are two ways to the same values, and the
runtimes' fp32 comes close to them, all operations included."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.observe.kernel_sweep import in_onnx, in_torch, plain, ways
from harness.observe.kernel_sweep.quantized import quantized
from harness.observe.kernel_sweep.shapes import (
    FORWARD,
    OF_DATA,
    OF_WEIGHTS,
    SHAPES,
    Shape,
    Trial,
)

EACH = [
    Shape("conv1d", 6, 5, taps=7, stride=2, frames=31),
    Shape("conv1d", 3, 4, taps=16, stride=8, frames=64),
    Shape("conv1d", 4, 4, taps=3, dilation=2, frames=20),
    Shape("conv2d", 3, 5, taps=3, stride=2, frames=11),
    Shape("depthwise", 6, 6, taps=3, dilation=8, groups=6, frames=30),
    Shape("transposed", 6, 2, taps=16, stride=8, frames=9),
    Shape("product", 7, 5, frames=6),
    Shape("lstm", 5, 4, frames=6),
    Shape("lstm", 5, 4, groups=2, frames=6),
    Shape("layer norm", 9, 9, frames=6),
    Shape("group norm", 9, 9, frames=6),
]


def ids(shape: Shape) -> str:
    return f"{shape.operation} {shape}"


@pytest.mark.parametrize("shape", EACH, ids=ids)
def test_numpy_computes_what_torch_does_in_float64(shape: Shape) -> None:
    given = plain.operands(shape)
    found = in_torch.layer_of(Trial("torch", "fp32", shape))(
        *(torch.from_numpy(one).double() for one in given)
    )
    assert plain.relative_error(found.numpy(), plain.expected(shape, given)) < 1e-12


def test_each_operation_of_the_table_is_among_those() -> None:
    assert {one.operation for one in EACH} == set(SHAPES)


@pytest.mark.parametrize("shape", EACH, ids=ids)
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_runtimes_compute_it_in_fp32(runtime: str, shape: Shape) -> None:
    pytest.importorskip(runtime)
    errors = in_onnx.errors(Trial(runtime, "fp32", shape))
    assert list(errors) == [FORWARD]
    assert errors[FORWARD] < 1e-5


@pytest.mark.parametrize("shape", EACH, ids=ids)
def test_torch_computes_it_and_both_gradients_in_fp32(shape: Shape) -> None:
    errors = in_torch.errors(Trial("torch", "fp32", shape))
    assert [*errors] == [FORWARD, OF_DATA, OF_WEIGHTS]
    assert max(errors.values()) < 1e-5


@pytest.mark.parametrize("shape", EACH, ids=ids)
@pytest.mark.parametrize("library", [in_torch, in_onnx], ids=["torch", "onnx"])
def test_ways_round_compute_the_same(library: object, shape: Shape) -> None:
    runtime = "torch" if library is in_torch else "onnxruntime"
    trial = Trial(runtime, "fp32", shape)
    tried = [in_torch, in_onnx][runtime != "torch"]
    for way in ways.ways_of(trial):
        assert max(tried.errors(trial, way).values()) < 1e-5


@pytest.mark.parametrize("shape", [EACH[0], EACH[3], EACH[4], EACH[6]], ids=ids)
def test_8_bits_are_computed_as_their_values_are(shape: Shape) -> None:
    given = quantized(shape)
    assert (given.x.dtype, given.w.dtype) == (np.uint8, np.int8)
    assert given.y_scale * 127 == pytest.approx(np.abs(given.wanted).max())
    trial = Trial("onnxruntime", "int8", shape)
    # Seven bits: the others are wrong on CPUs without VNNI, which the sweep says there.
    assert in_onnx.errors(trial, ways.SEVEN_BITS)[FORWARD] < 0.05
    exact = plain.expected(shape, plain.operands(shape)[:2])
    assert plain.relative_error(given.wanted, exact) < 0.02


def test_bf16_is_rounded_as_torch_rounds_it() -> None:
    values = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    wanted = torch.from_numpy(values).bfloat16().float().numpy()
    np.testing.assert_array_equal(in_onnx.rounded(values, "bf16"), wanted)


def test_an_error_of_another_shape_or_of_no_number_is_infinite() -> None:
    wanted = np.ones(3)
    assert plain.relative_error(np.ones(2), wanted) == float("inf")
    assert plain.relative_error(np.array([1, np.nan, 1]), wanted) == float("inf")
    assert plain.relative_error(np.array([1, 1, 2.0]), wanted) == pytest.approx(3**-0.5)
