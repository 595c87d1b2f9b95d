"""Ranks that leave out a given percentage of a layer's weights.

A factorized layer keeps at most the share S = 1 - percent / 100 of the weights: each
formula sets weights after / weights before = S and rounds the rank down, but never to
less than 1. All is done in whole numbers: no rank depends on how a float rounds.

Source: Božić, *Development of efficient deep learning models for speech separation*
(Zagreb, 2024), section 5.3.1, where a kernel has the sizes I_1, I_2, ...
"""

import math
from collections.abc import Sequence
from typing import Literal

Method = Literal["cp", "tucker", "tsvd"]


def matrix_rank(rows: int, columns: int, percent: int) -> int:
    """The rank R = S m n / (m + n) of a product of m x R and R x n.

    >>> matrix_rank(512, 128, 30)
    71
    """
    return cp_rank((rows, columns), percent)


def cp_rank(sizes: Sequence[int], percent: int) -> int:
    """The number R = S prod(I) / sum(I) of rank-one terms of the CP decomposition.

    >>> cp_rank((64, 32, 3), 30)
    43
    """
    return max(1, (100 - percent) * math.prod(sizes) // (100 * sum(sizes)))


def tucker_ranks(outputs: int, inputs: int, taps: int, percent: int) -> tuple[int, int]:
    """The ranks R1 of the output and R2 of the input channels of the partial Tucker
    decomposition, whose core keeps all `taps` of the kernel.

    With R1 / outputs = R2 / inputs = r, the weights r^2 (outputs inputs taps) of the
    core and r (outputs^2 + inputs^2) of the factors are S times those of the kernel.

    >>> tucker_ranks(64, 32, 3, 30)
    (33, 16)
    """
    whole = outputs * inputs * taps
    factors = outputs**2 + inputs**2

    def part(size: int) -> int:
        """The largest R for which r = R / size keeps no more than S."""
        a, b = 100 * whole, 100 * size * factors
        c = (100 - percent) * whole * size**2
        return max(1, (math.isqrt(b**2 + 4 * a * c) - b) // (2 * a))

    return part(outputs), part(inputs)
