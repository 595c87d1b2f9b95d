"""ONNX Runtime: its options, its profile, what it lacks."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tiny_model import expected, one_node_model, speech

from workloads.runtimes.onnx_runtime import OnnxRuntimeSession
from workloads.runtimes.onnx_runtime_trace import after_warm_up, dtypes_of
from workloads.runtimes.session import KernelCall, OperatorMissingError


def opened(path: Path, threads: int = 1, **options: object) -> OnnxRuntimeSession:
    return OnnxRuntimeSession(path, threads, **options)


def profiled(
    path: Path, steps: int = 1, **options: object
) -> tuple[list[KernelCall], float]:
    session = opened(path, **options)
    return session.profile(session.prepare(speech(2, 50)), steps)


def implementations(path: Path, **options: object) -> list[str]:
    return [call.implementation for call in profiled(path, **options)[0]]


def test_the_graph_is_rewritten_as_far_as_asked(onnx_path: Path) -> None:
    assert "Relu" in implementations(onnx_path, graph="off")
    assert "Relu" in implementations(onnx_path, graph="basic")
    assert "FusedConv" in implementations(onnx_path, graph="extended")
    assert "FusedConv" in implementations(onnx_path)


@pytest.mark.parametrize("graph", ["all", "extended", "basic", "off"])
def test_rewriting_the_graph_leaves_the_result(onnx_path: Path, graph: str) -> None:
    session = opened(onnx_path, graph=graph)
    output = session.output(session.prepare(speech(2, 50)))
    np.testing.assert_allclose(output, expected(speech(2, 50)), atol=1e-4)


def test_options_reach_onnx_runtime(onnx_path: Path) -> None:
    default = opened(onnx_path).native.get_session_options()
    other = opened(onnx_path, arena=False).native.get_session_options()
    assert (default.enable_cpu_mem_arena, other.enable_cpu_mem_arena) == (True, False)


def test_a_session_starts_as_many_threads_as_asked(onnx_path: Path) -> None:
    def started(**options: object) -> int:
        before = len(os.listdir("/proc/self/task"))
        session = opened(onnx_path, **options)
        count = len(os.listdir("/proc/self/task")) - before
        del session
        return count

    assert started(threads=1) == 0  # the calling thread is the first
    assert started(threads=3) == 2


@pytest.mark.parametrize("threads", [0, -1])
def test_no_thread_is_refused_where_it_would_mean_all_cores(
    onnx_path: Path, threads: int
) -> None:
    expected = f"threads={threads}: expected a whole number above 0"
    with pytest.raises(ValueError, match=expected):
        opened(onnx_path, threads=threads)


def test_an_unknown_extent_of_rewriting_is_refused(onnx_path: Path) -> None:
    with pytest.raises(ValueError, match="graph='most': expected one of all, "):
        opened(onnx_path, graph="most")


def test_a_profile_holds_each_kernel_of_each_step_once(onnx_path: Path) -> None:
    calls, wall_s = profiled(onnx_path, steps=3)
    assert Counter(call.implementation for call in calls) == {
        "Transpose": 6,
        "FusedConv": 3,
        "Conv": 3,
        "LogSoftmax": 3,
    }
    assert 0 < sum(call.time_ms for call in calls) / 1000 <= wall_s


def test_a_profile_leaves_no_file_behind(
    onnx_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    profiled(onnx_path)
    assert list(tmp_path.iterdir()) == []


def kernels(path: Path) -> set[tuple[str, str, str]]:
    return {
        (call.primitive, call.implementation, call.dtypes) for call in profiled(path)[0]
    }


def test_a_float_profile_speaks_onednns_words(onnx_path: Path) -> None:
    assert kernels(onnx_path) == {
        ("reorder", "Transpose", "f32,f32"),
        ("convolution", "FusedConv", "f32,f32,f32"),
        ("convolution", "Conv", "f32,f32,f32"),
        ("logsoftmax", "LogSoftmax", "f32,f32"),
    }


def test_static_int8_shows_as_int8_convolutions(static_int8_path: Path) -> None:
    found = kernels(static_int8_path)
    assert ("convolution", "QLinearConv", "u8,s8,u8") in found
    assert ("reorder", "QuantizeLinear", "f32,u8") in found
    assert not any(kind == "convolution" and "f32" in types for kind, _, types in found)


def test_dynamic_int8_shows_as_integer_convolutions(dynamic_int8_path: Path) -> None:
    found = kernels(dynamic_int8_path)
    assert ("convolution", "ConvInteger", "u8,u8,s32") in found
    assert ("reorder", "DynamicQuantizeLinear", "f32,u8") in found


def test_repacked_weights_are_told_by_their_zero_point() -> None:
    source, scale, zero = ("u8", 3), ("f32", 0), ("u8", 0)
    s8_zero, out = ("s8", 1), [("s32", 3)]
    wide = ("s8", 2)
    qlinear = [source, scale, zero, ("f32", 1), s8_zero, scale, zero]
    assert dtypes_of("QLinearMatMul", qlinear, [("u8", 3)]) == "u8,s8,u8"
    assert dtypes_of("MatMulInteger", [source, wide, zero], out) == "u8,s8,s32"
    assert dtypes_of("MatMulInteger", [source, zero, s8_zero], out) == "u8,s8,s32"
    assert dtypes_of("MatMulInteger", [source, zero], out) == "u8,s32"
    dynamic = [("f32", 3), ("f32", 1), s8_zero]
    assert dtypes_of("DynamicQuantizeMatMul", dynamic, [("f32", 3)]) == "u8,s8,f32"
    assert dtypes_of("DynamicQuantizeLSTM", dynamic, [("f32", 4)]) == "u8,s8,f32"


def test_a_profile_of_the_warm_up_alone_is_refused(tmp_path: Path) -> None:
    trace = tmp_path / "trace.json"
    trace.write_text('[{"name": "model_run", "cat": "Session", "ts": 1, "dur": 2}]')
    with pytest.raises(ValueError, match="holds 1 runs: expected two"):
        after_warm_up(trace)


@pytest.mark.parametrize("domain", ["made.up", ""])
def test_an_operator_that_nobody_knows_is_named(tmp_path: Path, domain: str) -> None:
    path = one_node_model(tmp_path / "made_up.onnx", "Wobble", domain)
    with pytest.raises(
        OperatorMissingError, match=r"ONNX Runtime .*Wobble \(node the_node\)"
    ):
        opened(path)


def test_an_operator_without_a_kernel_for_these_types_is_named(tmp_path: Path) -> None:
    from onnx import TensorProto

    path = one_node_model(tmp_path / "mish.onnx", "Mish", kind=TensorProto.DOUBLE)
    with pytest.raises(OperatorMissingError, match="no kernel for operator Softplus"):
        opened(path)
