"""A run from its first case to its result file, whoever drives it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness import profile as profiles
from harness.environment import inherited, parse_passed, public
from harness.git import unknown_commit
from harness.hardware import Machine, parse_all
from harness.measure.run import Listener, Runner, Settings
from harness.observe import fingerprint
from harness.plan import Planned
from harness.record.journal import Journal, JournalError, ResultsFolder, result_path
from harness.record.result import ResultError, is_ok, load
from harness.record.schema import SCHEMA_VERSION, Record
from harness.suite import SUITE


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
        self._runner = Runner(settings)
        self._done: dict[str, Record] = {}
        self._unread = ""  # why the result cannot be read back

    @property
    def records(self) -> list[Record]:
        return list(self._done.values())

    def record_of(self, planned: Planned, listen: Listener) -> Record:
        """The record of a case: from the journal where a resumed run has measured it,
        else from fresh workers. Failed cases are tried again."""
        known = self._journal.records.get(planned.case.id)
        if known is not None and known.status != "failed":
            record = known
        else:
            record = self._runner.run(planned.workload, planned.case, listen)
            self._journal.add(record)
        if is_ok(record):  # known ones too: a kill may have come before this
            self._runner.forget(planned.case)
        self._done[planned.case.id] = record
        return record

    def finish(self, planned: Collection[str]) -> None:
        """Mark the run as finished, if it is, and its result can be read back."""
        if not set(planned) <= set(self._done):
            return
        if any(is_ok(record) for record in self.records):
            try:
                load(self.result_path)
            except ResultError as error:
                self._unread = str(error)
                return
        self._journal.finish()

    def closing_line(self) -> str:
        """Where the result is, or where an unfinished run stands."""
        if self._unread:
            return f"{self._unread}; every record is safe in {self._journal.path}"
        if self._journal.finished and self.result_path.exists():
            return f"result: {self.result_path}   (speechmark show {self.result_path})"
        if self._journal.finished:
            return f"no case was measured; the reasons stand in {self._journal.path}"
        return (
            f"unfinished: {len(self._done)} cases are safe in {self._journal.path}; go "
            "on with --resume"
        )

    def warnings(self) -> list[str]:
        """What the user should know of this run before it measures."""
        if self.machine_info.get("git_commit"):
            return []
        return [
            f"the commit of the suite in {SUITE} is unknown ({unknown_commit()}): "
            "results name its code by a digest alone; measure from a git checkout of "
            "its own to be able to find that code again"
        ]

    def close(self) -> None:
        self._folder.close()


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
) -> RunSession:
    """Check everything that can be checked before measuring, and open the journal.

    ValueError for unknown profile, hardware, data or variables; JournalError for the
    folder.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"--seed {seed}: expected a number from 0 to {2**32 - 1}")
    passed = parse_passed(env)
    chosen = profiles.find(profile)
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
            "data_root": _label(data_root) if data_root else None,
            "seed": seed,
            "git_commit": machine_info["git_commit"],
            "code_digest": machine_info["code_digest"],
            "machine_digest": _machine_digest(machine_info),
        }
        if passed:
            run_info["env"] = public(passed)
        path = _journal_path(folder, machine_info["host"], profile, resume)
        journal = Journal(path, run_info)
        on_error.pop_all()
    settings = Settings(
        profile=chosen,
        machine=machine,
        work_dir=path.with_name(path.name.removesuffix(".journal.jsonl")),
        data_root=data_root.resolve() if data_root else None,
        seed=seed,
        resume=resume,
        passed=passed,
    )
    return RunSession(folder, journal, settings, machine_info, run_info, result)


def _label(data_root: Path) -> str:
    """The folder's name, and a digest of its path: two may share a name, and a result
    that gets published must not tell the path."""
    digest = hashlib.sha256(str(data_root.resolve()).encode()).hexdigest()
    return f"{data_root.resolve().name}-{digest[:8]}"


def _machine_digest(machine_info: dict[str, Any]) -> str:
    """Of the facts that must not change between a run and its resumption."""
    prefixes = ("host", "cpu_model", "cpu_cores", "gpu_", "python_version", "torch_")
    lasting = {
        key: value
        for key, value in machine_info.items()
        if key.startswith(prefixes) or key == "libraries"
    }
    text = json.dumps(lasting, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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
