"""How sure it is that one candidate is faster than another, from a few runs of a few
processes each.

C candidates, D draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import special

from harness.clusters import MOST_SURE, ROUNDING, Cell, squared_error

LEVEL = 0.95


@dataclass(frozen=True)
class Doubt:
    """Candidates against each other, by the logarithm of their times.

    `gains` (C, C): by how much row a is faster than column b. `errors` (C,): the
    standard error of each candidate's mean. `freedoms` (C, C): the degrees of freedom
    of the standard error of a gain, which is sqrt(errors[a]^2 + errors[b]^2).
    `is_allowed` (C,): whose error rests on what runs are allowed to vary by.

    A gain over its standard error has Student's t distribution with those degrees of
    freedom, where logarithms are normal: nearly so of any (Welch, The generalization of
    'Student's' problem when several different population variances are involved,
    Biometrika 34, 1947). Of two candidates and one work it is what `clusters.ratio_of`
    says.
    """

    gains: np.ndarray
    errors: np.ndarray
    freedoms: np.ndarray
    is_allowed: np.ndarray

    def wins(self) -> np.ndarray:
        """(C, C): P(row is faster than column), a half where they are equal beyond
        doubt. It is what endless draws of `places` would come to, but no more sure than
        MOST_SURE where an error rests on what is allowed for."""
        errors = self._of_gains()
        shares = np.sign(self.gains) / 2 + 0.5  # where nothing varies
        varies = errors > 0
        ratios = self.gains[varies] / errors[varies]
        shares[varies] = special.stdtr(self.freedoms[varies], ratios)
        rests = np.logical_or.outer(self.is_allowed, self.is_allowed)
        return np.where(rests, np.clip(shares, 1 - MOST_SURE, MOST_SURE), shares)

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


def doubt(means: np.ndarray, cells: Sequence[Sequence[Cell]]) -> Doubt | None:
    """Of candidates whose logarithms of time sum up to `means` (C,). `cells` has a list
    for each candidate, of each work with its weight. None where a cell is of a single
    process.

    Errors of a candidate are those of its runs, each with all its works and processes
    (`clusters.squared_error`). Candidates are taken to err each by itself, though two
    hardware settings of one machine were measured by the same runs: what these have in
    common makes the doubt larger than it is, never smaller.

    >>> three = [Cell(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 2]))] * 4
    >>> found = doubt(np.array([0.0, 0.0]), [three, three])
    >>> found.freedoms.round(6).tolist()  # three runs a side, of however many works
    [[4.0, 4.0], [4.0, 4.0]]
    """
    errors = [squared_error(of_candidate) for of_candidate in cells]
    if None in errors:
        return None
    known = [error for error in errors if error is not None]
    gains = means - means[:, None]
    return Doubt(
        gains=np.where(np.abs(gains) < ROUNDING, 0.0, gains),
        errors=np.sqrt([error.value for error in known]),
        freedoms=np.array([[(a + b).freedom for b in known] for a in known]),
        is_allowed=np.array([error.is_allowed for error in known]),
    )
