"""What the host gives, as a share of the best that this machine was seen to give.

The best is kept from run to run in the suite's cache, so that a host that gives less
for a whole run shows. It is robust against a reading that was fast by accident: one
reading alone sets no best, and one run's best is forgotten after as many runs as are
kept.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from basics.files import write_whole
from harness.observe import yardstick
from harness.observe.cgroups import cpu_quota_cores
from harness.observe.cpu import read_text
from harness.observe.fingerprint import cores_first
from harness.observe.yardstick import Reading, Yardstick

FORMAT_VERSION = 1
RUNS_KEPT = 20
FEWEST_READINGS = 5  # of a run that may set a best for others
NOW_EVERY_S = 0.1
RECENT = 20  # readings: the last ten or twenty seconds of timed samples
GOOD_SHARE = 0.25  # of them: with fewer, several draws would find one good one
# Shares of the best from which on a reading is good: the limits of a segment.
GOOD_REGISTERS, GOOD_MEMORY = 0.85, 0.75
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Best:
    """The highest rates that are taken for true; 0 before anything was read."""

    registers_bytes_per_s: float = 0.0
    memory_bytes_per_s: float = 0.0

    def or_better(self, other: Best) -> Best:
        return Best(
            max(self.registers_bytes_per_s, other.registers_bytes_per_s),
            max(self.memory_bytes_per_s, other.memory_bytes_per_s),
        )


@dataclass(frozen=True)
class HostShare:
    """Rates at both ends of a span, on average, and what share of the best they are;
    `at_unix_s` is its end."""

    at_unix_s: float
    registers_bytes_per_s: float
    memory_bytes_per_s: float
    registers: float
    memory: float


def share(readings: Sequence[Reading], best: Best) -> HostShare:
    """Of the readings at a span's ends."""
    registers = sum(one.registers_bytes_per_s for one in readings) / len(readings)
    memory = sum(one.memory_bytes_per_s for one in readings) / len(readings)
    return HostShare(
        readings[-1].at_unix_s,
        registers,
        memory,
        registers / best.registers_bytes_per_s,
        memory / best.memory_bytes_per_s,
    )


def is_good(registers: float, memory: float) -> bool:
    """Whether these shares of the best are within a segment's limits."""
    return registers >= GOOD_REGISTERS and memory >= GOOD_MEMORY


@dataclass(frozen=True)
class HostNow:
    """Median shares of some readings now, of the lowest and the highest in registers;
    `known` is whether an earlier run told the best, or these readings alone."""

    registers: float
    lowest: float
    highest: float
    memory: float
    known: bool


def robust_best(rates: Sequence[float]) -> float:
    """The rate that a tenth of the readings exceeds, and one at least, if there are
    two.

    >>> robust_best([5.0]), robust_best([5.0, 9.0]), robust_best([5.0, 6.0, 99.0])
    (5.0, 5.0, 6.0)
    """
    beyond = min(max(1, len(rates) // 10), len(rates) - 1)
    return sorted(rates, reverse=True)[beyond]


def yardstick_cpus(cpus: Collection[int]) -> tuple[int, ...]:
    """Those of a worker's CPUs that the yardstick takes. Under a quota as many as that
    pays for: more would use up what the worker is given for the next samples."""
    quota = cpu_quota_cores()
    most = len(cpus) if quota is None else max(1, int(quota))
    return tuple(sorted(cores_first(cpus)[:most]))


@dataclass
class HostSpeed:
    """Reads the yardstick, and knows the best of this machine.

    `kept` is the file of earlier runs, None where nothing can be kept: then the best is
    that of this run alone.
    """

    stick: Yardstick
    kept: Path | None = None
    run: str = field(default_factory=lambda: f"{time.time():.6f}")
    readings: list[Reading] = field(default_factory=list)
    _earlier: Best | None = None

    @classmethod
    def of_this_machine(cls, cpus: Collection[int], cache: Path | None) -> HostSpeed:
        """Of the CPUs that a worker may use: `Hardware.affinity` tells which. The best
        of other CPUs is kept apart, so that whoever reads it must ask for the same."""
        cpus = yardstick_cpus(cpus)
        kept = cache / "yardstick" / f"{machine_key(cpus)}.json" if cache else None
        return cls(Yardstick(cpus), kept)

    def read(self) -> Reading:
        self.readings.append(self.stick.read())
        return self.readings[-1]

    @property
    def best(self) -> Best:
        """The best of the earlier runs and of this one so far."""
        if self._earlier is None:
            self._earlier = _best_of(self._runs())
        return self._earlier.or_better(self._own)

    @property
    def _own(self) -> Best:
        if not self.readings:
            return Best()
        return Best(
            robust_best([one.registers_bytes_per_s for one in self.readings]),
            robust_best([one.memory_bytes_per_s for one in self.readings]),
        )

    def share(self, *readings: Reading) -> HostShare:
        return share(readings, self.best)

    @property
    def is_mostly_slow(self) -> bool:
        """Whether the host gave so much less in most of the latest readings that to
        draw samples again would hardly find it better."""
        recent, best = self.readings[-RECENT:], self.best
        if len(recent) < FEWEST_READINGS:
            return False
        shares = [share([one], best) for one in recent]
        good = sum(is_good(one.registers, one.memory) for one in shares)
        return good < GOOD_SHARE * len(recent)

    def now(
        self, readings: int = 10, sleep: Callable[[float], None] = time.sleep
    ) -> HostNow:
        """What the host gives at this moment, over a second or so."""
        taken = []
        for _ in range(readings):
            sleep(NOW_EVERY_S)
            taken.append(self.read())
        shares = [share([one], self.best) for one in taken]
        registers = [one.registers for one in shares]
        return HostNow(
            median(registers),
            min(registers),
            max(registers),
            median(one.memory for one in shares),
            bool(self._runs()),
        )

    def save(self) -> None:
        """Keep this run's best for later ones. A cache that cannot be written costs
        what it would have told, and never the run."""
        if self.kept is None or len(self.readings) < FEWEST_READINGS:
            return
        own = self._own
        mine = {
            "run": self.run,
            "readings": len(self.readings),
            "registers_bytes_per_s": own.registers_bytes_per_s,
            "memory_bytes_per_s": own.memory_bytes_per_s,
        }
        others = [one for one in self._runs() if one["run"] != self.run]
        document = {
            "format_version": FORMAT_VERSION,
            "runs": [*others, mine][-RUNS_KEPT:],
        }
        try:
            self.kept.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.kept, json.dumps(document, indent=1) + "\n")
        except OSError as error:
            LOG.info("the yardstick's best is not kept: %s", error)
            self.kept = None

    def _runs(self) -> list[dict[str, Any]]:
        text = read_text(self.kept) if self.kept else None
        return _valid_runs(text) if text else []


def _best_of(runs: Sequence[Mapping[str, Any]]) -> Best:
    best = Best()
    for run in runs:
        own = Best(run["registers_bytes_per_s"], run["memory_bytes_per_s"])
        best = best.or_better(own)
    return best


def _valid_runs(text: str) -> list[dict[str, Any]]:
    """What a file of earlier runs holds; nothing of a damaged or foreign one."""
    try:
        document = json.loads(text)
    except ValueError:
        return []
    if not isinstance(document, dict) or not isinstance(document.get("runs"), list):
        return []
    if document.get("format_version") != FORMAT_VERSION:
        return []
    return [run for run in document["runs"] if _is_valid(run)]


def _is_valid(run: object) -> bool:
    if not isinstance(run, dict) or not isinstance(run.get("run"), str):
        return False
    rates = [run.get("registers_bytes_per_s"), run.get("memory_bytes_per_s")]
    return all(isinstance(rate, int | float) and 0 < rate < 1e15 for rate in rates)


def machine_key(cpus: Sequence[int], root: Path = Path("/")) -> str:
    """A digest of what must be equal for rates to be comparable: this machine, these
    CPUs, this work and the interpreter that does it."""
    cpuinfo = (read_text(root / "proc/cpuinfo") or "").partition("\n\n")[0]
    lasting = ("model name", "cpu family", "model\t", "stepping", "CPU part")
    facts = [
        *(line for line in cpuinfo.splitlines() if line.startswith(lasting)),
        read_text(root / "etc/machine-id") or "",
        platform.node(),
        sys.version,
        str(yardstick.VERSION),
        ",".join(map(str, sorted(cpus))),
    ]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
