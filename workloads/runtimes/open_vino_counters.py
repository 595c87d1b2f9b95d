"""OpenVINO's performance counters, in oneDNN's words.

A counter tells a node's execution type ("brgconv_avx512_I8") and its time: the mean of
all its runs so far, cut to whole microseconds, so that a node of less than one seems
not to have run. The executed graph tells the types of what flows between nodes;
weights stay in it as the file had them, though they are converted to the source's float
type when they are packed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workloads.runtimes.session import KernelCall

# By the type that a node has in the graph that is executed.
_PRIMITIVES = {
    "Convolution": "convolution",
    "Deconvolution": "deconvolution",
    "FullyConnected": "matmul",
    "MatMul": "matmul",
    "RNNCell": "rnn",
    "RNNSeq": "rnn",
    "Reorder": "reorder",
    "Transpose": "reorder",
    "Convert": "reorder",
    "FakeQuantize": "reorder",
}
_WITH_WEIGHTS = ("convolution", "deconvolution", "matmul", "rnn")
_FLOATS = {"f32", "bf16", "f16"}
_DTYPES = {f"i{bits}": f"s{bits}" for bits in (4, 8, 16, 32, 64)}


def kernel_calls(
    before: Iterable[Any], after: Iterable[Any], steps: int, graph: Any
) -> list[KernelCall]:
    """The calls of `steps` runs, each with its node's mean time in them.

    `before` and `after` are an infer request's `profiling_info` after its first run and
    after `steps` more, `graph` is the compiled model's `get_runtime_model()`. What was
    fused into another node is not among them.
    """
    nodes = {node.get_friendly_name(): node for node in graph.get_ordered_ops()}
    first_ms = {counter.node_name: _mean_ms(counter) for counter in before}
    calls = []
    for counter in after:
        if counter.status != counter.Status.EXECUTED or counter.node_name not in nodes:
            continue
        total_ms = _mean_ms(counter) * (1 + steps) - first_ms.get(counter.node_name, 0)
        node = nodes[counter.node_name]
        call = _call(counter.exec_type, node, max(total_ms, 0.0) / steps)
        calls += [call] * steps
    return calls


def _call(implementation: str, node: Any, time_ms: float) -> KernelCall:
    layer = _facts(node)["layerType"]
    primitive = _PRIMITIVES.get(layer, layer.lower())
    inputs = [_dtype(value.get_node()) for value in node.input_values()]
    if primitive not in _WITH_WEIGHTS:
        inputs = inputs[:1]
    elif set(inputs[:2]) <= _FLOATS:
        inputs = [inputs[0], inputs[0]]
    dtypes = ",".join([*inputs[:2], _dtype(node)])
    return KernelCall(primitive, implementation, dtypes, time_ms)


def _mean_ms(counter: Any) -> float:
    return counter.real_time.total_seconds() * 1000.0


def _dtype(node: Any) -> str:
    """Of what a node gives, the first where it gives several."""
    found = _facts(node)["outputPrecisions"].partition(",")[0]
    return _DTYPES.get(found, found)


def _facts(node: Any) -> Mapping[str, str]:
    names = ("layerType", "outputPrecisions")
    return {name: str(node.get_rt_info()[name].value) for name in names}
