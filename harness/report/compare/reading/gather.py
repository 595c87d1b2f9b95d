"""Result files to candidates, each with all that was tried on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from basics.metric_kinds import MetricKind
from harness.metrics import MetricKinds
from harness.record.host import host_text
from harness.record.result import Header, ResultError, fault, read
from harness.record.schema import Count, HostRecord
from harness.report.compare.differences import MOST_LINES, first_lines, line_count
from harness.report.compare.model import Candidate, IdleCandidate, Work
from harness.report.compare.reading.arguments import Given, result_files
from harness.report.compare.reading.attempt import Attempt, Run
from harness.report.compare.reading.extract import Extract, extract
from harness.report.compare.reading.machines import (
    check_one_machine,
    host_of,
    shown_names,
)
from harness.report.compare.reading.repeated import once
from harness.report.compare.reading.software import software, unlike, variants
from harness.text import plain, plain_path, plain_values

NAMED = 5  # of what runs of one machine differ in


@dataclass(frozen=True)
class Gathered:
    """`runs` and `attempts` are by the candidates' labels, in the candidates' order."""

    candidates: tuple[Candidate, ...]
    runs: Mapping[str, tuple[Run, ...]]
    attempts: Mapping[str, Mapping[Work, tuple[Attempt, ...]]]
    warnings: tuple[str, ...]
    metrics: MetricKinds
    idle: tuple[IdleCandidate, ...]


def gather(arguments: Sequence[str], pools_software: bool = False) -> Gathered:
    """Read the results that `PATH`, `GLOB` and `NAME=GLOB` name.

    Files of one machine are runs of it; those with other software or settings are of a
    candidate of their own, unless all are to be pooled. A machine is called NAME, else
    what its fingerprint says, else as its file. ValueError and ResultError (a file
    cannot be read, or is broken) tell what was found, where, what was expected and what
    to do.
    """
    given, warnings = result_files(arguments)
    loaded = [_load(one) for one in given]
    names = [one.name for one in loaded]
    for name in dict.fromkeys(names):
        same = [one.header for one in loaded if one.name == name]
        warnings += check_one_machine(name, same)
    shown = shown_names(names)
    attempts = [
        attempt
        for number, one in enumerate(loaded)
        for attempt in _attempts(number, one, shown)
    ]
    attempts, repeated = once(attempts)
    metrics = _metric_kinds(attempts)
    kinds = {} if pools_software else _kinds_of_software(attempts)
    groups, idle = _by_candidate(attempts, kinds)
    warnings += [*repeated, *_unknown(attempts), *_cut(loaded)]
    warnings += [*_split(attempts, kinds), *map(str, idle)]
    return _gathered(groups, idle, warnings, metrics)


@dataclass(frozen=True)
class _Loaded:
    """A result file. `name` is the machine's, as the user or the file has it."""

    name: str
    header: Header
    extracts: tuple[Extract, ...]


def _load(given: Given) -> _Loaded:
    header, extracts = read(given.path, extract)
    seen: set[tuple[str, Work]] = set()
    for one in extracts:
        key = one.hardware, one.work
        if key in seen:
            raise ResultError(
                f"{plain_path(given.path)}: {one.work} on {one.hardware} stands "
                "there twice; the file was edited or damaged: measure again"
            )
        seen.add(key)
    return _Loaded(given.name or host_of(header), header, extracts)


MOST_VARIABLES = 100  # that anybody passes


class _RunInfo(BaseModel):
    """What is read of a result's `run`."""

    suite_version: str
    seed: Count
    git_commit: str | None = None
    code_digest: str | None = None
    data_root: str | None = None
    env: Annotated[dict[str, str], Field(max_length=MOST_VARIABLES)] = {}


def _attempts(
    number: int, loaded: _Loaded, shown: Mapping[str, str]
) -> Iterator[Attempt]:
    run = _run(number, loaded.header, shown[loaded.name])
    for one in loaded.extracts:
        yield Attempt(run, one)


def _run(number: int, header: Header, machine: str) -> Run:
    try:
        info = _RunInfo.model_validate(header.run)
    except ValidationError as error:
        raise ResultError(
            f"{plain_path(header.path)}: {fault(error, 'speechmark', 'run')}; the file "
            "was edited or damaged: measure again"
        ) from None
    return Run(
        number=number,
        file=plain_path(header.path),
        machine=machine,
        suite_version=plain(info.suite_version),
        commit=plain(info.git_commit) if info.git_commit else None,
        is_dirty=header.machine.get("git_dirty") is True,
        code=plain(info.code_digest) if info.code_digest else None,
        seed=info.seed,
        has_data_root=info.data_root is not None,
        variables={plain(name): plain(value) for name, value in info.env.items()},
        fingerprint=plain_values(first_lines(header.machine)),
    )


def _metric_kinds(attempts: Sequence[Attempt]) -> MetricKinds:
    """Of all metrics: a unit that any record states counts. ResultError where two cases
    state other directions or units: the metric could be judged nowhere."""
    found: dict[str, tuple[MetricKind, Attempt]] = {}
    for one in attempts:
        for name, kind in one.extract.metrics.items():
            known, first = found.setdefault(name, (kind, one))
            if contradiction := _contradiction(kind, known):
                own, other = contradiction
                raise ResultError(
                    f"{one.run.file}: {one.extract.work}: {own} of {name}, and {other} "
                    f"in {first.run.file}: {first.extract.work}; a file was edited, or "
                    "is of another suite: measure again"
                )
            if not known.unit:
                found[name] = kind, one
    return MetricKinds(kind for kind, _ in found.values())


def _contradiction(one: MetricKind, other: MetricKind) -> tuple[str, str] | None:
    """What each states, where that differs; a record without a unit contradicts no
    unit."""
    if one.better != other.better:
        return f"{one.better} is better", other.better
    if one.unit and other.unit and one.unit != other.unit:
        return f"{one.unit} is the unit", other.unit
    return None


def _unknown(attempts: Sequence[Attempt]) -> Iterator[str]:
    """Warnings of what files do not tell."""
    for run in _runs(attempts):
        if not run.fingerprint:
            yield f"{run.file} has no fingerprint: nothing tells what machine that was"
        if run.commit is None and run.code is None:
            yield f"{run.file} does not tell what code measured it: no other is like it"
        if run.is_dirty and run.code is None:
            yield (
                f"{run.file} was measured with local changes to the suite: its commit "
                "does not tell what ran; commit them and measure again"
            )


def _cut(loaded: Sequence[_Loaded]) -> Iterator[str]:
    """Warnings of fingerprints that no machine has."""
    for one in loaded:
        if (found := line_count(one.header.machine)) > MOST_LINES:
            yield (
                f"{plain_path(one.header.path)} has a fingerprint of {found} lines: "
                f"those after the first {MOST_LINES} are left out"
            )


def _runs(attempts: Sequence[Attempt]) -> tuple[Run, ...]:
    return tuple({id(one.run): one.run for one in attempts}.values())


def _kinds_of_software(attempts: Sequence[Attempt]) -> dict[int, str]:
    """By the identity of a run, what tells it from other runs of its machine."""
    kinds: dict[int, str] = {}
    for runs in _by_machine(attempts).values():
        texts = variants([software(run.fingerprint) for run in runs])
        kinds |= {id(run): text for run, text in zip(runs, texts, strict=True)}
    return kinds


def _by_machine(attempts: Sequence[Attempt]) -> dict[str, list[Run]]:
    machines: dict[str, list[Run]] = {}
    for run in _runs(attempts):
        machines.setdefault(run.machine, []).append(run)
    return machines


def _split(attempts: Sequence[Attempt], kinds: Mapping[int, str]) -> Iterator[str]:
    """A warning for each machine whose runs are not pooled."""
    for machine, runs in _by_machine(attempts).items():
        count = len({kinds.get(id(run), "") for run in runs})
        if count > 1:
            names = unlike([software(run.fingerprint) for run in runs])
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            yield (
                f"the {len(runs)} runs of {machine} are not pooled but {count} "
                f"candidates: they differ in {', '.join(map(plain, names[:NAMED]))}"
                f"{more}; --allow=software pools them"
            )


@dataclass(frozen=True)
class Group:
    """What makes attempts those of one candidate. `software` is what tells it from that
    of other runs of the machine; empty where all are alike."""

    machine: str
    hardware: str
    software: str

    def label(self, with_hardware: bool) -> str:
        name = f"{self.machine} {self.hardware}" if with_hardware else self.machine
        return f"{name} ({self.software})" if self.software else name


def _by_candidate(
    attempts: Sequence[Attempt], kinds: Mapping[int, str]
) -> tuple[dict[Group, list[Attempt]], list[IdleCandidate]]:
    """Attempts by candidate; and the candidates that are left out, as nothing was
    measured on them."""
    groups: dict[Group, list[Attempt]] = {}
    for one in attempts:
        kind = kinds.get(id(one.run), "")
        key = Group(one.run.machine, one.extract.hardware, kind)
        groups.setdefault(key, []).append(one)
    idle = {
        key: some
        for key, some in groups.items()
        if all(one.extract.figures is None for one in some)
    }
    left_out = [
        IdleCandidate(
            key.machine,
            key.label(True),
            len(some),
            f"{some[0].extract.status}: {some[0].extract.reason}",
        )
        for key, some in idle.items()
    ]
    if len(idle) == len(groups):
        reasons = "; ".join(map(str, left_out))
        raise ValueError(reasons or "no case in any file: measure again")
    return {key: some for key, some in groups.items() if key not in idle}, left_out


def _gathered(
    groups: Mapping[Group, Sequence[Attempt]],
    idle: Sequence[IdleCandidate],
    warnings: Sequence[str],
    metrics: MetricKinds,
) -> Gathered:
    with_hardware = len({key.hardware for key in groups}) > 1
    labelled = {key.label(with_hardware): some for key, some in groups.items()}
    return Gathered(
        candidates=tuple(_candidate(*pair) for pair in labelled.items()),
        runs={label: _runs(some) for label, some in labelled.items()},
        attempts={label: _by_work(some) for label, some in labelled.items()},
        warnings=tuple(warnings),
        metrics=metrics,
        idle=tuple(idle),
    )


def _candidate(label: str, attempts: Sequence[Attempt]) -> Candidate:
    runs = _runs(attempts)
    return Candidate(
        machine=runs[0].machine,
        hardware=attempts[0].extract.hardware,
        label=label,
        commit=runs[0].commit,
        suite_version=runs[0].suite_version,
        files=tuple(run.file for run in runs),
        fingerprint=runs[0].fingerprint,
        host=host_text([_host_of(run, attempts) for run in runs]),
    )


def _host_of(run: Run, attempts: Sequence[Attempt]) -> list[HostRecord]:
    """What the host gave during one run."""
    return [host for one in attempts if one.run is run for host in one.extract.host]


def _by_work(attempts: Sequence[Attempt]) -> dict[Work, tuple[Attempt, ...]]:
    found: dict[Work, list[Attempt]] = {}
    for one in attempts:
        found.setdefault(one.extract.work, []).append(one)
    return {work: tuple(some) for work, some in found.items()}
