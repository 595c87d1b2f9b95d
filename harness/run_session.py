"""A run from its first case to its result file, whoever drives it."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Any

from harness import profile as profiles
from harness.environment import inherited, label, parse_passed, public
from harness.expectations import Expectations
from harness.files import cache_folder
from harness.git import unknown_commit
from harness.hardware import Machine, parse_all
from harness.measure.ahead import MakingProgress, make_ahead
from harness.measure.ceilings import over_one_peak
from harness.measure.follow import Listener
from harness.measure.run import Runner, Settings
from harness.observe import fingerprint
from harness.plan import Planned
from harness.record.journal import (
    Journal,
    JournalError,
    ResultsFolder,
    remedy,
    result_path,
    work_dir,
)
from harness.record.result import ResultError, is_ok, load
from harness.record.schema import SCHEMA_VERSION, Record
from harness.suite import SUITE, code_files


class RunSession:
    """Holds a results folder, its journal, and the records of this run."""

    def __init__(
        self,
        folder: ResultsFolder,
        journal: Journal,
        settings: Settings,
        machine_info: dict[str, Any],
        run_info: dict[str, Any],
        result: Path | None,
    ) -> None:
        self.machine_info = machine_info
        self.run_info = run_info
        self.result_path = result or result_path(journal.path)
        self._folder, self._journal = folder, journal
        self.settings = settings
        self._runner = Runner(settings)
        self._done: set[str] = set()  # the cases that this session was asked for
        self._unread = ""  # why the result cannot be read back

    @property
    def records(self) -> list[Record]:
        """All of the journal, also those that this session was not asked for."""
        return list(self._journal.records.values())

    def plan(self, names: Mapping[str, str]) -> None:
        """The cases that this session is asked for, with pytest's name of each."""
        self._journal.plan(names)

    @cached_property
    def expectations(self) -> Expectations:
        settings = self.settings
        found = (settings.profile, settings.machine, settings.seed, cache_folder())
        return Expectations.here(*found)

    def make_ahead(
        self, planned: Sequence[Planned], show: Callable[[MakingProgress], None]
    ) -> list[str]:
        """Make what the cases take that are still to be measured; what is to be said of
        it."""
        left = [one for one in planned if not self._is_known(one.case.id)]
        return make_ahead(left, self.settings, cache_folder(), show)

    def _is_known(self, case_id: str) -> bool:
        """Whether a run that is resumed measured it. Failed ones are tried again."""
        known = self._journal.records.get(case_id)
        return known is not None and known.status != "failed"

    def name_of(self, case_id: str) -> str:
        """pytest's name of a case, as of the session that measured it."""
        return self._journal.planned.get(case_id, case_id)

    def record_of(self, planned: Planned, listen: Listener) -> Record:
        """The record of a case: from the journal where a resumed run has measured it,
        else from fresh workers. Failed cases are tried again."""
        if self._is_known(planned.case.id):
            record = self._journal.records[planned.case.id]
        else:
            began_s = monotonic()
            record = self._runner.run(planned.workload, planned.case, listen)
            self._journal.add(record)
            self._book(record, monotonic() - began_s)
        if is_ok(record):  # known ones too: a kill may have come before this
            self._runner.forget(planned.case)
        self._done.add(planned.case.id)
        return record

    def _book(self, record: Record, total_s: float) -> None:
        """What a case took, for the next plan; only whole ones tell it."""
        if record.status == "ok" and record.timing is not None:
            durations = self.expectations.durations
            durations.add(record.case_id, record.timing.stage_s, total_s)
            durations.save()

    def finish(self, write: Callable[[Path], None]) -> None:
        """Have the result written, with every record of the journal, all over one peak
        of their hardware, and close the journal once each was read back and none is
        left to measure."""
        if not self._journal.records:
            return
        try:
            for record in over_one_peak(self.records):
                self._journal.add(record)
        except JournalError as error:
            self._unread = str(error)
            return
        try:
            write(self.result_path)
        except OSError as error:
            self._unread = (
                f"cannot write the result {self.result_path}: {error.strerror}; "
                f"{remedy(error)} and go on with --resume"
            )
            return
        self._unread = self._not_read_back()
        if not self._unread and not self._left():
            self._journal.finish()

    def _not_read_back(self) -> str:
        """Why the result does not hold every record; empty where it does."""
        try:
            read = load(self.result_path).records
        except ResultError as error:
            return str(error)
        found, known = (_as_json(some) for some in (read, self.records))
        lost = [case_id for case_id in known if found.get(case_id) != known[case_id]]
        if not lost:
            return ""
        return f"{self.result_path} lacks {', '.join(lost)}: go on with --resume"

    def _left(self) -> list[str]:
        """Planned cases that are still to be measured. A failed one is tried again."""
        return [
            case_id
            for case_id in self._journal.planned
            if case_id not in self._done and not self._is_known(case_id)
        ]

    def closing_line(self) -> str:
        """Where the result is, or where an unfinished run stands."""
        journal, count = self._journal.path, len(self._journal.records)
        if self._unread:
            return f"{self._unread}; every record is safe in {journal}"
        if not count:
            return "no case was measured"
        result = f"result: {self.result_path}   (speechmark show {self.result_path})"
        if self._journal.finished:
            return result
        return (
            f"{result}\nunfinished: {len(self._left())} cases are left, {count} are "
            f"safe in {journal}; go on with --resume"
        )

    def warnings(self) -> list[str]:
        """What the user should know of this run before it measures."""
        found = [self._folder.warning] if self._folder.warning else []
        if self.machine_info.get("git_commit"):
            return found
        return [
            *found,
            f"the commit of the suite in {SUITE} is unknown ({unknown_commit()}): "
            "results name its code by a digest alone; measure from a git checkout of "
            "its own to be able to find that code again",
        ]

    def close(self) -> None:
        self._journal.remove_if_empty()
        self._folder.close()


def _as_json(records: Sequence[Record]) -> dict[str, str]:
    """By case. Values within (a tuple, a list) may differ that are one in JSON."""
    return {record.case_id: record.model_dump_json() for record in records}


def this_machine() -> Machine:
    """What this machine offers to the hardware axis."""
    gpus, reason = fingerprint.cuda_devices()
    allowed = os.sched_getaffinity(0)
    return Machine(
        cpus=fingerprint.cores_first(allowed),
        threads=fingerprint.default_threads(allowed),
        isas=fingerprint.supported_isas(),
        cuda_devices=gpus,
        cuda_reason=reason,
        architecture=platform.machine(),
    )


def begin(
    *,
    profile: str,
    hardware: Sequence[str],
    data_root: Path | None,
    results: Path,
    resume: bool,
    seed: int,
    result: Path | None = None,
    env: Sequence[str] = (),
    accuracy: str | None = None,
) -> RunSession:
    """Check everything that can be checked before measuring, and open the journal.

    ValueError for unknown profile, hardware, data or variables; JournalError for the
    folder.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"--seed {seed}: expected a number from 0 to {2**32 - 1}")
    passed = parse_passed(env)
    chosen = _profile(profile, accuracy)
    machine = this_machine()
    parse_all(hardware, machine)
    if data_root is not None and not data_root.is_dir():
        raise ValueError(
            f"--data-root {data_root} is not a folder: give the one that holds the "
            "corpus, for LibriSpeech the parent of 'LibriSpeech/'"
        )
    folder = ResultsFolder(results)
    with ExitStack() as on_error:
        on_error.callback(folder.close)
        machine_info = fingerprint.fingerprint(
            environment={**inherited(), **passed}, passed=passed
        )
        run_info = {
            "schema_version": SCHEMA_VERSION,
            "suite_version": version("speechmark"),
            "profile": profile,
            "hardware": list(hardware),
            "data_root": label(str(data_root.resolve())) if data_root else None,
            "seed": seed,
            "git_commit": machine_info["git_commit"],
            "code_digest": machine_info["code_digest"],
        }
        if passed:
            run_info["env"] = public(passed)
        path = _journal_path(folder, machine_info["host"], profile, resume)
        facts = {"machine": _lasting(machine_info), "code": dict(code_files())}
        journal = Journal(path, run_info, facts)
        on_error.pop_all()
    settings = Settings(
        profile=chosen,
        machine=machine,
        work_dir=work_dir(path),
        data_root=data_root.resolve() if data_root else None,
        seed=seed,
        resume=resume,
        passed=passed,
    )
    return RunSession(folder, journal, settings, machine_info, run_info, result)


def _profile(name: str, accuracy: str | None) -> profiles.Profile:
    """`accuracy` "kept" takes those that earlier runs measured on all the same, "anew"
    measures each; None: as the profile says. ValueError for an unknown profile."""
    found = profiles.find(name)
    if accuracy is None:
        return found
    return replace(found, takes_kept_accuracy=accuracy == "kept")


def _lasting(machine_info: dict[str, Any]) -> dict[str, Any]:
    """The facts that must not change between a run and its resumption."""
    prefixes = ("host", "cpu_model", "cpu_cores", "gpu_", "python_version", "torch_")
    lasting = {
        key: value
        for key, value in machine_info.items()
        if key.startswith(prefixes) or key == "libraries"
    }
    plain: dict[str, Any] = json.loads(json.dumps(lasting, default=str))
    return plain  # as a journal gives it back


def _journal_path(folder: ResultsFolder, host: str, profile: str, resume: bool) -> Path:
    if resume:
        unfinished = folder.unfinished()
        if not unfinished:
            raise JournalError(
                f"--resume: no unfinished run in {folder.path}; start one without it, "
                "or name its folder with --results"
            )
        return unfinished[-1]
    now = datetime.now(UTC)  # to the millisecond: two runs may begin in one second
    stamp = f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}Z"
    return folder.path / f"{host}-{profile}-{stamp}.journal.jsonl"
