"""Limits of what may disturb a measurement, and what to say of those exceeded."""

from collections.abc import Callable
from dataclasses import dataclass

from harness.observe.host_speed import (
    GOOD_HANDOVERS,
    GOOD_MEMORY,
    GOOD_REGISTERS,
    HostShare,
)
from harness.observe.noise import Noise


@dataclass(frozen=True)
class Limits:
    """Above these, a number of the run is in doubt.

    A shared machine's medians move by several percent from one process to the next, so
    a disturbance counts once it can take about one percent of the time by itself.
    """

    steal_percent: float = 1.0
    # An undisturbed thread is preempted some ten times a second by kernel work; each
    # switch costs about 5 us and cold caches.
    involuntary_switches_per_s: float = 200.0
    frequency_drop_percent: float = 10.0
    others_cpu_percent: float = 5.0
    major_faults: int = 10  # each waits for a disk, 0.1 to 10 ms
    throttle_events: int = 0
    # One CPU of many thins out in the mean, while a step on all of them waits for it.
    steal_worst_cpu_percent: float = 5.0
    others_cores: float = 0.25
    # Kernel work makes a thread wait for a CPU some ten times a second, some us each.
    waiting_percent: float = 5.0
    quota_throttled_percent: float = 1.0
    # A core whose other thread serves somebody else gives 20 to 40 % less. A reading is
    # a sample of some milliseconds: smaller differences are told of a whole run only.
    host_registers_slow_percent: float = 100 * (1 - GOOD_REGISTERS)
    # Reads of memory vary by 12 % by themselves (the middle 80 % of readings on a
    # virtual machine of two cores).
    host_memory_slow_percent: float = 100 * (1 - GOOD_MEMORY)
    # Cores that share a cache hand over at half of the best or more, others at a fifth.
    host_handover_slow_percent: float = 100 * (1 - GOOD_HANDOVERS)


LIMITS = Limits()
# What others did to a segment: it is drawn again. What a machine does to itself (its
# clock, its heat, a quota) is part of what is bought: it warns, and counts.
HOST = (
    *("host_registers_slow_percent", "host_memory_slow_percent"),
    "host_handover_slow_percent",
)
FROM_OUTSIDE = (
    *("steal_percent", "steal_worst_cpu_percent"),
    *("others_cpu_percent", "others_cores", "waiting_percent"),
    *HOST,
)


@dataclass(frozen=True)
class NoiseWarning:
    """One exceeded limit: what was found, why it is likely, what to do."""

    name: str
    measured: float
    limit: float
    unit: str
    cause: str
    remedy: str
    where: str = ""  # in how much of what was measured

    def __str__(self) -> str:
        where = f" {self.where}" if self.where else ""
        return (
            f"{self.name}: {self.measured:.4g} {self.unit} (limit {self.limit:g})"
            f"{where}; likely {self.cause}; {self.remedy}"
        )


_SHARES: dict[str, Callable[[HostShare], float | None]] = {
    "host_registers_slow_percent": lambda host: host.registers,
    "host_memory_slow_percent": lambda host: host.memory,
    "host_handover_slow_percent": lambda host: host.handovers,
}
_OTHER_HOST = (
    "use a dedicated or bare-metal machine, or repeat at a quieter hour; `speechmark "
    "doctor` reads it now"
)
# What is measured, its unit, the likely cause, the remedy; names are those of `Limits`.
_EXPLAINED = {
    "quota_throttled_percent": (
        "% of the quota's periods stopped the worker",
        "a container whose share of CPU time is used up: it is part of what was bought",
        "give whole cores (--cpuset-cpus, no --cpus), or fewer threads",
    ),
    "steal_worst_cpu_percent": (
        "% of the time of one of the worker's CPUs",
        "another guest on the same core of the host",
        "use a dedicated or bare-metal machine, or repeat at a quieter hour",
    ),
    "others_cores": (
        "of a CPU's time taken from the worker's CPUs",
        "another program at work beside the worker",
        "stop it (top names it), or give the worker cores of its own (taskset)",
    ),
    "waiting_percent": (
        "% of the time a thread of the worker had no CPU though it could have run",
        "other programs at work beside the worker",
        "stop them (top names them), or give the worker cores of its own (taskset, "
        "cgroups)",
    ),
    "steal_percent": (
        "% of the worker's CPUs",
        "other guests on the same host",
        "use a dedicated or bare-metal machine, or repeat at a quieter hour",
    ),
    "others_cpu_percent": (
        "% of the worker's CPUs",
        "other programs at work beside the worker, or threads of another process that "
        "spin while they wait",
        "stop them (top names them), or give the worker cores of its own (taskset, "
        "cgroups)",
    ),
    "involuntary_switches_per_s": (
        "per second",
        "more runnable threads than cores",
        "lower the worker's threads to the free cores, or stop other programs",
    ),
    "major_faults": (
        "page reads from disk",
        "too little memory, or files read for the first time",
        "free memory, turn swap off, or warm up longer",
    ),
    "throttle_events": (
        "throttlings",
        "a processor that got too hot",
        "improve the cooling, or let the machine rest between runs",
    ),
    "frequency_drop_percent": (
        "% below the fastest mean clock of the stage",
        "a power-saving governor, a turbo that ended, or heat",
        "set the governor to performance and turn turbo off while measuring",
    ),
    "host_registers_slow_percent": (
        "% below the best arithmetic of this machine",
        "a host that serves others on the same cores, or lowers its clock",
        _OTHER_HOST,
    ),
    "host_memory_slow_percent": (
        "% below the best memory reads of this machine",
        "a host whose memory or shared cache others keep busy",
        _OTHER_HOST,
    ),
    "host_handover_slow_percent": (
        "% below the best handover between cores of this machine",
        "a host that moved the worker's CPUs to cores that share no cache: threads "
        "wait longer for each other",
        "use a dedicated or bare-metal machine, or one whose host pins its CPUs; "
        "`speechmark doctor` reads it now",
    ),
}


SHORTEST_S = 0.5  # CPU counters tick 100 times a second: shorter spans say little
# Counted in such ticks.
TICKED = {
    *("steal_percent", "steal_worst_cpu_percent", "others_cpu_percent"),
    *("others_cores", "frequency_drop_percent"),
}
# What tells of others in a span, by ticks or by the scheduler's own clock.
TELLS_OF_OTHERS = ("others_cpu_percent", "waiting_percent")
# A mean over all CPUs, and what shows the same in one of them where the mean does not.
_ONE_OF_MANY = {
    "steal_worst_cpu_percent": "steal_percent",
    "others_cores": "others_cpu_percent",
}


def warnings(
    noise: Noise, limits: Limits = LIMITS, fastest_mhz: float | None = None
) -> list[NoiseWarning]:
    """One warning for each limit that the noise exceeds; unknown exceeds nothing.

    `fastest_mhz` is the fastest mean clock of earlier spans: a whole span at a lower
    clock shows in no span by itself. Waiting is judged in spans too short for ticks.
    """
    found: dict[str, NoiseWarning] = {}
    for name, (unit, cause, remedy) in _EXPLAINED.items():
        measured, limit = _measured(noise, name, fastest_mhz), getattr(limits, name)
        if not _is_judged(noise, name) or measured is None or measured <= limit:
            continue
        found[name] = NoiseWarning(name, measured, limit, unit, cause, remedy)
    told_by_mean = [one for one, mean in _ONE_OF_MANY.items() if mean in found]
    return [warning for name, warning in found.items() if name not in told_by_mean]


def is_judged(noise: Noise) -> bool:
    """Whether what others did could be told of this span at all."""
    return any(
        _is_judged(noise, name) and getattr(noise, name) is not None
        for name in TELLS_OF_OTHERS
    )


def _is_judged(noise: Noise, name: str) -> bool:
    is_short = noise.seconds < SHORTEST_S
    if name == "waiting_percent":
        return is_short
    return not (is_short and name in TICKED)


def _measured(noise: Noise, name: str, fastest_mhz: float | None) -> float | None:
    if name == "frequency_drop_percent":
        return _clock_drop_percent(noise, fastest_mhz)
    if name in HOST:
        share = _SHARES[name](noise.host) if noise.host else None
        return _host_slow_percent(share, noise, fastest_mhz)
    value: float | None = getattr(noise, name)
    return value


def _clock_drop_percent(noise: Noise, fastest_mhz: float | None) -> float | None:
    # Means beside means: single cores idle at low clocks while others work.
    slow = noise.frequency_mean_mhz
    fast = max(noise.frequency_fastest_mhz or 0.0, fastest_mhz or 0.0)
    return None if slow is None or not fast else 100.0 * (1.0 - slow / fast)


def _host_slow_percent(
    share: float | None, noise: Noise, fastest_mhz: float | None
) -> float | None:
    """How much less the host gave than its best, beyond what the machine's own clock
    explains; unknown where the machine throttled itself by who knows how much."""
    if share is None or noise.throttle_events:
        return None
    clock_share = 1.0 - (_clock_drop_percent(noise, fastest_mhz) or 0.0) / 100.0
    return 100.0 * max(0.0, 1.0 - share / clock_share)
