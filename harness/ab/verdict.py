"""What an interval says: faster, slower, the same, or not known yet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.statistics import LOOKS, RatioEstimate

THRESHOLD_PERCENT = 3.0  # what nobody would call a change
# Of mean and 90th percentile, which one disturbed step moves: nearer than that, most
# hosts' own stalls decide.
TAIL_THRESHOLD_PERCENT = 10.0
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


def tail_threshold_percent(threshold_percent: float) -> float:
    """The threshold of mean and 90th percentile, never below that of the time."""
    return max(threshold_percent, TAIL_THRESHOLD_PERCENT)


def with_tail(usual: Verdict, tail: Mapping[str, Verdict]) -> Verdict:
    """What is said of the time as a whole: `tail` has the verdicts on the mean and on
    the 90th percentile, where it is known.

    A tail that became slower is slower, whatever the usual steps did; "same"
    needs all of them.
    """
    slower = [name for name, verdict in tail.items() if verdict.word == "slower"]
    if slower and usual.word != "slower":
        names = " and ".join(slower)
        return Verdict("slower", f"slower by {names} (else {usual.text})")
    if usual.word != "same" or not tail:
        return usual
    for word in ("undecided", "faster"):
        for name, verdict in tail.items():
            if verdict.word == word:
                return Verdict(verdict.word, _by_tail(name, verdict, usual))
    within = next(iter(tail.values())).text.removeprefix("same ")
    return Verdict("same", f"{usual.text} ({' and '.join(tail)} {within})")


def _by_tail(name: str, verdict: Verdict, usual: Verdict) -> str:
    if verdict.word == "faster":
        return f"faster by {name} (else {usual.text})"
    why = verdict.text.removeprefix("undecided: ")
    return f"undecided by {name}: {why} (else {usual.text})"
