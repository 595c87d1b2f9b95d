"""How far means of processes' figures may be off where whole runs vary, too.

Times vary by factors: all of it is on logarithms. What slows a whole run slows every
work and every process in it, so that runs are what is independent, and processes are so
within a run only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from harness.statistics import CONFIDENCE, Mean

# Standard deviations that are allowed for where too few runs or processes tell them.
# Three runs of one shared virtual machine deviated by 2.2 % over all their works, and
# one case of them by 5.2 % in the median, more where its processes have two speeds:
# docs/statistics.md has the command. What was measured stands for them where it is
# larger.
RUN_DEVIATION = 0.05
PROCESS_DEVIATION = 0.06
# The least probability at which a candidate is called faster: its 95 % interval then
# lies beyond equality. Of two that are equal one is called so in 5 of 100 comparisons.
SURE = 0.975
MOST_SURE = SURE  # of anything that rests on what is allowed for: no more than it takes
FEWEST_PROCESSES = 2  # one says nothing of the next
ENOUGH_RUNS = 3
# With six, values of two equally likely kinds are all alike in 1 case of 64.
ENOUGH_FREEDOM = 6
ROUNDING = 1e-12  # of a mean of logarithms; smaller errors are none
ENDLESS = 1e9  # degrees of freedom at which Student's t is the normal


@dataclass(frozen=True)
class Cell:
    """One work on one candidate: the logarithm of each process' figure, the run that it
    is of, and the work's weight in the mean over works."""

    logs: np.ndarray  # (N,)
    runs: np.ndarray  # (N,), whole numbers
    weight: float = 1.0

    @cached_property
    def tally(self) -> _Tally:
        names, place = np.unique(self.runs, return_inverse=True)
        counts = np.bincount(place)
        means = np.bincount(place, self.logs) / counts
        return _Tally(
            runs=names,
            deviations=means - means.mean(),
            mean=float(means.mean()),
            per_process=float((1 / counts).sum()) / len(counts) ** 2,
            squares=float(((self.logs - means[place]) ** 2).sum()),
            freedom=len(self.logs) - len(names),
        )


@dataclass(frozen=True)
class _Tally:
    """`deviations` are the runs' means from `mean`, their own; `squares` is the sum of
    processes' squared deviations from their runs' means, with its degrees of freedom;
    `per_process` times a process' variance is what that adds to the mean's."""

    runs: np.ndarray
    deviations: np.ndarray
    mean: float
    per_process: float
    squares: float
    freedom: int


@dataclass(frozen=True)
class SquaredError:
    """Of a mean of logarithms. `over_freedom` is what goes below in the degrees of
    freedom of sums of such (Satterthwaite, An approximate distribution of estimates of
    variance components, Biometrics Bulletin 2, 1946): the sum of squares of its parts,
    each over its own degrees. `is_allowed`: it rests on what is allowed for, as runs or
    processes are too few to tell."""

    value: float
    over_freedom: float
    is_allowed: bool

    @property
    def freedom(self) -> float:
        return freedom(self.value, self.over_freedom)

    def __add__(self, other: SquaredError) -> SquaredError:
        return SquaredError(
            self.value + other.value,
            self.over_freedom + other.over_freedom,
            self.is_allowed or other.is_allowed,
        )

    def half_width(self, level: float = 0.95) -> float:
        """Of the interval about the mean, by Student's t."""
        quantile = special.stdtrit(self.freedom, (1 + level) / 2)
        return float(quantile) * math.sqrt(self.value)


def freedom(value: float, over_freedom: float) -> float:
    return min(value**2 / over_freedom, ENDLESS) if over_freedom > 0 else ENDLESS


def squared_error(cells: Sequence[Cell]) -> SquaredError | None:
    """Of the weighted sum of the cells' means; None where a cell is a single process,
    which says nothing of the next.

    Of three runs and more, the runs' own means of all works tell it, as clusters do
    (Liang and Zeger, Longitudinal data analysis using generalized linear models,
    Biometrika 73, 1986), times R / (R - 1): of complete runs that is the usual standard
    error of R means, with R - 1 degrees of freedom. It is not taken to be smaller than
    what processes within runs make of it. Of one run or two it is RUN_DEVIATION, and
    what processes add; where the runs differ by more, that.
    """
    if min(len(cell.logs) for cell in cells) < FEWEST_PROCESSES:
        return None
    runs = min(len(cell.tally.runs) for cell in cells)
    between, run_weight = _of_runs(cells, runs)
    measured, allowed = _of_processes(cells), _allowed(cells, run_weight)
    if runs < ENOUGH_RUNS:
        value = max(between, allowed.value)
        return _rounded(SquaredError(value, allowed.over_freedom, True))
    value = max(between, measured.value)
    own = _rounded(SquaredError(value, value**2 / (runs - 1), False))
    if sum(len(cell.logs) - 1 for cell in cells) >= ENOUGH_FREEDOM:
        return own
    return max(own, allowed, key=SquaredError.half_width)


def _rounded(error: SquaredError) -> SquaredError:
    if error.value < ROUNDING**2:
        return SquaredError(0.0, 0.0, error.is_allowed)
    return error


def _of_runs(cells: Sequence[Cell], runs: int) -> tuple[float, float]:
    """The squared error out of the runs' deviations; and the sum of the squares of the
    weights that single runs have in the mean."""
    deviations: dict[int, float] = {}
    weights: dict[int, float] = {}
    for cell in cells:
        share = cell.weight / len(cell.tally.runs)
        for run, deviation in zip(
            cell.tally.runs.tolist(), cell.tally.deviations.tolist(), strict=True
        ):
            deviations[run] = deviations.get(run, 0.0) + share * deviation
            weights[run] = weights.get(run, 0.0) + share
    squared = math.fsum(d**2 for d in deviations.values())
    factor = runs / (runs - 1) if runs > 1 else 0.0
    return factor * squared, math.fsum(w**2 for w in weights.values())


def _of_processes(cells: Sequence[Cell]) -> SquaredError:
    """What processes within runs make of it, as far as they were repeated there."""
    value = over_freedom = 0.0
    for cell in cells:
        tally = cell.tally
        if tally.freedom:
            variance = tally.squares / tally.freedom
            part = cell.weight**2 * tally.per_process * variance
            value, over_freedom = value + part, over_freedom + part**2 / tally.freedom
    return SquaredError(value, over_freedom, False)


def _allowed(cells: Sequence[Cell], run_weight: float) -> SquaredError:
    """RUN_DEVIATION, and what processes add: as measured, where enough tell it, else
    PROCESS_DEVIATION, or more where they varied by more."""
    measured = _of_processes(cells)
    has_enough = sum(cell.tally.freedom for cell in cells) >= ENOUGH_FREEDOM
    unknown = [cell for cell in cells if not (has_enough and cell.tally.freedom)]
    stated = PROCESS_DEVIATION**2 * math.fsum(
        cell.weight**2 * cell.tally.per_process for cell in unknown
    )
    run = RUN_DEVIATION**2 * run_weight
    if has_enough:
        return SquaredError(
            run + stated + measured.value, measured.over_freedom, is_allowed=True
        )
    if stated > measured.value:
        return SquaredError(run + stated, 0.0, is_allowed=True)
    return SquaredError(run + measured.value, measured.over_freedom, is_allowed=True)


def cell_of(values: Sequence[float], runs: Sequence[int], weight: float = 1.0) -> Cell:
    """Of figures above 0. Without `runs` all are of one."""
    if not values or min(values) <= 0:
        raise ValueError(
            f"{values!r:.80} cannot be averaged on the logarithm: expected one number "
            "above 0 or more"
        )
    of_runs = np.asarray(runs, dtype=int) if runs else np.zeros(len(values), int)
    return Cell(np.log(np.asarray(values, dtype=float)), of_runs, weight)


def mean_of(values: Sequence[float], runs: Sequence[int] = ()) -> Mean:
    """The geometric mean of processes' figures, each run counting once, with its
    interval; None of a single process.

    For the geometric mean of benchmarks see Fleming and Wallace, How not to lie with
    statistics: the correct way to summarize benchmark results, Comm. ACM 29, 1986.
    """
    cell = cell_of(values, runs)
    value = float(values[0]) if len(values) == 1 else math.exp(cell.tally.mean)
    return _within(value, squared_error([cell]))


def ratio_of(numerator: Cell, denominator: Cell) -> Mean:
    """The ratio of two geometric means with Welch's interval: the two sides may vary
    unlike (The generalization of 'Student's' problem when several different population
    variances are involved, Biometrika 34, 1947)."""
    value = math.exp(numerator.tally.mean - denominator.tally.mean)
    above, below = squared_error([numerator]), squared_error([denominator])
    return _within(value, above + below if above and below else None)


def _within(value: float, error: SquaredError | None) -> Mean:
    if error is None:
        return Mean(value, None, None)
    factor = math.exp(error.half_width())
    return Mean(value, value / factor, value * factor)


def next_process_factor(cell: Cell, percentile: float) -> float:
    """By how much a percentile of the samples of all processes in all runs may exceed
    the mean process' own, with a confidence of 99 %.

    Logarithms of processes' levels are taken as normal, about those of runs. To the
    percentile this adds at most that of the levels' deviation, as quantiles of a sum
    of normals are no larger than the sum of quantiles, and the mean process is known
    as far as there are processes and runs. Deviations are as large as they were
    measured, and never below RUN_DEVIATION and PROCESS_DEVIATION: a few processes that
    happen to be alike do not tell that the hundredth will be.
    """
    tally, count = cell.tally, len(cell.tally.runs)
    process = tally.squares / tally.freedom if tally.freedom else 0.0
    run = float(tally.deviations.var(ddof=1)) if count > 1 else 0.0
    process, run = max(process, PROCESS_DEVIATION**2), max(run, RUN_DEVIATION**2)
    spread = max(0.0, special.ndtri(percentile)) * math.sqrt(run + process)
    unknown = math.sqrt(run / count + process * tally.per_process)
    return math.exp(spread + special.ndtri(CONFIDENCE) * unknown)
