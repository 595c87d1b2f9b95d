"""Pairs of one case until the answer is known or the time is up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from time import monotonic

from harness.ab.accuracy import MetricChange, changes
from harness.ab.neighbours import Blocks, mean_ratio, p90_ratio, step_ratio
from harness.ab.pair import Round, SideEndedError
from harness.ab.verdict import (
    THRESHOLD_PERCENT,
    Verdict,
    judge,
    tail_threshold_percent,
    with_tail,
)
from harness.measure.results import TurnsResult
from harness.observe import limits
from harness.observe.limits import NoiseWarning
from harness.statistics import LOOKS, RatioEstimate, sequential_ratio

# Of one worker alone: how it waits for the other's threads is no disturbance.
OF_ONE_WORKER = ("waiting_percent", "involuntary_switches_per_s", "major_faults")
MORE_MEMORY = ("less", "more")  # the words of a verdict on memory


@dataclass(frozen=True)
class Comparison:
    """One case in both states. Without rounds there is a `reason`."""

    case_id: str
    rounds: Sequence[Round] = ()
    seconds: float = 0.0
    threshold_percent: float = THRESHOLD_PERCENT
    status: str = "ok"  # or "skipped", "failed"
    reason: str | None = None

    @property
    def step_s(self) -> tuple[float, float]:
        """Seconds of a step of A and of B: the median over the pairs."""
        a, b = zip(*(one.step_s for one in self.rounds), strict=True)
        return median(a), median(b)

    @property
    def time(self) -> RatioEstimate | None:
        """Time of a usual step of B over that of A."""
        return self._ratio(step_ratio)

    @property
    def memory(self) -> RatioEstimate | None:
        """Peak memory of B over that of A."""
        pairs = [
            (a.peak_rss_bytes, b.peak_rss_bytes)
            for a, b in (r.results for r in self.rounds)
        ]
        known = [(a, b) for a, b in pairs if a and b]
        if not known or len(known) < len(pairs):
            return None
        return sequential_ratio([b for _, b in known], [a for a, _ in known])

    @property
    def mean(self) -> RatioEstimate | None:
        """Mean time of B over that of A, all samples counted."""
        return self._ratio(mean_ratio)

    @property
    def p90(self) -> RatioEstimate | None:
        """The 90th percentile of B's steps over that of A's; None where a pair has too
        few of them."""
        return self._ratio(p90_ratio)

    def _ratio(
        self, of_pair: Callable[[Blocks, Blocks, tuple[int, int]], float | None]
    ) -> RatioEstimate | None:
        """Over all pairs; None without any, or where one of them tells none."""
        ratios = [of_pair(*one.blocks_s, one.cycles) for one in self.rounds]
        known = [ratio for ratio in ratios if ratio is not None]
        if not known or len(known) < len(ratios):
            return None
        return sequential_ratio(known, [1.0] * len(known))

    @property
    def time_verdict(self) -> Verdict | None:
        """On the usual steps, the mean and the 90th percentile together."""
        usual = self._judge(self.time)
        return usual and with_tail(usual, self._tail_verdicts())

    def _tail_verdicts(self) -> dict[str, Verdict]:
        limit = tail_threshold_percent(self.threshold_percent)
        verdicts = {
            "mean": self._judge(self.mean, threshold_percent=limit),
            "p90": self._judge(self.p90, threshold_percent=limit),
        }
        return {name: verdict for name, verdict in verdicts.items() if verdict}

    @property
    def memory_verdict(self) -> Verdict | None:
        return self._judge(self.memory, words=MORE_MEMORY)

    @property
    def metrics(self) -> list[MetricChange]:
        """Accuracy, as the first round has it."""
        if not self.rounds:
            return []
        a, b = (result.accuracy for result in self.rounds[0].results)
        return changes(a, b)

    @property
    def disturbance(self) -> str | None:
        """What else went on, where it exceeds the limits: the worst reading of each
        kind."""
        seen: dict[str, list[NoiseWarning]] = {}
        for one in self.rounds:
            for warning in limits.warnings(one.noise) if one.noise else ():
                if warning.name not in OF_ONE_WORKER:
                    seen.setdefault(warning.name, []).append(warning)
        parts = []
        for warnings in seen.values():
            worst = max(warnings, key=lambda warning: warning.measured)
            where = f"at worst, in {len(warnings)} of {len(self.rounds)} pairs"
            parts.append(str(replace(worst, where=where)))
        return "; ".join(parts) or None

    @property
    def is_regression(self) -> bool:
        verdicts = (self.time_verdict, self.memory_verdict)
        slower = any(v is not None and v.word == "slower" for v in verdicts)
        worse = any(metric.word == "worse" for metric in self.metrics)
        return self.status == "failed" or slower or worse

    @property
    def is_decided(self) -> bool:
        verdicts = (self.time_verdict, self.memory_verdict)
        return all(verdict is None or verdict.decided for verdict in verdicts)

    def _judge(
        self,
        estimate: RatioEstimate | None,
        threshold_percent: float | None = None,
        words: tuple[str, str] = ("faster", "slower"),
    ) -> Verdict | None:
        if estimate is None:
            return None
        limit_percent = threshold_percent or self.threshold_percent
        return judge(estimate, limit_percent, self.seconds / len(self.rounds), words)


@dataclass(frozen=True)
class StopRule:
    """When a comparison of one case ends."""

    budget_s: float = 120.0
    threshold_percent: float = THRESHOLD_PERCENT
    looks: tuple[int, ...] = LOOKS


def compare(
    case_id: str,
    play: Callable[[int], Round],
    stop: StopRule,
    tell: Callable[[Comparison], None] = lambda so_far: None,
    clock: Callable[[], float] = monotonic,
) -> Comparison:
    """Rounds until a look decides on time and on memory, or the next round would go
    beyond the budget, in which evaluation does not count. `play(number)` plays one
    round.

    Rounds before one that breaks are kept. States that do not do the same work have no
    verdict.
    """
    began = clock()
    so_far = Comparison(case_id, threshold_percent=stop.threshold_percent)
    while True:
        try:
            rounds = (*so_far.rounds, play(len(so_far.rounds)))
        except SideEndedError as ended:
            # What A can do and B cannot is no skip; A is always the first to say.
            skips = not so_far.rounds and ended.side == "A"
            status = ended.kind if skips else "failed"
            return replace(so_far, status=status, reason=str(ended))
        spent_s = clock() - began - sum(one.judging_s for one in rounds)
        n = len(rounds)
        so_far = replace(so_far, rounds=rounds, seconds=spent_s)
        tell(so_far)
        if differing := different_work(rounds[0].results):
            reason = f"not the same work: {differing}"
            return replace(so_far, status="failed", reason=reason)
        time_is_up = spent_s + spent_s / n > stop.budget_s or n >= stop.looks[-1]
        if time_is_up or (n in stop.looks and so_far.is_decided):
            return so_far


def different_work(results: tuple[TurnsResult, TurnsResult]) -> str | None:
    """What of the work differs between the states: a ratio of different work says
    nothing. The size of a model may: that is what a compression changes."""
    a, b = (
        {
            "items": one.work.items,
            "audio_s": one.work.audio_s,
            "corpus": one.details.get("corpus_checksum"),
        }
        for one in results
    )
    parts = [
        f"{name} {a[name]} in A, {b[name]} in B" for name in a if a[name] != b[name]
    ]
    return ", ".join(parts) or None
