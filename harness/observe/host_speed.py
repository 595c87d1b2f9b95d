"""What the host gives, as a share of the best that this machine was seen to give.

The best is kept from run to run in the suite's cache, so that a host that gives less
for a whole run shows. It is robust against a reading that was fast by accident: one
reading alone sets no best, and one run's best is forgotten after as many runs as are
kept.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

from basics.files import kept_whole
from harness.observe import yardstick
from harness.observe.cgroups import cpu_quota_cores
from harness.observe.cpu import read_text
from harness.observe.fingerprint import cores_first
from harness.observe.yardstick import Reading, Yardstick

FORMAT_VERSION = 2
RUNS_KEPT = 20
FEWEST_READINGS = 5  # of a run that may set a best for others
NOW_EVERY_S = 0.1
RECENT = 20  # readings: the last ten or twenty seconds of timed samples
GOOD_SHARE = 0.25  # of them: with fewer, several draws would find one good one
# Shares of the best from which on a reading is good: the limits of a segment.
GOOD_REGISTERS, GOOD_MEMORY = 0.85, 0.75
# Between cores 0.5 to 1 where they share a cache, 0.2 where they do not.
GOOD_HANDOVERS = 0.35
RATES = (
    *("registers_bytes_per_s", "memory_bytes_per_s"),
    *("handovers_per_s", "memory_apart_bytes_per_s"),
)


@dataclass(frozen=True)
class Best:
    """The highest rates that are taken for true; 0 before anything was read.

    Cores that lie apart hand over slowly, and have more of the memory: what they read
    there is a best of its own.
    """

    registers_bytes_per_s: float = 0.0
    memory_bytes_per_s: float = 0.0
    handovers_per_s: float = 0.0
    memory_apart_bytes_per_s: float = 0.0

    @classmethod
    def of(cls, readings: Sequence[Reading], known_per_s: float) -> Best:
        """Of some readings, where so many handovers are known to be possible."""
        rates = [one.handovers_per_s or 0.0 for one in readings]
        handovers = robust_best(rates)
        apart = [is_apart(rate, max(handovers, known_per_s)) for rate in rates]
        memory: dict[bool, list[float]] = {False: [], True: []}
        for one, is_one_apart in zip(readings, apart, strict=True):
            memory[is_one_apart].append(one.memory_bytes_per_s)
        return cls(
            robust_best([one.registers_bytes_per_s for one in readings]),
            robust_best(memory[False]),
            handovers,
            robust_best(memory[True]),
        )

    def or_better(self, other: Best) -> Best:
        handovers = max(self.handovers_per_s, other.handovers_per_s)
        one, two = self._beside(handovers), other._beside(handovers)
        return Best(
            max(one.registers_bytes_per_s, two.registers_bytes_per_s),
            max(one.memory_bytes_per_s, two.memory_bytes_per_s),
            handovers,
            max(one.memory_apart_bytes_per_s, two.memory_apart_bytes_per_s),
        )

    def _beside(self, handovers_per_s: float) -> Best:
        """The same, where another run saw so many: cores that this one took to lie
        together may have lain apart."""
        if not is_apart(self.handovers_per_s, handovers_per_s):
            return self
        memory = max(self.memory_bytes_per_s, self.memory_apart_bytes_per_s)
        return replace(self, memory_bytes_per_s=0.0, memory_apart_bytes_per_s=memory)

    def memory_where(self, handovers_per_s: float) -> float:
        """The best of memory where cores hand over at that rate."""
        apart = is_apart(handovers_per_s, self.handovers_per_s)
        own, other = self.memory_bytes_per_s, self.memory_apart_bytes_per_s
        return (other or own) if apart else (own or other)


def is_apart(handovers_per_s: float, best_per_s: float) -> bool:
    """Whether cores hand over so slowly that they share no cache now; where nothing is
    handed over, as of a single one, they do not."""
    return handovers_per_s < GOOD_HANDOVERS * best_per_s


@dataclass(frozen=True)
class HostShare:
    """Rates at both ends of a span, and what share of the best they are: on average,
    and between cores the slower, for they move in an instant. `at_unix_s` is its end;
    `handovers` is None of a single CPU."""

    at_unix_s: float
    registers_bytes_per_s: float
    memory_bytes_per_s: float
    registers: float
    memory: float
    handovers_per_s: float | None = None
    handovers: float | None = None

    @property
    def is_good(self) -> bool:
        """Whether all shares are within a segment's limits."""
        return is_good(self.registers, self.memory, self.handovers)


def share(readings: Sequence[Reading], best: Best) -> HostShare:
    """Of the readings at a span's ends."""
    registers = fmean(one.registers_bytes_per_s for one in readings)
    memory = fmean(one.memory_bytes_per_s for one in readings)
    rates = [one.handovers_per_s for one in readings if one.handovers_per_s]
    handovers = min(rates, default=None)
    return HostShare(
        readings[-1].at_unix_s,
        registers,
        memory,
        registers / best.registers_bytes_per_s,
        memory / best.memory_where(handovers or best.handovers_per_s),
        handovers,
        None if handovers is None else handovers / best.handovers_per_s,
    )


def is_good(registers: float, memory: float, handovers: float | None) -> bool:
    """Whether these shares of the best are within a segment's limits."""
    return (
        registers >= GOOD_REGISTERS
        and memory >= GOOD_MEMORY
        and (handovers is None or handovers >= GOOD_HANDOVERS)
    )


@dataclass(frozen=True)
class HostNow:
    """Median shares of some readings now, of the lowest and the highest in registers;
    `known` is whether an earlier run told the best, or these readings alone."""

    registers: float
    lowest: float
    highest: float
    memory: float
    known: bool
    handovers: float | None = None


def robust_best(rates: Sequence[float]) -> float:
    """The rate that a tenth of the readings exceeds, and one at least, if there are
    two; 0 of none.

    >>> robust_best([5.0]), robust_best([5.0, 9.0]), robust_best([5.0, 6.0, 99.0])
    (5.0, 5.0, 6.0)
    """
    if not rates:
        return 0.0
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
        earlier = self._earlier.handovers_per_s if self._earlier else 0.0
        return Best.of(self.readings, earlier)

    def share(self, *readings: Reading) -> HostShare:
        return share(readings, self.best)

    @property
    def is_mostly_slow(self) -> bool:
        """Whether the host gave so much less in most of the latest readings that to
        draw samples again would hardly find it better."""
        recent, best = self.readings[-RECENT:], self.best
        if len(recent) < FEWEST_READINGS:
            return False
        good = sum(share([one], best).is_good for one in recent)
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
        handovers = [one.handovers for one in shares if one.handovers is not None]
        return HostNow(
            median(registers),
            min(registers),
            max(registers),
            median(one.memory for one in shares),
            bool(self._runs()),
            median(handovers) if handovers else None,
        )

    def save(self) -> None:
        """Keep this run's best for later ones. A cache that cannot be written costs
        what it would have told, and never the run."""
        if self.kept is None or len(self.readings) < FEWEST_READINGS:
            return
        own = self._own
        mine = {"run": self.run, "readings": len(self.readings), **asdict(own)}
        others = [one for one in self._runs() if one["run"] != self.run]
        document = {
            "format_version": FORMAT_VERSION,
            "runs": [*others, mine][-RUNS_KEPT:],
        }
        text = json.dumps(document, indent=1) + "\n"
        if not kept_whole(self.kept, text, "the yardstick's best"):
            self.kept = None

    def _runs(self) -> list[dict[str, Any]]:
        text = read_text(self.kept) if self.kept else None
        return _valid_runs(text) if text else []


def _best_of(runs: Sequence[Mapping[str, Any]]) -> Best:
    best = Best()
    for run in runs:
        best = best.or_better(Best(*(run[name] for name in RATES)))
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
    rates = [run.get(name) for name in RATES]
    if not all(isinstance(rate, int | float) and 0 <= rate < 1e15 for rate in rates):
        return False
    return bool(rates[0])


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
