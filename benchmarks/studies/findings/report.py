"""What became of the findings, as tables and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from benchmarks.studies.command import Study
from benchmarks.studies.findings.rules import (
    BASELINE,
    LIMITS,
    Finding,
    Judged,
    Scored,
    Scores,
    Thresholds,
    findings,
)
from benchmarks.studies.intervals import with_interval
from harness.report.tables.table import (
    Column,
    Table,
    figure_column,
    number_column,
    text_column,
)
from harness.report.tables.terminal import print_line, print_table
from workloads.metrics.bootstrap import Difference
from workloads.metrics.separation import Measure

STUDY = Study("speechmark-separation-findings", "check of the findings")
WIDTH = 140  # of its tables, where the output is no terminal


@dataclass(frozen=True)
class Checked:
    """A model, the mixtures that it was judged on, its scores, and for each compression
    that was `left_out` the reason. `fine_tuned`: what was pruned or factorized was
    trained on."""

    model: str
    data: str
    scores: Scores
    left_out: Mapping[str, str]
    fine_tuned: bool = False
    limits: Thresholds = LIMITS

    @property
    def baseline(self) -> Measure:
        return self.scores[BASELINE].improvement

    @property
    def findings(self) -> tuple[Finding, ...]:
        return findings(self.scores, self.limits)


def progress(name: str, scores: Scores, left_out: Mapping[str, str]) -> str:
    """One line about a compression, as soon as it is done."""
    if name in left_out:
        return f"{name}: left out: {left_out[name]}"
    text = f"{name}: {improved(scores[name].improvement)}"
    if name == BASELINE:
        return text
    lost = scores[name].improvement.minus(scores[BASELINE].improvement)
    return f"{text}, {with_interval(lost)} against {BASELINE}"


def improved(measure: Measure) -> str:
    """
    >>> improved(Measure("si_sdr_improvement", (8.0, 8.0)))
    '+8.00 [8.00, 8.00] dB'
    """
    return f"{with_interval(Difference(measure.mean, *measure.interval()))} dB"


def print_report(checked: Sequence[Checked], console: Console) -> None:
    """The pairs and the notes of each model, then all verdicts and the rules."""
    for one in checked:
        print_table(table(one), console)
        print_line("", console)
    print_line(verdicts(checked), console)
    print_line("", console)
    print_line(rules(checked[0].limits), console)


def title(one: Checked) -> str:
    return (
        f"{one.model}: {BASELINE} improves SI-SDR by {improved(one.baseline)} over "
        f"{one.baseline.n} mixtures of {one.data}"
    )


def table(one: Checked) -> Table:
    """Every pair of compressions, then what the numbers do not tell."""
    rows = [
        (f"{number}{letter}" if len(finding.parts) > 1 else str(number), pair)
        for number, finding in enumerate(one.findings, 1)
        for letter, part in zip("abc", finding.parts, strict=False)
        for pair in part.pairs
    ]
    pairs = [pair for _, pair in rows]
    columns = (
        text_column("", (label for label, _ in rows), importance=4),
        text_column("finding", (label for label, _ in rows), hidden=True),
        text_column("first", (pair.first for pair in pairs), is_name=True),
        text_column("second", (pair.second for pair in pairs), is_name=True),
        _mean_column("first", [pair.first for pair in pairs], one.scores),
        _mean_column("second", [pair.second for pair in pairs], one.scores),
        *_difference_columns([pair.difference for pair in pairs]),
        text_column("", (pair.outcome for pair in pairs), importance=3),
        text_column("outcome", (pair.outcome for pair in pairs), hidden=True),
        text_column("model", [one.model] * len(pairs), hidden=True),
    )
    return Table("pairs", title(one), columns, tuple(notes(one)))


def _mean_column(title: str, names: Sequence[str], scores: Scores) -> Column:
    means = [scores[n].improvement.mean if n in scores else None for n in names]
    texts = (None if mean is None else f"{mean:+.2f}" for mean in means)
    return figure_column(title, texts, means, importance=1)


def _difference_columns(found: Sequence[Difference | None]) -> tuple[Column, ...]:
    """To be read, and for the CSV the ends of its interval."""
    lows = (None if one is None else one.low for one in found)
    highs = (None if one is None else one.high for one in found)
    return (
        figure_column(
            "difference [95 % interval]",
            (None if one is None else with_interval(one) for one in found),
            (None if one is None else one.value for one in found),
            importance=2,
        ),
        number_column("low", lows, hidden=True),
        number_column("high", highs, hidden=True),
    )


def notes(one: Checked) -> list[str]:
    """How some compressions were computed, silences, and what was left out."""
    lines = [_FINE_TUNED if one.fine_tuned else _AT_ONCE]
    if one.baseline.mean < one.limits.broken_db:
        lines.append(
            f"{BASELINE} itself does not separate: there is nothing to lose, train "
            "longer"
        )
    for name, found in one.scores.items():
        lines += [f"{name}: {note}" for note in _notes_of(found)]
    lines += [f"{name} is left out: {why}" for name, why in one.left_out.items()]
    return lines


_AT_ONCE = "every compression was applied to the same weights, and nothing trained on"
_FINE_TUNED = (
    "what was pruned or factorized was trained on, which the number formats were not"
)


def _notes_of(found: Scored) -> list[str]:
    silent = found.silent_estimates
    counted = f"{silent} estimates are silent, which counts as an SI-SDR of 0 dB"
    return [note for note in (found.note, counted if silent else "") if note]


def verdicts(checked: Sequence[Checked]) -> str:
    """Of each finding and each model, with the claims and the counts of pairs."""
    lines = []
    for number, finding in enumerate(checked[0].findings, 1):
        lines.append(f"{number}. {finding.text}")
        for one in checked:
            own = one.findings[number - 1]
            lines.append(f"   {one.model}: {own.verdict}")
            lines += [f"      {line}" for line in reasons(own, one)]
    return "\n".join(lines)


def reasons(finding: Finding, one: Checked) -> list[str]:
    """What decided a verdict: a line for each claim, and one that says why."""
    n, needed = one.baseline.n, one.limits.mixtures
    lines = [_claim(part, len(finding.parts) > 1) for part in finding.parts]
    if finding.because:
        lines.append(finding.because)
    if n < needed:
        lines.append(f"{n} mixtures are too few, take {needed} or more")
    return lines


def _claim(part: Judged, several: bool) -> str:
    """
    >>> from benchmarks.studies.findings.rules import Claim
    >>> judged = Judged(Claim("a above b", (), 0.1), (), "not decided")
    >>> _claim(judged, several=False)
    'a above b: no pair says anything'
    """
    counted = []
    for outcome in ("shown", "refuted", "open", "both broken", "not scored"):
        if count := part.count(outcome):
            counted.append(f"{count} {outcome}")
    said = [pair.difference for pair in part.pairs if pair.outcome in _SAYING]
    text = part.claim.text + (f", {part.verdict}" if several else "")
    values = [one.value for one in said if one]
    if not values:
        return f"{text}: {', '.join(counted) or 'no pair says anything'}"
    span = f"{min(values):+.2f} to {max(values):+.2f} dB"
    return f"{text}: {', '.join(counted)} of {len(part.pairs)} pairs, {span}"


_SAYING = ("shown", "refuted", "open")


def rules(limits: Thresholds) -> str:
    """What decides, in words, with the thresholds."""
    most = f"{100 * limits.most:g} %"
    return "\n".join(
        [
            "rules: a pair's difference is the first's improvement less the second's, "
            "in dB over the same mixtures",
            *(f"  {text}: {rule}" for text, rule in _bounds(limits)),
            "  shown: its whole 95 % interval is there; refuted: all of it is "
            "elsewhere; open: it is too wide to tell",
            f"  both broken: both improve by less than {limits.broken_db:g} dB, and "
            "which of them is worse tells nothing",
            f"  found: {most} of the pairs show it; not found: {most} refute it; "
            "partly: neither, or one claim of two",
            "  not decided: that hangs on open pairs, no pair says anything, or fewer "
            f"than {limits.mixtures} mixtures",
            f"  {limits.counts_db:g} dB is the last decimal that papers give; "
            f"{limits.alike_db:g} dB is 5 % of what a good separator improves; "
            f"{limits.far_db:g} dB is far",
            "  random pruning is one draw; gradients and calibration are of other "
            "mixtures than these",
        ]
    )


def _bounds(limits: Thresholds) -> list[tuple[str, str]]:
    """The text and the rule of each claim."""
    claims = (part.claim for one in findings({}, limits) for part in one.parts)
    return [(claim.text, claim.rule) for claim in claims]


def numbers(checked: Sequence[Checked]) -> dict[str, Any]:
    """All verdicts, and the improvement of each mixture, for a JSON file."""
    return {
        **STUDY.marks,
        "thresholds": asdict(checked[0].limits),
        "models": {one.model: _numbers_of(one) for one in checked},
    }


def _numbers_of(one: Checked) -> dict[str, Any]:
    return {
        "corpus": one.data,
        "fine_tuned": one.fine_tuned,
        "mixtures": one.baseline.n,
        "findings": [
            {
                "text": finding.text,
                "verdict": finding.verdict,
                "reasons": reasons(finding, one),
                "claims": [
                    {**asdict(part), "rule": part.claim.rule} for part in finding.parts
                ],
            }
            for finding in one.findings
        ],
        "compressions": {
            name: {
                "si_sdr_improvement_db": found.improvement.mean,
                "interval_95_db": list(found.improvement.interval()),
                "each_mixture_db": list(found.improvement.values),
                "silent_estimates": found.silent_estimates,
                "note": found.note,
            }
            for name, found in one.scores.items()
        },
        "left_out": dict(one.left_out),
    }
