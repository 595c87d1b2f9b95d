"""How sure it is that one candidate is faster than another, from a few processes each.

C candidates, D draws, N processes of a cell (one work on one candidate).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import special

LEVEL = 0.95
ROUNDING = 1e-12  # of a mean of logarithms; smaller gains are none
ENDLESS = 1e9  # degrees of freedom at which Student's t is the normal


@dataclass(frozen=True)
class Doubt:
    """Candidates against each other, by the logarithm of their times.

    `gains` (C, C): by how much row a is faster than column b. `errors` (C,): the
    standard error of each candidate's mean. `freedoms` (C, C): the degrees of freedom
    of the standard error of a gain, which is sqrt(errors[a]^2 + errors[b]^2).

    A gain over its standard error has Student's t distribution with those degrees of
    freedom, where logarithms are normal: nearly so of any (Welch, The generalization of
    'Student's' problem when several different population variances are involved,
    Biometrika 34, 1947). Of two candidates and one work it is what
    `statistics.log_ratio` says.
    """

    gains: np.ndarray
    errors: np.ndarray
    freedoms: np.ndarray

    def wins(self) -> np.ndarray:
        """(C, C): P(row is faster than column), a half where they are equal beyond
        doubt. It is what endless draws of `places` would come to."""
        errors = self._of_gains()
        shares = np.sign(self.gains) / 2 + 0.5  # where nothing varies
        varies = errors > 0
        ratios = self.gains[varies] / errors[varies]
        shares[varies] = special.stdtr(self.freedoms[varies], ratios)
        return shares

    def half_widths(self) -> np.ndarray:
        """(C, C): of the gains' intervals."""
        quantiles = special.stdtrit(self.freedoms, (1 + LEVEL) / 2)
        return quantiles * self._of_gains()

    def places(self, draws: int, generator: np.random.Generator) -> np.ndarray:
        """(C, D): who is first, second, ... in each draw of a parametric bootstrap
        (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 6.5).

        Of two or three processes the values themselves cannot be drawn from: there are
        too few sets of them. What is drawn is each candidate's mean, as a normal with
        its standard error, and one chance for how far all these errors are themselves
        misjudged, from which each pair takes the factor sqrt(nu / chi2) of its own
        degrees of freedom nu. So each pair's gain has its own Student's t, and a draw's
        order is that of how many others a candidate beats; those that beat as many
        (equal ones, and rare circles) take either order.
        """
        count = len(self.errors)
        drawn = self.errors[:, None] * generator.standard_normal((count, draws))
        misjudged = generator.random(draws)
        coins = generator.random((count, draws))
        beaten = coins.copy()  # of less than one each: they decide between equals
        for a, b in combinations(range(count), 2):
            nu = self.freedoms[a, b]
            margin = np.sqrt(nu / special.chdtri(nu, misjudged))
            margin *= drawn[a] - drawn[b]
            margin += self.gains[a, b]
            first = np.where(margin == 0, coins[a] > coins[b], margin > 0)
            beaten[a] += first
            beaten[b] += ~first
        return np.argsort(-beaten, axis=0)

    def _of_gains(self) -> np.ndarray:
        """(C, C): standard errors; a candidate is sure of its own speed to itself."""
        errors = np.hypot(self.errors[:, None], self.errors)
        np.fill_diagonal(errors, 0.0)
        return errors


def doubt(means: np.ndarray, logs: Sequence[Sequence[np.ndarray]]) -> Doubt:
    """Of candidates whose logarithms of time sum up to `means` (C,).

    `logs` has a list for each candidate, and in it an array (N,) for each work,
    times the weight of that work; N may differ, and is 2 at least. Each cell was
    measured by processes of its own and is taken to err by itself, though what
    slows a whole run slows all its works: then the doubt is larger than told.
    Squared errors add up, over works and over the two of a pair, with the degrees
    of freedom of Satterthwaite (An approximate distribution of estimates of
    variance components, Biometrics Bulletin 2, 1946):
    (sum of v)^2 / sum of (v^2 / (N - 1)), v being each cell's squared error.

    >>> three = np.array([1.0, 2.0, 3.0])
    >>> found = doubt(np.array([0.0, 0.0]), [[three] * 4, [three] * 4])
    >>> found.freedoms.round(6).tolist()  # of a pair: 8 cells of 2 degrees each
    [[16.0, 16.0], [16.0, 16.0]]
    """
    moments = np.array([_squared_error(cells) for cells in logs])
    squared, over_freedom = np.add.outer(moments[:, 0], moments[:, 0]), moments[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):  # where nothing varies
        freedoms = squared**2 / np.add.outer(over_freedom, over_freedom)
    gains = means - means[:, None]
    return Doubt(
        gains=np.where(np.abs(gains) < ROUNDING, 0.0, gains),
        errors=np.sqrt(moments[:, 0]),
        freedoms=np.nan_to_num(freedoms, nan=ENDLESS, posinf=ENDLESS),
    )


def _squared_error(cells: Sequence[np.ndarray]) -> tuple[float, float]:
    """Of a sum of means, and the sum of what goes below in its degrees of freedom."""
    counts = np.array([len(cell) for cell in cells])
    squared = np.array([cell.var(ddof=1) for cell in cells]) / counts
    squared[squared < ROUNDING**2] = 0.0
    return float(squared.sum()), float((squared**2 / (counts - 1)).sum())
