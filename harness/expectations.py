"""How long cases should take here: as long as in the last runs on this machine, else as
long as their workload declares, scaled by what this machine gives in registers.

It is for people who wait, and in no record.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from basics.files import kept_whole
from harness.hardware import Hardware, Machine
from harness.measure.ahead import makers_for
from harness.measure.made_before import MadeCases
from harness.observe.host_speed import HostSpeed, machine_key, yardstick_cpus
from harness.plan import Planned
from harness.profile import Profile

FOLDER = "durations"
RUNS_KEPT = 5  # of a case; a median over them is not moved by one run beside other load
OUTSIDE = "outside"  # of any stage: the worker's start and end, a look at peaks
# In registers, of the machine whose seconds workloads declare: two cores of an AMD EPYC
# (Zen 4) under KVM.
REFERENCE_BYTES_PER_S = 9.6e8

StageSeconds = Mapping[str, float]


@dataclass(frozen=True)
class Expected:
    """Seconds of a case, and of how many runs here they are: none, where they are the
    declared ones, scaled by what the reference's registers give more."""

    seconds: float
    runs: int


@dataclass
class Durations:
    """What cases took here, by id and stage; kept in a file, or nowhere."""

    path: Path | None
    runs: dict[str, list[StageSeconds]] = field(default_factory=dict)

    @classmethod
    def kept(
        cls, profile: Profile, cpus: Collection[int], cache: Path | None
    ) -> Durations:
        """On this machine's CPUs, in a profile."""
        if cache is None:
            return cls(None)
        key = machine_key(yardstick_cpus(cpus))
        path = cache / FOLDER / f"{profile.name}-{key}.json"
        return cls(path, _read(path))

    def add(self, case_id: str, stage_s: StageSeconds, total_s: float) -> None:
        """A case took so long, some of it outside of its stages."""
        outside_s = max(0.0, total_s - sum(stage_s.values()))
        before = self.runs.get(case_id, [])
        self.runs[case_id] = [*before, {**stage_s, OUTSIDE: outside_s}][-RUNS_KEPT:]

    def of(self, case_id: str) -> Expected | None:
        """The sum of each stage's median; None of a case that was never run here."""
        runs = self.runs.get(case_id)
        if not runs:
            return None
        stages = dict.fromkeys(stage for run in runs for stage in run)
        seconds = sum(median([run.get(stage, 0.0) for run in runs]) for stage in stages)
        return Expected(seconds, len(runs))

    def save(self) -> None:
        """A cache that cannot be written costs what it would have told."""
        if self.path is None or not self.runs:
            return
        text = json.dumps(self.runs, indent=1) + "\n"
        if not kept_whole(self.path, text, "what cases took here"):
            self.path = None


Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_RUNS = TypeAdapter(dict[str, list[Mapping[str, Seconds]]])


def _read(path: Path) -> dict[str, list[StageSeconds]]:
    """Nothing of a missing, damaged or foreign file."""
    try:
        return _RUNS.validate_json(path.read_bytes(), strict=True)
    except (OSError, ValidationError):
        return {}


@dataclass(frozen=True)
class Expectations:
    """Of the cases of a profile on this machine. `scale` is how many times as long as
    on the reference fixed work takes here; `makers` processes make what is missing."""

    profile: Profile
    scale: float
    durations: Durations
    made: MadeCases
    makers: Callable[[int], int] = makers_for

    @classmethod
    def here(
        cls, profile: Profile, machine: Machine, seed: int, cache: Path | None
    ) -> Expectations:
        """Reads the yardstick, where no run has left what the host gives at best: on
        the CPUs of a run without `--hardware`."""
        cpus = Hardware.parse("cpu").affinity(machine)
        return cls(
            profile,
            scale_of(HostSpeed.of_this_machine(cpus, cache)),
            Durations.kept(profile, machine.cpus, cache),
            MadeCases.kept(profile, seed, cache),
        )

    def of(self, planned: Planned) -> Expected:
        known = self.durations.of(planned.case.id)
        return known or Expected(self._scaled_s(planned), 0)

    def planned(self, cases: Iterable[Planned]) -> list[Planned]:
        """The cases with the seconds that they should take here."""
        return [replace(one, expected_s=self.of(one).seconds) for one in cases]

    def _scaled_s(self, planned: Planned) -> float:
        """Of what is declared, all but the timed samples, of which a slow machine draws
        fewer in the same time."""
        declared_s = planned.expected_s
        bound_s = self.profile.processes * self.profile.timed_s
        fixed_s = 0.0 if planned.workload.stage == "train" else bound_s
        fixed_s = min(fixed_s, declared_s)
        return fixed_s + (declared_s - fixed_s) * self.scale

    def making(self, cases: Sequence[Planned]) -> tuple[int, float]:
        """For how many something is still to be made, and how long that should take
        before the first case."""
        missing = self.made.missing(cases)
        if not missing:
            return 0, 0.0
        alone_s = self.scale * sum(one.workload.make_s for one in missing)
        return len(missing), alone_s / self.makers(len(missing))


def scale_of(host: HostSpeed, sleep: Callable[[float], None] = time.sleep) -> float:
    """How many times as long as on the reference fixed work takes on a host. Readings
    over a second, where there are none: a host may be busy for a moment."""
    if not host.best.registers_bytes_per_s:
        host.now(sleep=sleep)
    return REFERENCE_BYTES_PER_S / host.best.registers_bytes_per_s
