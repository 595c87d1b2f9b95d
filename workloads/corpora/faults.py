"""What is wrong with the files of a corpus: a few are left out, many are an error."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from workloads.corpora.progress import Progress

MAX_FAULTY_SHARE = 0.01  # more than this and the copy is broken, not blemished
LISTED_OF_A_KIND = 3
NO_AUDIO = "no audio"
UNREADABLE = "unreadable"
TWICE = "an id given twice"
UNPACK = "unpack the corpus anew"

Listed = TypeVar("Listed")
Found = TypeVar("Found")
_log = logging.getLogger("speechmark")


class AbsentError(ValueError):
    """A folder holds nothing of the corpus that is looked for: it is another one."""


class DataError(ValueError):
    """The user's data cannot be used, which shows only where they are read; the text
    names the remedy."""


@dataclass(frozen=True)
class Fault:
    """`reason` is one of few, to be counted; `where` names the file."""

    reason: str
    where: str


class Inspection:
    """A corpus on disk, looked at before anyone relies on it: `faults` and `dropped`
    grow as it goes on."""

    def __init__(self, on_progress: Progress) -> None:
        self.faults: list[Fault] = []
        self.dropped: Counter[str] = Counter()  # sound, but left out, by reason
        self.sound = 0
        self._on_progress = on_progress

    def check(
        self,
        check: Callable[[Listed], Found | Fault],
        listed: Sequence[Listed],
        stage: str,
    ) -> list[Found]:
        """What `check` finds of each, in order, several at once, without the faults."""
        sound: list[Found] = []
        with ThreadPoolExecutor() as pool:
            for done, found in enumerate(pool.map(check, listed), start=1):
                if isinstance(found, Fault):
                    self.faults.append(found)
                else:
                    sound.append(found)
                if done % 1000 == 0 or done == len(listed):
                    self._on_progress(stage, done, len(listed))
        self.sound += len(sound)
        return sound

    def keep(
        self, found: Iterable[Found], reason_to_drop: Callable[[Found], str | None]
    ) -> list[Found]:
        """Those that there is no reason to leave out; the others are counted."""
        kept = []
        for one in found:
            if reason := reason_to_drop(one):
                self.dropped[reason] += 1
            else:
                kept.append(one)
        return kept

    def finish(self, what: str, folder: Path, remedy: str = UNPACK) -> dict[str, int]:
        """How many were left out, by reason.

        Faults are a warning to the logger `speechmark`, or ValueError where more than
        1 % of `what`, such as utterances, is faulty. Either lists every kind of fault,
        with its first ones.
        """
        faults, total = self.faults, self.sound + len(self.faults)
        found = f"{len(faults)} of {total} {what} of {folder} are faulty"
        if len(faults) > MAX_FAULTY_SHARE * total:
            raise ValueError(
                f"{found}, expected at most {MAX_FAULTY_SHARE:.0%}: {_by_kind(faults)}:"
                f" {remedy}"
            )
        if faults:
            _log.warning("%s and are left out: %s", found, _by_kind(faults))
        return dict(self.dropped + Counter(fault.reason for fault in faults))


def checksum(parts: Iterable[Iterable[Sequence[str]]]) -> str:
    """SHA-256 over the parts of a corpus, of each item what tells it from others."""
    digest = hashlib.sha256()
    for part in parts:
        for fields in part:
            digest.update("\t".join(fields).encode() + b"\n")
        digest.update(b"\n")
    return digest.hexdigest()


def _by_kind(faults: Sequence[Fault]) -> str:
    """How many there are of each kind, and where the first of them are.

    >>> _by_kind([Fault("empty", "a.wav"), Fault("unreadable", "b.wav")])
    '1 empty: a.wav; 1 unreadable: b.wav'
    """
    kinds: dict[str, list[str]] = {}
    for fault in faults:
        kinds.setdefault(fault.reason, []).append(fault.where)
    kinds_listed = []
    for reason, places in kinds.items():
        more = ", ..." if len(places) > LISTED_OF_A_KIND else ""
        first = ", ".join(places[:LISTED_OF_A_KIND])
        kinds_listed.append(f"{len(places)} {reason}: {first}{more}")
    return "; ".join(kinds_listed)
