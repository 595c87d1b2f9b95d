"""A comparison as a table: what a person reads."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from harness.ab.accuracy import MetricChange
from harness.ab.comparison import Comparison
from harness.record.host import host_text
from harness.statistics import RatioEstimate


def table(comparisons: Sequence[Comparison]) -> Table:
    """A row a case: ms of a usual step in both states, B over A of it, of the
    mean and of the 90th percentile, and what that says."""
    made = Table("case", box=None)
    for column in ("A ms", "B ms", "B / A", "95 % interval", "mean", "p90", "pairs"):
        made.add_column(column, justify="right")
    made.add_column("time")
    made.add_column("memory")
    made.add_column("accuracy")
    for comparison in comparisons:
        made.add_row(comparison.case_id, *_cells(comparison))
    return made


def _cells(comparison: Comparison) -> tuple[str, ...]:
    time, verdict = comparison.time, comparison.time_verdict
    if time is None or verdict is None:
        return ("", "", "", "", "", "", "0", comparison.status, "", "")
    a_s, b_s = comparison.step_s
    word = verdict.text if comparison.status == "ok" else comparison.status
    return (
        f"{1e3 * a_s:.4g}",
        f"{1e3 * b_s:.4g}",
        f"{time.ratio:.3f}",
        interval(time),
        _ratio(comparison.mean),
        _ratio(comparison.p90),
        str(time.n),
        word,
        _memory(comparison),
        _accuracy(comparison),
    )


def _ratio(estimate: RatioEstimate | None) -> str:
    return "-" if estimate is None else f"{estimate.ratio:.3f}"


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
    listed = ", ".join(f"{count} {word}" for word, count in counts.items())
    return f"time: {listed}; regressions: {regressions}"


def _word(comparison: Comparison) -> str:
    verdict = comparison.time_verdict
    if comparison.status != "ok" or verdict is None:
        return comparison.status
    return verdict.word
