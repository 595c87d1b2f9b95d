"""What a primitive has to compute and to move, by its problem.

Multiply-accumulates of convolutions, products and LSTMs; bytes of every tensor once,
as a kernel moves them whose operands fit in no cache but are used while they are there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod

from harness.observe.onednn.execution import Execution
from harness.observe.onednn.replay import problems

BYTES = {
    **{"f64": 8, "s64": 8, "f32": 4, "s32": 4, "tf32": 4, "bf16": 2, "f16": 2},
    **{"s8": 1, "u8": 1, "f8_e5m2": 1, "f8_e4m3": 1, "boolean": 1},
}
PRECISIONS = {"bf16": "bf16", "f16": "fp16", "s8": "int8", "u8": "int8", "f32": "fp32"}
GATES = 4  # of an LSTM
PRODUCTS = ("matmul", "gemm", "gemm_api")
ELEMENTWISE = (
    *("reorder", "eltwise", "softmax", "binary", "sum", "reduction"),
    *("layer_normalization", "shuffle", "prelu"),
)


@dataclass(frozen=True)
class Cost:
    macs: int
    moved_bytes: int
    precision: str  # of the peak that bounds it

    def least_s(self, flops_per_s: float, bytes_per_s: float) -> float:
        """By the roofline: arithmetic or memory, whichever takes longer (S. Williams,
        A. Waterman, D. Patterson, "Roofline", 2009)."""
        return max(2 * self.macs / flops_per_s, self.moved_bytes / bytes_per_s)


def cost_of(execution: Execution) -> Cost | None:
    """None where the problem does not tell it."""
    try:
        macs, numbers = _counted(execution)
    except ValueError:
        return None
    dtypes = execution.dtypes.split(",")
    if not all(dtype in BYTES for dtype in dtypes):
        return None
    # A type a tensor: the last stands for those behind it.
    last = len(dtypes) - 1
    moved = sum(n * BYTES[dtypes[min(k, last)]] for k, n in enumerate(numbers))
    return Cost(macs, moved, PRECISIONS.get(dtypes[0], dtypes[0]))


def _counted(execution: Execution) -> tuple[int, list[int]]:
    """Multiply-accumulates, and the numbers of each tensor: source, weights, result."""
    problem = execution.problem
    if execution.primitive in ("convolution", "deconvolution"):
        one = problems.convolution(problem)
        macs = one.macs
        if execution.primitive == "deconvolution":
            macs = macs // prod(one.made) * prod(one.size)
        return macs, [prod(one.source), prod(one.weights), prod(one.destination)]
    if execution.primitive in PRODUCTS:
        left, right, made = problems.factors(problem)
        return prod(made) * left[-1], [prod(left), prod(right), prod(made)]
    if execution.primitive == "sdpa":
        return _attention(problem)
    if execution.primitive == "rnn":
        return _recurrent(execution)
    if execution.primitive == "inner_product":
        return _inner_product(problem)
    if execution.primitive in ELEMENTWISE:
        parts = [prod(part) for part in problems.sizes(problem)]
        return 0, parts if execution.primitive == "reduction" else [*parts, parts[0]]
    raise ValueError(problem)


def _attention(problem: str) -> tuple[int, list[int]]:
    """Queries by keys, then what they weigh by values."""
    query, key, value, *_ = problems.sizes(problem)
    batch, rows, features = prod(query[:-2]), *query[-2:]
    made = batch * rows * value[-1]
    macs = batch * rows * key[-1] * (features + value[-1])
    return macs, [prod(query), prod(key), prod(value), made]


def _recurrent(execution: Execution) -> tuple[int, list[int]]:
    one = problems.recurrent(execution.problem)
    direction = execution.words.get("direction", "")
    if (
        execution.algorithm != "vanilla_lstm"
        or one.layers != 1
        or not direction.startswith("unidirectional")
    ):
        raise ValueError(execution.problem)
    positions = one.steps * one.batch
    weights = GATES * one.hidden * (one.inputs + one.hidden)
    macs = positions * weights
    if execution.direction == "backward":
        macs *= 2  # of data and of weights
    return macs, [positions * one.inputs, weights, positions * one.hidden]


def _inner_product(problem: str) -> tuple[int, list[int]]:
    """As mb64ic784oc128, with the source's axes in between."""
    of = {name: int(n) for name, n in re.findall(r"(mb|oc|ic|id|ih|iw)(\d+)", problem)}
    if not {"mb", "ic", "oc"} <= of.keys():
        raise ValueError(problem)
    batch, outputs = of["mb"], of["oc"]
    inputs = prod(of[name] for name in ("ic", "id", "ih", "iw") if name in of)
    return batch * inputs * outputs, [batch * inputs, inputs * outputs, batch * outputs]
