"""8-bit operands of a trial: activations without a sign, weights with one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.observe.kernel_sweep import ways
from harness.observe.kernel_sweep.plain import Array, expected, operands
from harness.observe.kernel_sweep.shapes import Shape

REACH = 4.0  # standard deviations of inputs that the range of 8 bits holds


@dataclass(frozen=True)
class Quantized:
    """`x` u8 around `zero`, `w` s8; `wanted` is what their values give in float64, and
    `y_scale` a scale by which it fits into u8 around 128."""

    x: Array
    w: Array
    x_scale: float
    w_scale: float
    zero: int
    wanted: Array

    @property
    def y_scale(self) -> float:
        return float(np.abs(self.wanted).max() / 127)


def quantized(shape: Shape, way: str | None = None) -> Quantized:
    """Gone a way round.

    Reduced weights have 7 bits: sums of two products of 8 bits do not fit into 16,
    in which CPUs without VNNI hold them.
    """
    x, w = operands(shape)[:2]
    largest = 63 if way == ways.SEVEN_BITS else 127
    x_scale = float(REACH * x.std() / 128)
    w_scale = float(np.abs(w).max() / largest)
    zero = 128
    x8 = np.clip(np.round(x / x_scale) + zero, 0, 255).astype(np.uint8)
    w8 = np.round(w / w_scale).astype(np.int8)
    values = ((x8.astype(np.float64) - zero) * x_scale, w8 * np.float64(w_scale))
    wanted = expected(shape, values)
    if way in ways.FILLED:
        inputs, outs = ways.added(shape, way)
        rest = [(0, 0)] * (x.ndim - 2)
        x8 = np.pad(x8, [(0, 0), (0, inputs), *rest], constant_values=zero)
        w8 = np.pad(w8, [(0, outs), (0, inputs), *rest])
    return Quantized(x8, w8, x_scale, w_scale, zero, wanted)
