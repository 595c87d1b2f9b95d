"""With which reserves a verdict stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from harness.clusters import ENOUGH_RUNS, MOST_SURE, RUN_DEVIATION
from harness.metrics import as_loss, level_text
from harness.report.compare.model import (
    Comparison,
    Difference,
    Estimate,
    Measured,
    NotMeasured,
    Ranking,
    Row,
)
from harness.statistics import are_disjoint
from harness.text import plain

NAMED = 3  # differences of software that the sentence names
LONGEST_VALUE = 40


def reserves(comparison: Comparison, ranking: Ranking) -> tuple[str, ...]:
    """Sentences: on runs, on the ranked works, and on the software that did them."""
    works = set(ranking.works)
    ranked = [row for row in comparison.rows if row.work in works]
    parts = [*_on_works(comparison, ranked)]
    text = "; ".join(parts)
    on_works = f"{text[0].upper()}{text[1:]}." if text else ""
    on_runs = _on_runs(ranking, ranked)
    on_software = _on_software(comparison.software)
    return tuple(filter(None, (on_runs, on_works, on_software)))


def reserves_of_those_that_qualify(comparison: Comparison) -> tuple[str, ...]:
    """Of the works that any candidate has a qualifying case of, where none is ranked;
    empty where there are none."""
    rows = [row for row in comparison.rows if any(map(_qualifies, row.cells.values()))]
    if not rows:
        return ()
    text = "; ".join(_on_works(comparison, rows))
    on_works = f"{text[0].upper()}{text[1:]}." if text else ""
    return tuple(filter(None, (on_works, _on_software(comparison.software))))


def _qualifies(cell: Measured | NotMeasured) -> bool:
    is_within = isinstance(cell, Measured) and cell.beyond_limits is None
    return is_within and isinstance(cell, Measured) and cell.gate_passed is not False


def _on_runs(ranking: Ranking, ranked: Sequence[Row]) -> str:
    """What stands for the variation from run to run that too few runs, or too few
    processes in them, leave unknown."""
    runs = {label: _fewest_runs(label, ranked) for label in ranking.few_runs}
    if not runs:
        return ""
    counts = [f"{who}: {n:,} run{'s' * (n > 1)}" for who, n in runs.items()]
    remedies = dict.fromkeys(_remedy(who, n, ranked) for who, n in runs.items())
    return (
        f"How much runs vary is not known ({', '.join(counts)}): for each run "
        f"{100 * RUN_DEVIATION:g} % are allowed, and no more than "
        f"{100 * MOST_SURE:g} % certainty is claimed; {'; '.join(remedies)}."
    )


def _remedy(label: str, runs: int, ranked: Sequence[Row]) -> str:
    if runs < ENOUGH_RUNS:
        return f"{ENOUGH_RUNS} runs or more of each tell it"
    single = all(len(set(t.runs)) == len(t.values) for t in _times(label, ranked))
    return (
        f"{runs:,} runs of {'one process' if single else 'so few processes'} do not "
        "tell it for so few works: run several processes in each"
    )


def _fewest_runs(label: str, ranked: Sequence[Row]) -> int:
    """The fewest runs in which the candidate measured any of the works."""
    counts = (len(set(time.runs)) or 1 for time in _times(label, ranked))
    return min(counts, default=1)


def _times(label: str, ranked: Sequence[Row]) -> list[Estimate]:
    cells = [row.cells[label] for row in ranked]
    return [cell.step_s for cell in cells if isinstance(cell, Measured)]


def _is_spoiled(row: Row, ranking: Ranking | None) -> bool:
    """Whether other load disturbed what counts of a work: of a split machine, that."""
    for one in ranking.saturated if ranking else ():
        if one.work == row.work:
            return one.spoiled
    cells = row.cells.values()
    return any(isinstance(cell, Measured) and cell.spoiled for cell in cells)


def _on_works(comparison: Comparison, ranked: Sequence[Row]) -> Iterator[str]:
    """What was allowed although it differs, what other load spoiled, and what does not
    count as it was not the same work."""
    if labels := dict.fromkeys(label for row in ranked for label in row.labels):
        yield f"not all of it is the same work, as allowed: {', '.join(labels)}"
    spoiled = sum(_is_spoiled(row, comparison.ranking) for row in ranked)
    if spoiled:
        yield f"other load spoiled {spoiled:,} of the {len(ranked):,} works"
    refuted = sum(map(_is_refuted, ranked))
    if refuted:
        yield (
            f"{refuted:,} of the {len(ranked):,} works did not run in the precision "
            "that they claim on every candidate"
        )
    yield from _missed_levels(comparison, ranked)
    if refused := [row for row in comparison.rows if not row.same]:
        works = {None, *(row.work for row in refused)}
        kinds = dict.fromkeys(
            one.what
            for one in comparison.mismatches
            if one.work in works and not one.allowed
        )
        yield (
            f"not done alike, and counted nowhere: {len(refused):,} of "
            f"{len(comparison.rows):,} works ({', '.join(kinds)})"
        )
    if halves := sum(map(_passes_here_alone, comparison.rows)):
        yield (
            "within the gate on some candidates, beyond it on others, and counted "
            f"nowhere: {halves:,} of {len(comparison.rows):,} works"
        )
    if apart := sum(map(_ends_apart, ranked)):
        yield (
            f"{apart:,} of the trainings ended at accuracies whose intervals have "
            "nothing in common: what is compared is the time to the levels that all "
            "reached"
        )


def _is_refuted(row: Row) -> bool:
    cells = row.cells.values()
    return any(isinstance(cell, Measured) and cell.refuted for cell in cells)


def _missed_levels(comparison: Comparison, ranked: Sequence[Row]) -> Iterator[str]:
    """Of each training the hardest level that some candidate reached in every run, and
    others did not: what is compared is an easier one."""
    for row in ranked:
        cells = {
            label: {(t.metric, t.level) for t in cell.training.targets if t.tta_s}
            for label, cell in row.cells.items()
            if isinstance(cell, Measured) and cell.training
        }
        known = set().union(*cells.values()) if cells else set()
        missed = {
            one: [label for label, reached in cells.items() if one not in reached]
            for one in known
        }
        kinds = comparison.metrics
        for metric in kinds.in_order({metric for metric, _ in known}):
            levels = [one for one in known if one[0] == metric and missed[one]]
            if not levels:
                continue
            hardest = min(levels, key=lambda one: as_loss(one[1], kinds[metric].better))
            text = level_text(kinds[metric], hardest[1])
            who = ", ".join(missed[hardest])
            yield (
                f"{text} of {row.work} does not count: {who} did not reach it in every "
                "run, which others did"
            )


def _passes_here_alone(row: Row) -> bool:
    cells = [cell for cell in row.cells.values() if isinstance(cell, Measured)]
    return row.same and {True, False} <= {cell.gate_passed for cell in cells}


def _ends_apart(row: Row) -> bool:
    """Seeds and rounding move a training's accuracy, but hardly so far."""
    cells = [c for c in row.cells.values() if isinstance(c, Measured) and c.training]
    return any(
        are_disjoint(a.errors[name].interval, b.errors[name].interval)
        for a, b in combinations(cells, 2)
        for name in a.errors.keys() & b.errors.keys()
    )


def _on_software(found: Sequence[Difference]) -> str:
    """The most important differences, and how many more there are."""
    if not found:
        return ""
    named = "; ".join(f"{one.name} is {_values(one)}" for one in found[:NAMED])
    more = len(found) - NAMED
    rest = f", and {more:,} more differ" if more > 0 else ""
    return (
        "Software and settings differ too, and what is theirs in the speed is not told "
        f"apart: {named}{rest}."
    )


def _values(difference: Difference) -> str:
    """
    >>> _values(Difference("torch", {"a": "1.13", "b": "2.14", "c": "2.14"}))
    '1.13 on a, 2.14 on b and c'
    """
    labels: dict[str, list[str]] = {}
    for label, value in difference.found.items():
        labels.setdefault(plain(value, LONGEST_VALUE), []).append(label)
    return ", ".join(f"{value} on {_who(own)}" for value, own in labels.items())


def _who(labels: Sequence[str]) -> str:
    """
    >>> _who(["a"]), _who(["a", "b"]), _who(["a", "b", "c"])
    ('a', 'a and b', 'a and 2 others')
    """
    others = len(labels) - 1
    return " and ".join(labels) if others < 2 else f"{labels[0]} and {others} others"
