"""Operands of a trial, and what it should give: numpy in float64, plainly.

Axes: `B` batch, `I` input and `O` output channels, `T` frames, `K` taps, `H` hidden.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from harness.observe.kernel_sweep.shapes import Shape

Array = np.ndarray[Any, np.dtype[Any]]
EPSILON = 1e-5  # of norms
SEED = 0


def operands(shape: Shape) -> tuple[Array, ...]:
    """Input and weights in fp32, such that outputs are about 1.

    Convolution: x (B, I, T...), w (O, I / groups, K...), transposed w (I, O, K).
    Product: x (B, T, I), w (I, O). LSTM: x (T, B, I), and of each direction weights
    (4H, I) and (4H, H) with gates in torch's order: input, forget, cell, output. Norms:
    x (B, T, I) or, by groups, (B, I, T); scale and shift (I,).
    """
    random = np.random.default_rng(SEED)

    def normal(*sizes: int, over: int = 1) -> Array:
        drawn = random.standard_normal(sizes, np.float32)
        return drawn / np.float32(np.sqrt(over))

    i, o, taps, name = shape.channels, shape.outputs, shape.taps, shape.operation
    frames, batch = shape.frames, shape.batch
    if name == "product":
        return normal(batch, frames, i), normal(i, o, over=i)
    if name == "lstm":
        each = [(normal(4 * o, i, over=i), normal(4 * o, o, over=o)) for _ in range(2)]
        flat = [w for pair in each[: shape.groups] for w in pair]
        return normal(frames, batch, i), *flat
    if name in ("layer norm", "group norm"):
        sizes = (batch, frames, i) if name == "layer norm" else (batch, i, frames)
        return 2 + 3 * normal(*sizes), normal(i), normal(i)
    axes = 2 if shape.is_2d else 1
    sides = (frames,) * axes
    if name == "transposed":
        return normal(batch, i, *sides), normal(i, o, taps, over=i * 2)
    inner = i // shape.groups
    weights = normal(o, inner, *(taps,) * axes, over=inner * taps**axes)
    return normal(batch, i, *sides), weights


def expected(shape: Shape, given: tuple[Array, ...]) -> Array:
    """The output, in float64."""
    x, *weights = (one.astype(np.float64) for one in given)
    if shape.operation == "product":
        return x @ weights[0]
    if shape.operation == "lstm":
        halves = [_lstm(x, *weights[:2])]
        if shape.groups == 2:
            halves.append(_lstm(x[::-1], *weights[2:])[::-1])
        return np.concatenate(halves, -1)
    if shape.operation == "layer norm":
        return _normal(x, (-1,)) * weights[0] + weights[1]
    if shape.operation == "group norm":
        return _normal(x, (1, 2)) * weights[0][:, None] + weights[1][:, None]
    if shape.operation == "transposed":
        return _transposed(x, weights[0], shape.stride)
    return _convolution(x, weights[0], shape)


def _convolution(x: Array, w: Array, shape: Shape) -> Array:
    axes = x.ndim - 2
    ends = [(0, 0), (0, 0)] + [(shape.padding,) * 2] * axes
    span = shape.dilation * (shape.taps - 1) + 1
    windows = sliding_window_view(
        np.pad(x, ends), (span,) * axes, tuple(range(2, x.ndim))
    )
    steps = (slice(None, None, shape.stride),) * axes
    taps = (slice(None, None, shape.dilation),) * axes
    windows = windows[(slice(None), slice(None), *steps, *taps)]
    if shape.groups > 1:  # depth-wise: each channel by itself
        return np.einsum("bitk,ik->bit", windows, w[:, 0])
    over = (1, *range(2 + axes, 2 + 2 * axes))
    return np.moveaxis(np.tensordot(windows, w, (over, range(1, w.ndim))), -1, 1)


def _transposed(x: Array, w: Array, stride: int) -> Array:
    frames, taps = x.shape[2], w.shape[2]
    made = np.zeros((len(x), w.shape[1], (frames - 1) * stride + taps))
    for tap in range(taps):
        end = tap + (frames - 1) * stride + 1
        made[:, :, tap:end:stride] += np.einsum("bit,io->bot", x, w[:, :, tap])
    return made


def _lstm(x: Array, w: Array, u: Array) -> Array:
    hidden = cell = np.zeros((x.shape[1], u.shape[1]))
    outputs = []
    for frame in x:
        i, f, g, o = np.split(frame @ w.T + hidden @ u.T, 4, axis=-1)
        cell = _sigmoid(f) * cell + _sigmoid(i) * np.tanh(g)
        hidden = _sigmoid(o) * np.tanh(cell)
        outputs.append(hidden)
    return np.stack(outputs)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _normal(x: Array, axes: tuple[int, ...]) -> Array:
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + EPSILON)


def relative_error(found: Array, wanted: Array) -> float:
    """||found - wanted|| / ||wanted||; infinite for another shape or no numbers."""
    if found.shape != wanted.shape or not np.isfinite(found).all():
        return float("inf")
    norm = np.linalg.norm(wanted)
    distance = np.linalg.norm(found.astype(np.float64) - wanted)
    return float(distance / norm) if norm else float(distance)
