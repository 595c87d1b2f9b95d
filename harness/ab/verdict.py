"""What an interval says: faster, slower, the same, or not known yet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from harness.statistics import LOOKS, RatioEstimate

THRESHOLD_PERCENT = 3.0  # what nobody would call a change
CLEARANCE = 0.2  # of the threshold: nearer to it, no time would suffice

Word = Literal["faster", "slower", "same", "undecided"]


@dataclass(frozen=True)
class Verdict:
    """`word` is of B against A: "slower" means that B takes longer (or, of memory,
    more); `text` says it to a person."""

    word: Word
    text: str

    @property
    def decided(self) -> bool:
        return self.word != "undecided"


def judge(
    estimate: RatioEstimate,
    threshold_percent: float = THRESHOLD_PERCENT,
    s_per_pair: float = 0.0,
    words: tuple[str, str] = ("faster", "slower"),
) -> Verdict:
    """The verdict on B over A.

    A change is said only where the whole interval lies beyond the threshold, "same"
    only where the whole of it lies within. `s_per_pair` tells how long an undecided
    one would take.
    """
    limit = 1 + threshold_percent / 100
    if estimate.low > limit:
        return Verdict("slower", words[1])
    if estimate.high < 1 / limit:
        return Verdict("faster", words[0])
    if 1 / limit < estimate.low and estimate.high < limit:
        return Verdict("same", f"same within {threshold_percent:g} %")
    return Verdict("undecided", _undecided(estimate, math.log(limit), s_per_pair))


def _undecided(estimate: RatioEstimate, limit: float, s_per_pair: float) -> str:
    """How much longer, if the pairs to come are like those that were: an interval
    shrinks with the root of their number."""
    if estimate.is_endless:
        return f"undecided: {estimate.n} pairs, and it takes {LOOKS[0]}"
    clearance = max(abs(abs(math.log(estimate.ratio)) - limit), CLEARANCE * limit)
    times = (estimate.log_half_width / clearance) ** 2
    more = estimate.n * max(times - 1, 0.0) or 1.0
    if estimate.n + more > LOOKS[-1]:
        return f"undecided: even {LOOKS[-1]} pairs would hardly tell"
    seconds = more * s_per_pair
    return f"undecided: needs about {max(1, math.ceil(seconds / 60))} more minutes"
