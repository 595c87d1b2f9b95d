"""The journal: every record is on disk the moment its case ends.

One JSON document a line. The first line says what run it is; others tell which cases
it is to measure, and by what name pytest knows each. A torn last line, left by
a killed run, is dropped when the journal is opened again. Beside it lies a lock, so
that two runs cannot write into one results folder.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.record.resumption import changes, first_line
from harness.record.schema import Record

_END_LINE = b'{"end": true}\n'


_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)  # what a lock says to others
_NO_FACTS: Mapping[str, Any] = {}


class JournalError(Exception):
    """Something about the results folder that the user can mend; the text says how."""


class ResultsFolder:
    """A results folder held by one run."""

    def __init__(self, path: Path) -> None:
        """JournalError when the folder cannot be written or another run holds it."""
        self.path = path
        self.warning = ""  # why nothing keeps a second run out
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = open(path / ".lock", "a+")  # noqa: SIM115 - held for the run
        except OSError as error:
            raise JournalError(
                f"cannot write into the results folder {path}: {error.strerror}; "
                "choose another with --results, or make it writable"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _HELD:  # NFS and others may know no locks
                self.warning = (
                    f"the file system of {path} cannot lock ({error.strerror}): see to "
                    "it that no other run writes there, or choose another with "
                    "--results"
                )
                return
            self._lock.seek(0)
            holder = self._lock.read().strip() or "unknown"
            self._lock.close()
            raise JournalError(
                f"another run (process {holder}) writes into {path}; wait for it, or "
                "give this one a folder of its own with --results"
            ) from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()

    def close(self) -> None:
        self._lock.close()

    def unfinished(self) -> list[Path]:
        """Journals whose run did not end, the newest last; after those of runs that
        stopped before they had anything to lose."""
        journals = self.path.glob("*.journal.jsonl")
        open_ones = [path for path in journals if not _has_end(path)]
        return sorted(open_ones, key=lambda p: (_has_work(p), p.stat().st_mtime_ns))


def _has_end(journal: Path) -> bool:
    return journal.read_bytes().endswith(_END_LINE)


def _has_work(journal: Path) -> bool:
    """Whether it has records, or its run left checkpoints."""
    if b'"case_id"' in journal.read_bytes():
        return True
    return any(path.is_file() for path in (work_dir(journal) / "scratch").rglob("*"))


def work_dir(journal: Path) -> Path:
    """Where a journal's run keeps its logs and checkpoints."""
    return journal.with_name(journal.name.removesuffix(".journal.jsonl"))


def result_path(journal: Path) -> Path:
    """Where the result of a journal's run goes.

    >>> str(result_path(Path("results/local/host-1.journal.jsonl")))
    'results/local/host-1.json'
    """
    return journal.with_name(work_dir(journal).name + ".json")


class Journal:
    """An append-only file of records."""

    def __init__(
        self, path: Path, run: Mapping[str, Any], facts: Mapping[str, Any] = _NO_FACTS
    ) -> None:
        """Create it, or continue one of such a run: `facts` are what no result tells.

        JournalError where they differ: that run measured something else.
        """
        self.path = path
        self.records: dict[str, Record] = {}
        self.planned: dict[str, str] = {}  # pytest's name of each case to measure
        self.finished = False
        if path.exists():
            self._continue(first_line(run, facts))
        else:
            self._append(first_line(run, facts))

    def _continue(self, header: dict[str, Any]) -> None:
        lines = self.path.read_bytes().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()  # torn: the run was killed while it wrote
            with open(self.path, "r+b") as file:
                file.truncate(sum(map(len, lines)))
        if not lines:
            self._append(header)
            return
        if found := changes(self._parse(lines[0], 1), header):
            raise JournalError(
                f"cannot resume {self.path}: it is another run ({'; '.join(found)}); "
                "run with the same settings, or start anew without --resume"
            )
        for number, line in enumerate(lines[1:], start=2):
            if line == _END_LINE:
                self.finished = True
                continue
            document = self._parse(line, number)
            if isinstance(planned := document.get("planned"), dict):
                self.planned |= planned
                continue
            record = self._record(document, number)
            self.records[record.case_id] = record

    def _parse(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            document = json.loads(line)
        except ValueError as error:
            remedy = (
                "remove that line to measure its case again"
                if number > 1
                else "it says what run this is: start anew without --resume"
            )
            raise JournalError(
                f"{self.path} line {number} is not JSON ({error}); it was edited or "
                f"damaged: {remedy}"
            ) from None
        return document if isinstance(document, dict) else {}

    def _record(self, document: dict[str, Any], number: int) -> Record:
        try:
            return Record.model_validate(document)
        except ValidationError as error:
            raise JournalError(
                f"{self.path} line {number} is not a valid record: {error}; remove "
                "that line to measure its case again"
            ) from None

    def add(self, record: Record) -> None:
        """Write one record; it is on disk when this returns."""
        self._append(record.model_dump(mode="json"))
        self.records[record.case_id] = record

    def plan(self, cases: Mapping[str, str]) -> None:
        """Say which cases are to be measured, with pytest's names of them, beside those
        said before."""
        if cases.items() - self.planned.items():
            self._append({"planned": dict(cases)})
            self.planned |= cases

    def remove_if_empty(self) -> None:
        """A run that measures nothing leaves no journal."""
        if not self.records and not self.planned:
            self.path.unlink(missing_ok=True)

    def finish(self) -> None:
        """Say that the run has ended: nothing is left to resume."""
        if not self.finished:
            self._append({"end": True})
            self.finished = True

    def _append(self, document: Mapping[str, Any]) -> None:
        line = (json.dumps(document, allow_nan=False) + "\n").encode()
        start = self.path.stat().st_size if self.path.exists() else 0
        try:
            with open(self.path, "ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if self.path.exists():
                os.truncate(self.path, start)  # never leave half a record
            raise JournalError(
                f"cannot write the journal {self.path}: {error.strerror}; the "
                f"{len(self.records)} records before are safe: {remedy(error)} and go "
                "on with --resume"
            ) from None


def remedy(error: OSError) -> str:
    """What lets a file be written that could not be."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "free some space" if full else "make it writable"
