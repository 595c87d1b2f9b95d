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

from basics.files import kept_whole
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
class MadeCases:
    """The ids of cases, by `made_as`, for which all is made; kept in a file, or
    nowhere."""

    path: Path | None
    names: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, settings: Settings, cache: Path | None) -> MadeCases:
        """What was made for a run with these settings. A user's corpus may change, so
        that nothing is known of it."""
        if settings.data_root is not None:
            return cls(None)
        return cls.kept(settings.profile, settings.seed, cache)

    @classmethod
    def kept(cls, profile: Profile, seed: int, cache: Path | None) -> MadeCases:
        if cache is None:
            return cls(None)
        path = cache / FOLDER / f"{_circumstances(profile.name, seed)}.json"
        return cls(path, _read(path))

    def missing(self, planned: Iterable[Planned]) -> list[Planned]:
        """The first case of each for which something is still to be made."""
        found: dict[str, Planned] = {}
        for one in planned:
            name = made_as(one.case).id
            if one.workload.make is not None and name not in self.names:
                found.setdefault(name, one)
        return list(found.values())

    def add(self, case: Case) -> None:
        self.names.add(made_as(case).id)

    def save(self) -> None:
        """A cache that cannot be written costs the next run a look at what there is."""
        if self.path is None:
            return
        text = json.dumps(sorted(self.names), indent=1) + "\n"
        if not kept_whole(self.path, text, "for which cases all is made"):
            self.path = None


def _circumstances(profile: str, seed: int) -> str:
    """A digest of what makes what was made another: code, libraries, data, seed."""
    facts: list[Any] = [profile, seed, code_digest(), libraries(), sys.version]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _read(path: Path) -> set[str]:
    """Nothing of a missing, damaged or foreign file."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return set()
    if not isinstance(found, list):
        return set()
    return {name for name in found if isinstance(name, str)}
