"""How costs go with the load: break-even between two machines, and total costs.

An owned machine costs the same in idle hours, a rented one nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from harness.report.compare.model import BreakEven, LoadCost
from harness.report.compare.money.prices import HOURS_PER_YEAR
from harness.report.compare.terms import Terms

DAYS_PER_YEAR = HOURS_PER_YEAR / 24
POINTS = 40  # of a curve of costs over load
BELOW, ABOVE = 0.01, 3.0  # its ends: shares of the least, the most of one machine's


@dataclass(frozen=True)
class Choice:
    """A candidate's cheapest case of a model. `running_per_busy_hour` is the rent, or
    the energy; `fixed_per_year` is 0 of a rented machine."""

    workload: str
    model: str
    candidate: str
    rtfx: float
    fixed_per_year: float
    running_per_busy_hour: float
    rtfx_low: float | None = None  # the ends of its interval; None: not known
    rtfx_high: float | None = None

    @property
    def running_per_audio_hour(self) -> float:
        return self.running_per_busy_hour / self.rtfx

    def audio_hours_per_day(self, utilization: float) -> float:
        """What one machine does: 24 h x RTFx x utilization."""
        return 24 * self.rtfx * utilization


def break_even(choices: Sequence[Choice]) -> Iterator[BreakEven]:
    """Of every owned machine against every other that costs less while it stands
    still. Between rented machines the load changes nothing."""
    for owned, other in permutations(choices, 2):
        if owned.fixed_per_year > other.fixed_per_year:
            yield _break_even(owned, other)


def _break_even(owned: Choice, other: Choice) -> BreakEven:
    """The utilization u of `owned` at which both cost the same for the same audio.

    With F fixed per year, v running costs per hour of audio and L hours of audio a
    year, F1 + v1 L = F2 + v2 L, and L = 8766 h x u x RTFx1:
    u = (F1 - F2) / (8766 h x RTFx1 x (v2 - v1)). F2 is 0 where the other is rented.

    This is of one machine each. Where the other is owned and slower, several of it may
    be needed, and cost more together than `owned`: that is not "never", it depends on
    the load.
    """
    names = (owned.workload, owned.model, owned.candidate, other.candidate)
    saved = other.running_per_audio_hour - owned.running_per_audio_hour
    extra = owned.fixed_per_year - other.fixed_per_year
    dearer = saved <= 0
    needed = math.inf if dearer else extra / (HOURS_PER_YEAR * owned.rtfx * saved)
    most = min(1.0, other.rtfx / owned.rtfx) if other.fixed_per_year else 1.0
    if needed <= most:
        return BreakEven(*names, needed, None)
    if most < 1:
        load = f"one {other.candidate} cannot carry all that {owned.candidate} can"
        reason = f"{load}: see the costs over the load"
    elif dearer:
        reason = "never: it costs more to have, and no less to run"
    else:
        reason = f"never: it would have to be busy {needed:.3g} times all hours"
    return BreakEven(*names, None, reason)


def total(choices: Sequence[Choice], terms: Terms) -> Iterator[LoadCost]:
    """Each candidate's costs for the stated load, machines paid for pro rata over the
    years (`load_cost`); nothing where none is stated."""
    if terms.load_audio_hours_per_day is not None:
        for choice in choices:
            yield load_cost(choice, terms, terms.load_audio_hours_per_day)


def over_load(choices: Sequence[Choice], terms: Terms) -> Iterator[LoadCost]:
    """Each candidate's costs from a hundredth of what the slowest machine does to three
    times what the fastest does, the stated load among them."""
    if not choices:
        return
    capacities = [choice.audio_hours_per_day(terms.utilization) for choice in choices]
    ends = [BELOW * min(capacities), ABOVE * max(capacities)]
    stated = terms.load_audio_hours_per_day
    if stated is not None:
        ends = [min(ends[0], stated), max(ends[1], stated)]
    loads = set(np.geomspace(ends[0], ends[1], POINTS).tolist())
    loads |= {stated} if stated is not None else set()
    for choice in choices:
        for load in sorted(loads):
            yield load_cost(choice, terms, load)


def load_cost(
    choice: Choice, terms: Terms, load_audio_hours_per_day: float
) -> LoadCost:
    """What a load costs over the years.

    machines = ceil(load / (24 h x RTFx x utilization)); the cost is machines x fixed
    per year x years, and the running costs of every hour of audio. A year has 365.25
    days. An owned machine is paid for pro rata over `years`, not over whole lives: of a
    life of 4 years, 2 years cost half its purchase, as if the rest could be sold at its
    share, and 6 cost one and a half.
    """
    machines, cost = _machines_and_cost(choice, terms, load_audio_hours_per_day)

    def at(rtfx: float | None) -> float | None:
        if not rtfx:
            return None
        other = replace(choice, rtfx=rtfx)
        return _machines_and_cost(other, terms, load_audio_hours_per_day)[1]

    return LoadCost(
        choice.workload,
        choice.model,
        choice.candidate,
        load_audio_hours_per_day,
        machines,
        cost,
        at(choice.rtfx_high),
        at(choice.rtfx_low),
    )


def _machines_and_cost(
    choice: Choice, terms: Terms, load_audio_hours_per_day: float
) -> tuple[int, float]:
    share = load_audio_hours_per_day / choice.audio_hours_per_day(terms.utilization)
    machines = math.ceil(share * (1 - 1e-12))  # a full machine is no two by rounding
    audio_hours = load_audio_hours_per_day * DAYS_PER_YEAR * terms.years
    fixed = machines * choice.fixed_per_year * terms.years
    return machines, fixed + audio_hours * choice.running_per_audio_hour
