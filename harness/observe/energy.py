"""Joules from counters: RAPL for processor packages, NVML for GPUs, else None.

A package counter holds cores, caches and memory controller, not the memory modules,
fans or the power supply's loss. No counter, no joules: nothing is read off a data
sheet.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.observe.cpu import read_int, read_text
from harness.observe.gpu import Nvml


@dataclass(frozen=True)
class Domain:
    """One package's counter in Linux's powercap tree."""

    name: str
    counter: Path
    range_uj: int

    def read_uj(self) -> int | None:
        return read_int(self.counter)


def rapl_domains(root: Path = Path("/")) -> tuple[tuple[Domain, ...], str | None]:
    """The readable package domains; without any, the reason and what to do."""
    powercap = root / "sys/class/powercap"
    if not powercap.is_dir():
        return (), _no_powercap(root)
    # "intel-rapl:*" serves AMD too; "intel-rapl-mmio:*" repeats the same package.
    folders = sorted(powercap.glob("intel-rapl:*"))
    named = [(read_text(folder / "name") or "", folder) for folder in folders]
    packages = [(name, f) for name, f in named if name.startswith("package")]
    domains = tuple(
        Domain(name, folder / "energy_uj", range_uj)
        for name, folder in packages
        if read_int(folder / "energy_uj") is not None
        and (range_uj := read_int(folder / "max_energy_range_uj")) is not None
    )
    if len(domains) == len(packages) > 0:
        return domains, None
    if not packages:
        return (), "no package domain among RAPL's: load the module intel_rapl_msr"
    # Some packages without the others would be part of the energy under its name.
    unread = len(packages) - len(domains)
    return (), (
        f"{unread} of {len(packages)} RAPL counters not readable: run as root, or "
        "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj"
    )


def _no_powercap(root: Path) -> str:
    flags = (read_text(root / "proc/cpuinfo") or "").split()
    if "hypervisor" in flags:
        return "no powercap folder: this is a virtual machine; measure on the host"
    return "no powercap folder: load the kernel module intel_rapl_msr"


@dataclass(frozen=True)
class Energy:
    """Joules over a span; `source` is rapl, nvml, rapl+nvml or none.

    `reason` names what was not counted and why, also where the rest was.
    """

    joules: float | None
    source: str
    reason: str | None
    seconds: float

    @property
    def watts(self) -> float | None:
        if self.joules is None or self.seconds <= 0:
            return None
        return self.joules / self.seconds


class EnergyMeter:
    """Sums all energy counters of this machine from its creation on.

    A RAPL counter wraps around within minutes to hours, and two wraps look like none:
    `joules()` has to be called at least once a minute on a machine that works.
    """

    def __init__(
        self,
        nvml: Nvml | None = None,
        root: Path = Path("/"),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._domains, rapl_reason = rapl_domains(root)
        self._nvml = nvml
        self._gpus, nvml_reason = _gpu_counters(nvml)
        names = [("rapl", self._domains), ("nvml", self._gpus)]
        self.source = "+".join(name for name, found in names if found) or "none"
        reasons = [reason for reason in (rapl_reason, nvml_reason) if reason]
        self.reason: str | None = "; ".join(reasons) or None
        self._rapl_uj = 0
        self._last_uj = {domain: domain.read_uj() for domain in self._domains}
        self._first_j = {index: self._gpu_j(index) for index in self._gpus}

    def joules(self) -> float | None:
        """Joules since the meter was made; None without source or after a loss."""
        with self._lock:
            if self.source == "none":
                return None
            total_j = 0.0
            for domain in self._domains:
                if not self._advance(domain):
                    self._lose(f"RAPL counter {domain.name} became unreadable")
                    return None
            for index, first_j in self._first_j.items():
                now_j = self._gpu_j(index)
                if now_j is None or first_j is None:
                    self._lose(f"GPU {index}'s energy counter became unreadable")
                    return None
                total_j += now_j - first_j
            return total_j + self._rapl_uj / 1e6

    def _advance(self, domain: Domain) -> bool:
        now_uj, last_uj = domain.read_uj(), self._last_uj[domain]
        if now_uj is None or last_uj is None:
            return False
        self._rapl_uj += wrapped_difference(last_uj, now_uj, domain.range_uj)
        self._last_uj[domain] = now_uj
        return True

    def _lose(self, reason: str) -> None:
        # A sum with a hole is no sum: from here on there is no energy.
        self.source, self.reason = "none", reason

    def _gpu_j(self, index: int) -> float | None:
        return None if self._nvml is None else self._nvml.energy_j(index)

    def measure(self, work: Callable[[], object]) -> Energy:
        """The energy that the whole machine used while `work()` ran."""
        start_s, start_j = self._clock(), self.joules()
        work()
        end_j, seconds = self.joules(), self._clock() - start_s
        if start_j is None or end_j is None:
            return Energy(None, self.source, self.reason, seconds)
        return Energy(end_j - start_j, self.source, self.reason, seconds)

    def idle_watts(
        self, seconds: float = 3.0, sleep: Callable[[float], None] = time.sleep
    ) -> float | None:
        """Mean power over `seconds` of doing nothing, before the work starts."""
        return self.measure(lambda: sleep(seconds)).watts


def wrapped_difference(before: int, after: int, wraps_at: int) -> int:
    """What a counter advanced that starts again at 0 after `wraps_at`.

    >>> wrapped_difference(before=90, after=20, wraps_at=100)
    30
    """
    return after - before if after >= before else after - before + wraps_at


def _gpu_counters(nvml: Nvml | None) -> tuple[tuple[int, ...], str | None]:
    if nvml is None or not nvml.gpus():
        return (), None  # no GPU is nothing missing
    indices = [gpu.index for gpu in nvml.gpus()]
    missing = [index for index in indices if nvml.energy_j(index) is None]
    if missing:
        return (), f"GPU energy not counted: no energy counter on {missing}"
    return tuple(indices), None
