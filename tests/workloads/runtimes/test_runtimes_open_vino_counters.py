"""OpenVINO's performance counters, told in oneDNN's words."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_model import precision_here, speech

from workloads.runtimes.open_vino_counters import kernel_calls
from workloads.runtimes.session import KernelCall


def counted(path: Path, precision: str = "fp32", steps: int = 1) -> list[KernelCall]:
    session = precision_here(path, precision)
    calls, wall_s = session.profile(session.prepare(speech(4, 400)), steps)
    rounding_s = len(calls) * 1e-6
    assert 0 < sum(call.time_ms for call in calls) / 1000 <= wall_s + rounding_s
    return calls


def convolutions(calls: list[KernelCall]) -> list[str]:
    return [call.dtypes for call in calls if call.primitive == "convolution"]


def test_counters_hold_each_kernel_of_each_step_once(onnx_path: Path) -> None:
    once, thrice = counted(onnx_path), counted(onnx_path, steps=3)
    assert convolutions(once) == ["f32,f32,f32"] * 2
    assert convolutions(thrice) == ["f32,f32,f32"] * 6


class Counter:
    Status = SimpleNamespace(EXECUTED="executed")
    status = "executed"
    node_name, exec_type = "conv", "jit_I8"

    def __init__(self, mean_ms: float) -> None:
        self.real_time = timedelta(milliseconds=mean_ms)


def test_the_warm_up_is_taken_out_of_the_counters_mean() -> None:
    def node(name: str, layer: str, dtype: str, *inputs: object) -> SimpleNamespace:
        facts = {"layerType": layer, "outputPrecisions": dtype}
        return SimpleNamespace(
            get_friendly_name=lambda: name,
            get_rt_info=lambda: {k: SimpleNamespace(value=v) for k, v in facts.items()},
            input_values=lambda: [
                SimpleNamespace(get_node=lambda i=i: i) for i in inputs
            ],
        )

    source, weights = node("in", "Input", "u8"), node("w", "Const", "i8")
    convolution = node("conv", "Convolution", "f32", source, weights)
    graph = SimpleNamespace(get_ordered_ops=lambda: [source, weights, convolution])
    # 9 ms in the warm-up, then 1 ms each: means of 9 and of 11 / 3
    calls = kernel_calls([Counter(9)], [Counter(11 / 3)], 2, graph)
    assert [call.dtypes for call in calls] == ["u8,s8,f32"] * 2
    assert [call.time_ms for call in calls] == pytest.approx([1, 1], abs=0.01)


def test_counters_tell_primitives_in_onednns_words(onnx_path: Path) -> None:
    assert {call.primitive for call in counted(onnx_path)} >= {"convolution", "reorder"}


def test_counters_show_bf16(onnx_path: Path) -> None:
    assert convolutions(counted(onnx_path, "bf16"))[0] == "bf16,bf16,bf16"


def test_counters_show_int8(static_int8_path: Path) -> None:
    first, *_ = convolutions(counted(static_int8_path))
    assert first == "u8,s8,u8"
