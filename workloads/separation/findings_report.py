"""What became of the findings, as tables and numbers."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from workloads.compression.sensitivity_report import with_interval
from workloads.metrics.bootstrap import Difference
from workloads.metrics.separation import Measure, paired_difference
from workloads.separation.findings_rules import (
    BASELINE,
    LIMITS,
    Finding,
    Judged,
    Pair,
    Scored,
    Scores,
    Thresholds,
    findings,
)

KIND = "speechmark-separation-findings"
SCHEMA_VERSION = 1
WIDTH = 140  # columns


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
    told = f"{name}: {improved(scores[name].improvement)}"
    if name == BASELINE:
        return told
    lost = paired_difference(scores[BASELINE].improvement, scores[name].improvement)
    return f"{told}, {with_interval(lost)} against {BASELINE}"


def improved(measure: Measure) -> str:
    """
    >>> improved(Measure("si_sdr_improvement", (8.0, 8.0)))
    '+8.00 [8.00, 8.00] dB'
    """
    return f"{with_interval(Difference(measure.mean, *measure.interval()))} dB"


def report(checked: Sequence[Checked]) -> str:
    """The pairs and the notes of each model, then all verdicts and the rules."""
    parts = [details(one) for one in checked]
    return "\n\n".join([*parts, verdicts(checked), rules(checked[0].limits)])


def title(one: Checked) -> str:
    return (
        f"{one.model}: {BASELINE} improves SI-SDR by {improved(one.baseline)} over "
        f"{one.baseline.n} mixtures of {one.data}"
    )


def details(one: Checked) -> str:
    """Every pair of compressions, then what the numbers do not tell."""
    table = Table(title=title(one), title_justify="left", box=None)
    for heading in ("", "first", "second"):
        table.add_column(heading, no_wrap=True)
    for heading in ("first", "second", "difference [95 % interval]"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for number, finding in enumerate(one.findings, 1):
        for letter, part in zip("abc", finding.parts, strict=False):
            label = f"{number}{letter}" if len(finding.parts) > 1 else str(number)
            for pair in part.pairs:
                table.add_row(label, *_cells(pair, one.scores))
    return "\n".join([*_lines(table), *notes(one)])


def _cells(pair: Pair, scores: Scores) -> tuple[str, ...]:
    names = pair.first, pair.second
    values = [
        f"{scores[name].improvement.mean:+.2f}" if name in scores else "-"
        for name in names
    ]
    found = with_interval(pair.difference) if pair.difference else "-"
    return (*names, *values, found, pair.outcome)


def notes(one: Checked) -> list[str]:
    """How some compressions were computed, silences, and what was left out."""
    told = [_FINE_TUNED if one.fine_tuned else _AT_ONCE]
    if one.baseline.mean < one.limits.broken_db:
        told.append(
            f"{BASELINE} itself does not separate: there is nothing to lose, train "
            "longer"
        )
    for name, found in one.scores.items():
        told += [f"{name}: {note}" for note in _notes_of(found)]
    told += [f"{name} is left out: {why}" for name, why in one.left_out.items()]
    return told


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
    told = [_claim(part, len(finding.parts) > 1) for part in finding.parts]
    if finding.because:
        told.append(finding.because)
    if n < needed:
        told.append(f"{n} mixtures are too few, take {needed} or more")
    return told


def _claim(part: Judged, several: bool) -> str:
    """
    >>> from workloads.separation.findings_rules import Claim
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


def _lines(table: Table) -> list[str]:
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def numbers(checked: Sequence[Checked]) -> dict[str, Any]:
    """All verdicts, and the improvement of each mixture, for a JSON file."""
    return {
        "schema": KIND,
        "schema_version": SCHEMA_VERSION,
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


def is_json(text: str) -> bool:
    """Whether a file holds such numbers."""
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("schema") == KIND
