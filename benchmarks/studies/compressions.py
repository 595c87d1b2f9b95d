"""Which compression runs on which runtime, and why not: a page in Markdown.

    python -m benchmarks.studies.compressions > docs/compressions.md

All of it is what steps, runtimes and tasks say of themselves, for the compressions and
models of the declared cases; nothing is read of this machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.plan import discover, plan
from harness.profile import PROFILES
from harness.report.tables.markdown import as_markdown
from harness.report.tables.table import Column, Table
from workloads.compression.known import STEPS, parse
from workloads.compression.step import Compression
from workloads.runtimes.known import RUNTIMES, why_not
from workloads.runtimes.runtime import Place
from workloads.task import Size, Task
from workloads.tasks import all_tasks, size_named

HEAD = """\
# Which compression runs on which runtime

`python -m benchmarks.studies.compressions` prints this page. A case that cannot run is
skipped with the reason that stands here. "yes" says that nothing known beforehand is in
the way; what a CPU turns out to lack, such as kernels for half precision, is said when
the model is opened.
"""
STEPS_HEAD = """\
## Steps

A compression is fp32 or a step; one that prunes or factorizes may stand, with a +,
before one that says so. What needs training is fine-tuned by `python -m
workloads.train --compression NAME`, and else has no accuracy in most tasks.
"""
ON_CPU = """\
## On the CPU

Of the models that are declared with a compression; with "some", those of a note are
left out.
"""
ON_CUDA = """\
## On CUDA

What differs there:
"""
CPU, CUDA = Place("cpu"), Place("cuda:0")
_PERCENT = re.compile(r"-(\d\d?)(?=\+|$)")
Model = tuple[Task[Any, Any], Size]


@dataclass(frozen=True)
class Declared:
    """A compression, and the models that some case has with it."""

    compression: Compression
    models: tuple[Model, ...]

    def reasons(self, runtime: str, place: Place) -> tuple[str | None, ...]:
        """Of each model."""
        return tuple(
            why_not(task, size, self.compression, runtime, place, {})
            for task, size in self.models
        )


def declared() -> list[Declared]:
    """Those of all profiles, in the order of the steps."""
    known = {name for task in all_tasks() for name in task.sizes}
    models: dict[str, set[str]] = {}
    for profile in PROFILES:
        for case in (one.case for one in plan(discover(), profile, ["cpu"])):
            if case.model in known:
                models.setdefault(case.compression, set()).add(case.model)
    found = [
        Declared(parse(name), tuple(map(size_named, sorted(of))))
        for name, of in models.items()
    ]
    return sorted(found, key=lambda one: _order(one.compression))


def _order(compression: Compression) -> tuple[int, list[int], str]:
    kinds = [STEPS.index(type(step)) for step in compression.steps]
    return len(kinds), kinds, compression.name


def cell(reasons: Sequence[str | None], notes: list[str]) -> str:
    """Whether it runs, and the numbers of the notes that say what keeps it from that,
    to which new ones are added."""
    some = [reason for reason in dict.fromkeys(reasons) if reason]
    if not some:
        return "yes"
    notes += [text for text in some if text not in notes]
    numbers = ", ".join(str(1 + notes.index(text)) for text in some)
    return f"some ({numbers})" if None in reasons else f"no ({numbers})"


def cpu_table(all_declared: Iterable[Declared], notes: list[str]) -> Table:
    """Compressions that differ in percentages alone are one row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for one in all_declared:
        name = one.compression.name
        cells = (cell(one.reasons(runtime, CPU), notes) for runtime in RUNTIMES)
        stem = _PERCENT.sub("-PERCENT", name)
        rows.setdefault((stem, *cells), []).append(name)
    texts = [(_joined(names), *key[1:]) for key, names in rows.items()]
    return _table(("compression", *RUNTIMES), texts)


def _joined(names: Sequence[str]) -> str:
    """
    >>> _joined(["cp-10+bf16", "cp-30+bf16"])
    'cp-PERCENT+bf16 (10, 30)'
    """
    if len(names) == 1:
        return names[0]
    percents = sorted(int(one[1]) for name in names if (one := _PERCENT.search(name)))
    return f"{_PERCENT.sub('-PERCENT', names[0])} ({', '.join(map(str, percents))})"


def steps_table(all_declared: Sequence[Declared]) -> Table:
    """What each step does, and needs in some of these compressions."""
    steps = [step for one in all_declared for step in one.compression.steps]
    texts = []
    for kind in STEPS:
        needs = set[str]().union(*(s.needs for s in steps if type(s) is kind))
        follows = "yes" if kind.may_follow else "-"
        needed = ", ".join(sorted(needs)) or "-"
        texts.append((kind.help(), kind.summary, needed, kind.claims, follows))
    heads = ("step", "what it does", "may need", "claims", "after a +")
    return _table(heads, texts)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    columns = zip(heads, zip(*rows, strict=True), strict=True)
    return Table("", "", tuple(Column(head, texts) for head, texts in columns))


def cuda_lines(all_declared: Sequence[Declared]) -> Iterator[str]:
    """For each runtime and reason that CUDA brings, of which compressions."""
    for runtime in RUNTIMES:
        names: dict[str, list[str]] = {}
        for one in all_declared:
            before = one.reasons(runtime, CPU)
            for reason in dict.fromkeys(one.reasons(runtime, CUDA)):
                if reason and reason not in before:
                    names.setdefault(reason, []).append(one.compression.name)
        for reason, of in names.items():
            every = len(of) == len(all_declared)
            which = "all compressions" if every else ", ".join(of)
            yield f"- {runtime}, {which}: {reason}"
        if not names:
            yield f"- {runtime}: nothing"


def page() -> str:
    """All of it, in lines of any length."""
    found, notes = declared(), list[str]()
    table = as_markdown([cpu_table(found, notes)])
    numbered = [f"{number}. {text}" for number, text in enumerate(notes, 1)]
    cuda = "\n".join(cuda_lines(found))
    parts = (
        HEAD,
        *(STEPS_HEAD, as_markdown([steps_table(found)])),
        *(ON_CPU, table, "\n".join(numbered) + "\n"),
        *(ON_CUDA, cuda + "\n"),
    )
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")
