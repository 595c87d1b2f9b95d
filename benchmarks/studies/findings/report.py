"""What became of the findings, as tables, texts and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from rich.console import Console

from benchmarks.studies.command import Study
from benchmarks.studies.display import difference_columns, with_interval
from benchmarks.studies.findings.rules import (
    BASELINE,
    CLAIMS,
    LIMITS,
    Finding,
    Judged,
    Scored,
    Scores,
    findings,
)
from harness.report.tables.table import Column, Table, formatted_column, text_column
from harness.report.tables.terminal import print_line, print_table
from workloads.metrics.bootstrap import Difference
from workloads.metrics.separation import Measure

STUDY = Study("findings", "speechmark-separation-findings", "check of the findings")
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

    @property
    def baseline(self) -> Measure:
        return self.scores[BASELINE].improvement

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        return findings(self.scores)


def progress(found: Scored | str, baseline: Scored) -> str:
    """One line about a compression, as soon as it is done."""
    if isinstance(found, str):
        return f"left out: {found}"
    text = improved(found.improvement)
    if found is baseline:
        return text
    lost = found.improvement.minus(baseline.improvement)
    return f"{text}, {with_interval(lost)} against {BASELINE}"


def improved(measure: Measure) -> str:
    """
    >>> improved(Measure("si_sdr_improvement", (8.0, 8.0)))
    '+8.00 [8.00, 8.00] dB'
    """
    return f"{with_interval(Difference(measure.value, *measure.interval()))} dB"


def print_report(checked: Sequence[Checked], console: Console) -> None:
    """The pairs and the notes of each model, then all verdicts and the rules."""
    for one in checked:
        print_table(table(one), console)
        print_line("", console)
    print_line(f"{verdicts(checked)}\n\n{rules()}", console)


def verdict_table(checked: Sequence[Checked]) -> Table:
    """A row for each finding, a column for each model."""
    columns = (
        text_column("finding", CLAIMS),
        *(text_column(one.model, (f.verdict for f in one.findings)) for one in checked),
    )
    return Table("verdicts", "Verdicts", columns)


def table(one: Checked) -> Table:
    """Every pair of compressions, then what the numbers do not tell."""
    rows = [
        (f"{number}{letter}" if len(finding.parts) > 1 else str(number), pair)
        for number, finding in enumerate(one.findings, 1)
        for letter, part in zip("abc", finding.parts, strict=False)
        for pair in part.pairs
    ]
    labels, pairs = zip(*rows, strict=True)
    firsts, seconds = zip(*((pair.first, pair.second) for pair in pairs), strict=True)
    outcomes = [pair.outcome for pair in pairs]
    columns = (
        text_column("", labels, importance=4),
        text_column("finding", labels, hidden=True),
        text_column("first", firsts, is_name=True),
        text_column("second", seconds, is_name=True),
        _mean_column("first", firsts, one.scores),
        _mean_column("second", seconds, one.scores),
        *difference_columns("difference", [pair.difference for pair in pairs], 2),
        text_column("", outcomes, importance=3),
        text_column("outcome", outcomes, hidden=True),
        text_column("model", [one.model] * len(pairs), hidden=True),
    )
    title = (
        f"{one.model}: {BASELINE} improves SI-SDR by {improved(one.baseline)} over "
        f"{one.baseline.n} mixtures of {one.data}"
    )
    return Table("pairs", title, columns, tuple(notes(one)))


def _mean_column(title: str, names: Sequence[str], scores: Scores) -> Column:
    means = [scores[n].improvement.value if n in scores else None for n in names]
    return formatted_column(title, means, "+.2f", importance=1)


def notes(one: Checked) -> list[str]:
    """How some compressions were computed, silences, and what was left out."""
    lines = [_FINE_TUNED if one.fine_tuned else _AT_ONCE]
    if one.baseline.value < LIMITS.broken_db:
        lines.append(
            f"{BASELINE} itself does not separate: there is nothing to lose, train "
            "longer"
        )
    for name, found in one.scores.items():
        if found.note:
            lines.append(f"{name}: {found.note}")
        if count := found.silent_estimates:
            lines.append(
                f"{name}: {count} estimates are silent, which counts as the lowest "
                "SI-SDR that there is"
            )
    return lines + [f"{name} is left out: {why}" for name, why in one.left_out.items()]


_AT_ONCE = "every compression was applied to the same weights, and nothing trained on"
_FINE_TUNED = (
    "what was pruned or factorized was trained on, which the number formats were not"
)


def verdicts(checked: Sequence[Checked]) -> str:
    """Of each finding and each model, with the claims and the counts of pairs."""
    lines = []
    for number, text in enumerate(CLAIMS, 1):
        lines.append(f"{number}. {text}")
        for one in checked:
            own = one.findings[number - 1]
            lines.append(f"   {one.model}: {own.verdict}")
            lines += [f"      {line}" for line in reasons(own, one.baseline.n)]
    return "\n".join(lines)


def reasons(finding: Finding, mixtures: int) -> list[str]:
    """What decided a verdict: a line for each claim, and one that says why."""
    lines = [_claim(part, len(finding.parts) > 1) for part in finding.parts]
    if finding.because:
        lines.append(finding.because)
    if mixtures < LIMITS.mixtures:
        lines.append(f"{mixtures} mixtures are too few, take {LIMITS.mixtures} or more")
    return lines


def _claim(part: Judged, several: bool) -> str:
    """
    >>> from benchmarks.studies.findings.rules import Claim
    >>> judged = Judged(Claim("a above b", (), 0.1), (), "not decided")
    >>> _claim(judged, several=False)
    'a above b: no pair says anything'
    """
    text = part.claim.text + (f", {part.verdict}" if several else "")
    outcomes = [pair.outcome for pair in part.pairs]
    counted = ", ".join(
        f"{outcomes.count(outcome)} {outcome}"
        for outcome in (*_SAYING, "both broken", "not scored")
        if outcome in outcomes
    )
    said = (pair.difference for pair in part.pairs if pair.outcome in _SAYING)
    values = [one.value for one in said if one]
    if not values:
        return f"{text}: {counted or 'no pair says anything'}"
    span = f"{min(values):+.2f} to {max(values):+.2f} dB"
    return f"{text}: {counted} of {len(part.pairs)} pairs, {span}"


_SAYING = ("shown", "refuted", "open")


def rules() -> str:
    """What decides, in words, with the thresholds."""
    most = f"{100 * LIMITS.most:g} %"
    claims = (claim for some in CLAIMS.values() for claim in some)
    bounds = "\n".join(f"  {claim.text}: {claim.rule}" for claim in claims)
    return f"""\
rules: a pair's difference is the first's improvement less the second's, in dB over \
the same mixtures
{bounds}
  shown: its whole 95 % interval is there; refuted: all of it is elsewhere; open: it \
is too wide to tell
  both broken: both improve by less than {LIMITS.broken_db:g} dB, and which of them is \
worse tells nothing
  found: {most} of the pairs show it; not found: {most} refute it; partly: neither, or \
one claim of two
  not decided: that hangs on open pairs, no pair says anything, or fewer than \
{LIMITS.mixtures} mixtures
  {LIMITS.counts_db:g} dB is the last decimal that papers give; {LIMITS.alike_db:g} dB \
is 5 % of what a good separator improves; {LIMITS.far_db:g} dB is far
  random pruning is one draw; gradients and calibration are of other mixtures \
than these"""


def numbers(checked: Sequence[Checked]) -> dict[str, Any]:
    """All verdicts, and the improvement of each mixture, for a JSON file."""
    models = {one.model: _numbers_of(one) for one in checked}
    return {"thresholds": asdict(LIMITS), "models": models}


def _numbers_of(one: Checked) -> dict[str, Any]:
    return {
        "corpus": one.data,
        "fine_tuned": one.fine_tuned,
        "mixtures": one.baseline.n,
        "findings": [
            {
                "text": finding.text,
                "verdict": finding.verdict,
                "reasons": reasons(finding, one.baseline.n),
                "claims": [
                    {**asdict(part), "rule": part.claim.rule} for part in finding.parts
                ],
            }
            for finding in one.findings
        ],
        "compressions": {
            name: {
                "si_sdr_improvement_db": found.improvement.value,
                "interval_95_db": list(found.improvement.interval()),
                "each_mixture_db": list(found.improvement.values),
                "silent_estimates": found.silent_estimates,
                "note": found.note,
            }
            for name, found in one.scores.items()
        },
        "left_out": dict(one.left_out),
    }
