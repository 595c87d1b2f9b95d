"""The same work or no verdict: which works of the candidates may be compared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.report.compare.differences import differences
from harness.report.compare.model import Difference, Mismatch, Work
from harness.report.compare.reading.attempt import Attempt
from harness.report.compare.reading.facts import (
    KINDS,
    OF_FILES,
    WITHIN,
    Fact,
    differ,
    fact_text,
)
from harness.report.compare.reading.facts import facts as facts_of
from harness.report.compare.reading.gather import Gathered
from harness.report.compare.reading.software import Software, unlike, values
from harness.text import plain, quoted

Attempts = Mapping[str, tuple[Attempt, ...]]  # by label
Differing = Mapping[str, Mapping[str, list[Fact]]]  # by kind and label


@dataclass(frozen=True)
class Matched:
    """One work: the attempts of each candidate that has it, whether all did the same,
    and what was allowed although it differs.

    Where a candidate's own runs differ in what was not allowed, only those like its
    first stand here: the others did another work.
    """

    work: Work
    attempts: Attempts
    same: bool
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """All works, in the order of the files; and what differs."""

    works: tuple[Matched, ...]
    mismatches: tuple[Mismatch, ...]
    differences: tuple[Difference, ...]


def match(gathered: Gathered, allow: Collection[str] = ()) -> Match:
    """Every work that any candidate has. `allow` are the KINDS in which works may
    differ; ValueError for what is none."""
    if unknown := sorted(set(allow) - KINDS.keys()):
        raise ValueError(
            f"unknown kind of mismatch {quoted(unknown[0], 80)}: expected one of "
            f"{', '.join(KINDS)}"
        )
    mismatches = _of_files(gathered, allow)
    works = []
    for work in dict.fromkeys(w for some in gathered.attempts.values() for w in some):
        attempts = _by_label(gathered, work)
        differing = _differing(attempts, KINDS)
        works.append(_matched(work, attempts, differing, allow))
        mismatches += [
            _mismatch(kind, work, differing[kind], allow)
            for kind in differing
            if kind not in OF_FILES
        ]
    fingerprints = {
        label: [run.fingerprint for run in runs]
        for label, runs in gathered.runs.items()
    }
    found = differences(fingerprints)
    return Match(tuple(works), tuple(mismatches), tuple(found))


def _by_label(gathered: Gathered, work: Work) -> dict[str, tuple[Attempt, ...]]:
    return {
        label: works[work]
        for label, works in gathered.attempts.items()
        if work in works
    }


def _of_files(gathered: Gathered, allow: Collection[str]) -> list[Mismatch]:
    """What holds for all cases of a file stands once."""
    attempts = {
        label: _one_a_run(attempt for some in works.values() for attempt in some)
        for label, works in gathered.attempts.items()
    }
    differing = _differing(attempts, OF_FILES)
    return [_mismatch(kind, None, found, allow) for kind, found in differing.items()]


def _one_a_run(attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
    firsts: dict[int, Attempt] = {}
    for one in _measured(attempts):
        firsts.setdefault(id(one.run), one)
    return tuple(firsts.values())


def _measured(attempts: Iterable[Attempt]) -> list[Attempt]:
    return [one for one in attempts if one.extract.figures is not None]


def _differing(attempts: Attempts, kinds: Iterable[str]) -> Differing:
    """The kinds in which what was measured differs, with each candidate's facts."""
    measured = {label: _measured(some) for label, some in attempts.items()}
    found = {}
    for kind in kinds:
        own = {label: facts_of(kind, some) for label, some in measured.items() if some}
        if kind in WITHIN:
            own = {label: facts for label, facts in own.items() if len(facts) > 1}
            differs = bool(own)
        else:
            differs = differ(fact for facts in own.values() for fact in facts)
        if differs:
            found[kind] = own
    return found


def _mismatch(
    kind: str,
    work: Work | None,
    found: Mapping[str, Sequence[Fact]],
    allow: Collection[str],
) -> Mismatch:
    texts = {label: _texts(facts) for label, facts in found.items()}
    return Mismatch(kind, work, texts, kind in allow)


def _texts(facts: Sequence[Fact]) -> str:
    """A candidate's facts; of software what it differs in."""
    if facts and all(isinstance(fact, Software) for fact in facts):
        names = unlike(facts)
        told_of = [values(name, facts) for name in names]
        facts = [
            tuple(
                (name, of_name.get(place, "unknown"))
                for name, of_name in zip(names, told_of, strict=True)
            )
            for place in range(len(facts))
        ]
    return plain(" and ".join(map(fact_text, facts)) or "unknown")


def _matched(
    work: Work, attempts: Attempts, differing: Differing, allow: Collection[str]
) -> Matched:
    refused = [kind for kind in differing if kind not in allow]
    return Matched(
        work=work,
        attempts={
            label: _like_the_first(some, refused) for label, some in attempts.items()
        },
        same=not refused,
        labels=tuple(KINDS[kind] for kind in differing if kind in allow),
    )


def _like_the_first(
    attempts: tuple[Attempt, ...], refused: Sequence[str]
) -> tuple[Attempt, ...]:
    """Without the runs that did another work. Runs differ in their seeds by design."""
    measured = _measured(attempts)
    if len(measured) < 2:
        return attempts
    kinds = [kind for kind in refused if kind != "seed"]
    return tuple(
        one
        for one in attempts
        if one.extract.figures is None
        or all(_are_alike(kind, measured[0], one) for kind in kinds)
    )


def _are_alike(kind: str, one: Attempt, other: Attempt) -> bool:
    return not differ(facts_of(kind, [one, other]))
