"""What makes work the same: the facts of an attempt, by the kind that a mismatch is
known by."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import eq
from typing import Any

from harness.report.compare.reading.attempt import Attempt
from harness.report.compare.reading.extract import Figures
from harness.report.compare.reading.held_out import HeldOut, held_out
from harness.report.compare.reading.software import Software, software, unlike

# How a row says that a kind differs and was allowed; the keys are what --allow takes.
KINDS: Mapping[str, str] = {
    "suite-version": "suite version differs",
    "code": "suite code differs",
    "software": "software differs between runs",
    "data-root": "data root differs",
    "variables": "passed variables differ",
    "profile": "profile differs",
    "corpus": "corpus differs",
    "weights": "weights differ",
    "arithmetic": "arithmetic differs",
    "work": "work differs",
    "gate": "gate differs",
    "accuracy": "accuracy differs",
    "seed": "seeds differ",
}
# These are of all cases of a file.
OF_FILES = ("suite-version", "code", "software", "data-root", "variables")
WITHIN = ("software",)  # between runs of one machine: machines may differ in it
RELATIVE_TOLERANCE = 1e-9
UNKNOWN = "unknown"  # of a commit: nobody knows whether two are the same

TOLD = {"proven": "fp32", "refuted": "fewer bits than fp32"}  # by the kernels' claim

Fact = Any  # texts, numbers, None, pairs of them; a Software, a HeldOut


@dataclass(frozen=True)
class Code:
    """The suite's code that measured: equal digests are the same, whatever the commits.
    Earlier files have none: then the commits tell."""

    digest: str | None
    commit: str

    def is_like(self, other: Code) -> bool:
        if self.digest and other.digest:
            return self.digest == other.digest
        return (
            UNKNOWN not in (self.commit, other.commit) and self.commit == other.commit
        )

    def __str__(self) -> str:
        return f"{self.commit}, code {self.digest}" if self.digest else self.commit


def facts(kind: str, attempts: Sequence[Attempt]) -> list[Fact]:
    """The distinct facts of a candidate's attempts; one where its runs agree."""
    if kind == "seed":
        return [tuple(sorted({_seed(one) for one in attempts}))]
    return distinct(fact for fact in map(FACTS[kind], attempts) if fact is not None)


def distinct(found: Iterable[Fact]) -> list[Fact]:
    """Each once. Accuracies nearly alike are kept: a third may be like one of them."""
    kept: list[Fact] = []
    for fact in found:
        same = alike if not isinstance(fact, HeldOut) else eq
        if not any(same(fact, other) for other in kept):
            kept.append(fact)
    return kept


def differ(found: Iterable[Fact]) -> bool:
    return any(not alike(*pair) for pair in combinations(distinct(found), 2))


def alike(one: Fact, other: Fact) -> bool:
    """Equal, numbers to 1e-9 of their size; software in what both know.

    >>> alike(("macs", 1e9), ("macs", 1e9 + 0.5))
    True
    """
    if isinstance(one, HeldOut) and isinstance(other, HeldOut):
        return one.is_like(other)
    if isinstance(one, Code) and isinstance(other, Code):
        return one.is_like(other)
    if isinstance(one, Software) and isinstance(other, Software):
        return not unlike([one, other])
    if isinstance(one, tuple) and isinstance(other, tuple):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(alike(a, b) for a, b in pairs)
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=RELATIVE_TOLERANCE)
    return bool(one == other)


def fact_text(fact: Fact) -> str:
    """A fact as text.

    >>> fact_text((("wer", 0.01), ("cer", None))), fact_text("standard")
    ('wer 0.01, cer none', 'standard')
    >>> fact_text((0, 1))
    '0, 1'
    """
    if isinstance(fact, tuple):
        if len(fact) == 2 and isinstance(fact[0], str):
            return f"{fact[0]} {fact_text(fact[1])}"
        return ", ".join(map(fact_text, fact)) or "none"
    if isinstance(fact, float):
        return f"{fact:.12g}"
    return "none" if fact is None else str(fact)


def _suite_version(attempt: Attempt) -> Fact:
    return attempt.run.suite_version


def _code(attempt: Attempt) -> Fact:
    run = attempt.run
    changed = " with local changes" if run.is_dirty else ""
    return Code(run.code, run.commit + changed if run.commit else UNKNOWN)


def _software(attempt: Attempt) -> Fact:
    return software(attempt.run.fingerprint)


def _data_root(attempt: Attempt) -> Fact:
    return "a corpus on disk" if attempt.run.has_data_root else "built-in speech"


def _variables(attempt: Attempt) -> Fact:
    passed = sorted(attempt.run.variables.items())
    return tuple(f"{name}={value}" for name, value in passed)


def _profile(attempt: Attempt) -> Fact:
    return attempt.extract.profile


def _corpus(attempt: Attempt) -> Fact:
    return _figures(attempt).corpus


def _weights(attempt: Attempt) -> Fact:
    return _figures(attempt).weights


def _arithmetic(attempt: Attempt) -> Fact:
    """Of what is to be computed in fp32: fewer bits of it are faster, and no times of
    fp32. Another precision that did not run as it claims is told beside the verdict."""
    claim = _figures(attempt).claim
    if attempt.extract.work.compression != "fp32" or claim not in TOLD:
        return None
    return TOLD[claim]


def _work(attempt: Attempt) -> Fact:
    figures = _figures(attempt)
    work = figures.work
    return (
        ("items", work.items_per_step),
        ("audio_s", work.audio_s_per_step),
        ("parameters", work.parameters),
        ("macs", work.macs_per_step),
        ("cycle", figures.cycle),
        *([("own file", figures.own_file)] if figures.own_file else ()),
    )


def _gate(attempt: Attempt) -> Fact:
    """Gates and the baselines that they are to. None where no accuracy is known: that
    is no other gate."""
    metrics = _figures(attempt).metrics
    gates = sorted((name, metric.gate) for name, metric in metrics.items())
    baselines = sorted(
        (f"{name} to", _without_hardware(metric.baseline_case))
        for name, metric in metrics.items()
        if metric.baseline_case is not None
    )
    return (*gates, *baselines) or None


def _without_hardware(case_id: str) -> str:
    """
    >>> _without_hardware("asr/small/fp32/eager/cpu:threads=1/b1/beam=4")
    'asr/small/fp32/eager/b1/beam=4'
    """
    parts = case_id.split("/")
    return "/".join((*parts[:4], *parts[5:]))


def _accuracy(attempt: Attempt) -> Fact:
    return held_out(_figures(attempt))


def _seed(attempt: Attempt) -> int:
    trained = _figures(attempt).trained
    return attempt.run.seed if trained is None else trained.seed


def _figures(attempt: Attempt) -> Figures:
    assert attempt.extract.figures is not None, "only what was measured has facts"
    return attempt.extract.figures


FACTS: Mapping[str, Callable[[Attempt], Fact]] = {
    "suite-version": _suite_version,
    "code": _code,
    "software": _software,
    "data-root": _data_root,
    "variables": _variables,
    "profile": _profile,
    "corpus": _corpus,
    "weights": _weights,
    "arithmetic": _arithmetic,
    "work": _work,
    "gate": _gate,
    "accuracy": _accuracy,
}
