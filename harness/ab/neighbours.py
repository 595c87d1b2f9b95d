"""What a pair says of B over A, each ratio taken between blocks that were timed side by
side: a host that changes its pace within a second changes it for both.

`a_s` and `b_s` hold a pair's blocks in order, the seconds of each one's steps; steps go
through a state's `cycles` inputs in order, and the k-th blocks of both are neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

WINDOW = 20  # successive steps: two or more lie beyond their 90th percentile

Blocks = Sequence[Sequence[float]]


def usual_step_s(blocks_s: Blocks, cycle: int) -> float:
    """Seconds of a step of one state: each input's median, averaged over the inputs."""
    tables = [_table(block, cycle) for block in blocks_s]
    return float(np.median(np.concatenate(tables), axis=0).mean())


def step_ratio(a_s: Blocks, b_s: Blocks, cycles: tuple[int, int]) -> float:
    """A usual step of B over one of A: the median, over neighbouring blocks and inputs,
    of what the same input took in both.

    Half of the ratios may be disturbed, on either side, before it moves beyond those
    that are not. States of differing cycles share no inputs: then each block has one
    value, the mean over its inputs.
    """
    logs = []
    for a, b in zip(a_s, b_s, strict=True):
        a_inputs, b_inputs = (
            np.median(_table(block, cycle), axis=0)
            for block, cycle in zip((a, b), cycles, strict=True)
        )
        if cycles[0] != cycles[1]:
            a_inputs, b_inputs = a_inputs.mean(), b_inputs.mean()
        logs.append(np.log(b_inputs / a_inputs))
    return math.exp(float(np.median(np.hstack(logs))))


def mean_ratio(a_s: Blocks, b_s: Blocks, cycles: tuple[int, int]) -> float:
    """The mean step of B over that of A, all steps of whole cycles counted: the rarest
    stall has its share."""
    a, b = (
        np.concatenate([_table(block, cycle).ravel() for block in blocks]).mean()
        for blocks, cycle in zip((a_s, b_s), cycles, strict=True)
    )
    return float(b / a)


def p90_ratio(a_s: Blocks, b_s: Blocks, cycles: tuple[int, int]) -> float | None:
    """The 90th percentile of WINDOW successive steps, of B over A: windows of
    neighbouring blocks are paired by rank, and the median is taken over all such pairs.

    Each step counts over the lower quartile of A's steps on the same input: inputs
    differ in length. What slows one step of seven does so in every window; another
    program fills some windows with its own doing, and leaves others alone. None where
    either state has fewer than WINDOW steps, or their cycles differ.
    """
    if cycles[0] != cycles[1]:
        return None
    tables = [[_table(block, cycles[0]) for block in blocks] for blocks in (a_s, b_s)]
    if min(sum(table.size for table in state) for state in tables) < WINDOW:
        return None
    usual_s = np.quantile(np.concatenate(tables[0]), 0.25, axis=0)
    logs = []
    for a, b in _grouped(*tables):
        ranked = [np.sort(_window_p90s(steps / usual_s)) for steps in (a, b)]
        paired = min(map(len, ranked))
        logs.append(np.log(ranked[1][:paired] / ranked[0][:paired]))
    return math.exp(float(np.median(np.concatenate(logs))))


def _grouped(
    a: Sequence[np.ndarray], b: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Neighbouring blocks, as many at a time as fill a window of both states; what is
    left over goes with the last."""
    ends = [0]
    for end in range(1, len(a) + 1):
        now, rest = slice(ends[-1], end), slice(end, None)
        if all(
            sum(table.size for table in state[part]) >= WINDOW
            for state in (a, b)
            for part in ((now,) if end == len(a) else (now, rest))
        ):
            ends.append(end)
    for begin, end in pairwise(ends):
        yield np.concatenate(a[begin:end]), np.concatenate(b[begin:end])


def _window_p90s(steps: np.ndarray) -> np.ndarray:
    whole = steps.size - steps.size % WINDOW
    windows = steps.ravel()[:whole].reshape(-1, WINDOW)
    return np.quantile(windows, 0.9, axis=1, method="inverted_cdf")


def _table(steps_s: Sequence[float], cycle: int) -> np.ndarray:
    """Steps by cycle and input, without the last cycle where it is not whole."""
    whole = len(steps_s) - len(steps_s) % cycle
    return np.asarray(steps_s[:whole], dtype=float).reshape(-1, cycle)
