"""For which cases everything was made that they take, in this or an earlier run.

It is a shortcut, and no promise: a case makes what is missing itself. Where the folder
that holds it is deleted, all is looked at again, which takes seconds.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from basics.files import write_whole
from harness.case import Case
from harness.measure.run import Settings
from harness.observe.software import libraries
from harness.plan import Planned
from harness.profile import Profile
from harness.suite import code_digest

FOLDER = "made-ahead"


def made_as(case: Case) -> Case:
    """The case for which something is made: it is the same for all hardware."""
    return replace(case, hardware="cpu")


@dataclass
class MadeBefore:
    """Seconds that making took, by the id of `made_as`; kept in a file, or nowhere."""

    path: Path | None
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, cache: Path | None) -> MadeBefore:
        """What was made for a run with these settings. A user's corpus may change, so
        that nothing is known of it."""
        if settings.data_root is not None:
            return cls(None)
        return cls.kept(settings.profile, settings.seed, cache)

    @classmethod
    def kept(cls, profile: Profile, seed: int, cache: Path | None) -> MadeBefore:
        if cache is None:
            return cls(None)
        path = cache / FOLDER / f"{_circumstances(profile.name, seed)}.json"
        return cls(path, _read(path))

    def missing(self, planned: Iterable[Planned]) -> list[Planned]:
        """The first case of each for which something is still to be made."""
        found: dict[str, Planned] = {}
        for one in planned:
            name = made_as(one.case).id
            if one.workload.make is not None and name not in self.seconds:
                found.setdefault(name, one)
        return list(found.values())

    def add(self, case: Case, seconds: float) -> None:
        self.seconds[made_as(case).id] = seconds

    def save(self) -> None:
        """A cache that cannot be written costs the next run a look at what there is."""
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, json.dumps(self.seconds, indent=1) + "\n")
        except OSError:
            self.path = None


def _circumstances(profile: str, seed: int) -> str:
    """A digest of what makes what was made another: code, libraries, data, seed."""
    facts: list[Any] = [profile, seed, code_digest(), libraries(), sys.version]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, float]:
    """Nothing of a missing, damaged or foreign file."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name: float(seconds)
        for name, seconds in found.items()
        if isinstance(seconds, int | float)
    }
