"""A comparison as a table: what a person reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.ab.accuracy import MetricChange
from harness.ab.comparison import Comparison
from harness.record.host import host_text
from harness.report.tables.table import (
    ABSENT,
    Column,
    Table,
    figure_column,
    number_column,
    text_column,
    whole_column,
)
from harness.statistics import RatioEstimate


def table(comparisons: Sequence[Comparison]) -> Table:
    """A row a case: ms of a usual step in both states, B over A of it, of the mean and
    of the 90th percentile, and what that says."""
    judged = [one if one.time_verdict else None for one in comparisons]
    columns = (
        text_column("case", (one.case_id for one in comparisons)),
        *(_step_column(state, judged, place) for place, state in enumerate("AB")),
        _ratio_column("B / A", judged, lambda one: one.time, importance=8),
        *_interval_columns(judged),
        _ratio_column("mean", judged, lambda one: one.mean),
        _ratio_column("p90", judged, lambda one: one.p90),
        whole_column("pairs", map(_pairs, judged), importance=1),
        text_column("time", map(_time, comparisons), importance=9),
        text_column("memory", (_memory(one) if one else "" for one in judged)),
        text_column("accuracy", (_accuracy(one) if one else "" for one in judged)),
    )
    return Table("ab", "", columns)


Compared = Sequence[Comparison | None]  # None: there is no verdict


def _step_column(state: str, judged: Compared, place: int) -> Column:
    steps_ms = [1e3 * one.step_s[place] if one else None for one in judged]
    texts = ("" if step is None else f"{step:.4g}" for step in steps_ms)
    return figure_column(state, texts, steps_ms, unit="ms", importance=2)


def _ratio_column(
    title: str,
    judged: Compared,
    ratio: Callable[[Comparison], RatioEstimate | None],
    importance: int = 0,
) -> Column:
    found = [ratio(one) if one else None for one in judged]
    values = [None if one is None else one.ratio for one in found]
    texts = [ABSENT if value is None else f"{value:.3f}" for value in values]
    texts = [text if one else "" for text, one in zip(texts, judged, strict=True)]
    return figure_column(title, texts, values, importance=importance)


def _interval_columns(judged: Compared) -> tuple[Column, ...]:
    """To be read, and its ends for the CSV."""
    found = [one.time if one else None for one in judged]
    known = [None if one is None or one.is_endless else one for one in found]
    lows = (None if one is None else one.low for one in known)
    highs = (None if one is None else one.high for one in known)
    texts = ("" if one is None else interval(one) for one in found)
    return (
        figure_column("95 % interval", texts, importance=7),
        number_column("low", lows, hidden=True),
        number_column("high", highs, hidden=True),
    )


def _pairs(comparison: Comparison | None) -> int:
    time = comparison.time if comparison else None
    return time.n if time else 0


def _time(comparison: Comparison) -> str:
    verdict = comparison.time_verdict
    if verdict is None or comparison.status != "ok":
        return comparison.status
    return verdict.text


def line(comparison: Comparison) -> str:
    """A comparison in one line, also of one that still goes on."""
    time, verdict = comparison.time, comparison.time_verdict
    if time is None or verdict is None:
        return f"{comparison.case_id}: {comparison.status}: {comparison.reason}"
    return (
        f"{comparison.case_id}: {time.ratio:.4f} [{interval(time)}], {time.n} pairs, "
        f"{comparison.seconds:.0f} s: {verdict.text}"
    )


def interval(estimate: RatioEstimate) -> str:
    """A ratio's interval; of few pairs there is none.

    >>> interval(RatioEstimate(1.0, 0.987, 1.012, 8))
    '0.987 to 1.012'
    """
    if estimate.is_endless:
        return "-"
    return f"{estimate.low:.3f} to {estimate.high:.3f}"


def _memory(comparison: Comparison) -> str:
    memory, verdict = comparison.memory, comparison.memory_verdict
    if memory is None or verdict is None:
        return "unknown"
    if verdict.word in ("same", "undecided"):
        return verdict.word
    return f"{verdict.text}: {memory.ratio:.3f}x"


def _accuracy(comparison: Comparison) -> str:
    if not comparison.metrics:
        return "-"
    changed = [m for m in comparison.metrics if m.word != "same"]
    if not changed:
        return "same"
    return ", ".join(map(_change, changed))


def _change(metric: MetricChange) -> str:
    """In hundredths of its unit, for a change may be small."""
    kind = metric.kind
    scale, unit = kind.scale, kind.unit
    before = f"{metric.word}: {kind.title} {scale * metric.a:z.2f} to"
    if metric.b is None:
        return f"{before} nothing"
    return f"{before} {scale * metric.b:z.2f} {unit}".rstrip()


def remarks(comparisons: Sequence[Comparison]) -> list[str]:
    """What the host gave, why cases have no verdict, and what went on beside them."""
    lines = []
    noises = [r.noise for one in comparisons for r in one.rounds if r.noise]
    given = [noise.host for noise in noises if noise.host is not None]
    if host := host_text([given]):
        lines.append(f"host: {host}")
    for one in comparisons:
        if one.reason:
            lines.append(f"{one.status}: {one.case_id}: {one.reason}")
        if one.disturbance:
            lines.append(f"noise: {one.case_id}: {one.disturbance}")
        warnings = {w for played in one.rounds for w in played.warnings}
        lines += [f"warning: {one.case_id}: {w}" for w in sorted(warnings)]
    return lines


def summary(comparisons: Sequence[Comparison]) -> str:
    """One line: how many of which verdict on time, and how many regressions of any
    kind."""
    words = [_word(comparison) for comparison in comparisons]
    counts = {word: words.count(word) for word in dict.fromkeys(words)}
    regressions = sum(comparison.is_regression for comparison in comparisons)
    text = ", ".join(f"{count} {word}" for word, count in counts.items())
    return f"time: {text}; regressions: {regressions}"


def _word(comparison: Comparison) -> str:
    verdict = comparison.time_verdict
    if comparison.status != "ok" or verdict is None:
        return comparison.status
    return verdict.word
