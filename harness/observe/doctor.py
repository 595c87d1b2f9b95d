"""Is this machine fit to be measured? Findings, each with what to do about it.

`checks` judges plain values: a fingerprint's, and those of a `look` at this moment.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.files import cache_folder
from harness.observe.gpu import Nvml
from harness.observe.host_speed import (
    GOOD_HANDOVERS,
    GOOD_MEMORY,
    GOOD_REGISTERS,
    HostNow,
    HostSpeed,
    is_good,
)
from harness.observe.look import Look, look

GIB = 1 << 30
BUSY_WARN_PERCENT, BUSY_BAD_PERCENT = 5.0, 25.0
STEAL_WARN_PERCENT, STEAL_BAD_PERCENT = 1.0, 10.0
FEWEST_CORES = 2  # one for the worker, one for the parent and its sampler
LEAST_MEMORY_BYTES = 4 * GIB  # the quick profile's largest case with its data
LEAST_DISK_BYTES = 2 * GIB  # records, caches of weights and of corpora

Severity = Literal["ok", "warn", "bad", "unknown"]


@dataclass(frozen=True)
class Finding:
    """What was found where what was expected; the remedy is empty where it is ok."""

    name: str
    severity: Severity
    found: str
    expected: str
    remedy: str


def examine(
    fingerprint: Mapping[str, Any],
    results: Path,
    cpus: Collection[int],
    seconds: float = 2.0,
) -> list[Finding]:
    """Looks at the machine for `seconds` and judges it; `cpus` are those that a worker
    would have."""
    nvml, speed = Nvml(), HostSpeed.of_this_machine(cpus, cache_folder())
    try:
        return checks(fingerprint, look(results, seconds, nvml, speed=speed))
    finally:
        nvml.close()


def checks(fingerprint: Mapping[str, Any], now: Look) -> list[Finding]:
    """Every finding, good ones too, in the order in which to read them."""
    return [
        *_clock(fingerprint),
        *_quiet(now),
        _host(now.host),
        *_room(fingerprint, now),
        *_pages(fingerprint, now),
        *_virtual(fingerprint),
        _rapl(now),
        *_gpus(fingerprint["gpu_devices"], now),
        _variables(now),
    ]


def _finding(
    name: str, severity: Severity, found: str, expected: str, remedy: str
) -> Finding:
    return Finding(name, severity, found, expected, "" if severity == "ok" else remedy)


def _grade(value: float | None, warn: float, bad: float) -> Severity:
    if value is None:
        return "unknown"
    if value > bad:
        return "bad"
    return "warn" if value > warn else "ok"


def _when(good: bool | None, otherwise: Severity = "warn") -> Severity:
    """Unknown for None."""
    if good is None:
        return "unknown"
    return "ok" if good else otherwise


def _on_off(value: bool | None, hidden: str = "not shown") -> str:
    return hidden if value is None else ("on" if value else "off")


def _clock(fingerprint: Mapping[str, Any]) -> list[Finding]:
    governor, turbo = fingerprint["cpu_governor"], fingerprint["cpu_turbo"]
    virtual = fingerprint["os_virtual"]
    hidden = "hidden by the virtual machine" if virtual else "not shown"
    no_access = "ask the host's owner, or repeat the run and compare"
    return [
        _finding(
            "frequency governor",
            _when(governor == "performance" if governor else None),
            governor or hidden,
            "performance",
            "sudo cpupower frequency-set -g performance" if governor else no_access,
        ),
        _finding(
            "turbo",
            _when(None if turbo is None else not turbo),
            _on_off(turbo, hidden),
            "off to compare two states of the code; as sold to compare machines",
            "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo, or "
            "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"
            if turbo
            else no_access,
        ),
    ]


def _quiet(now: Look) -> list[Finding]:
    events = now.throttle_events
    return [
        _finding(
            "other load",
            _grade(now.busy_percent, BUSY_WARN_PERCENT, BUSY_BAD_PERCENT),
            _percent(now.busy_percent) + " of all cores busy",
            f"at most {BUSY_WARN_PERCENT:g} %",
            "stop other programs (top shows them), or wait for them",
        ),
        _finding(
            "steal",
            _grade(now.steal_percent, STEAL_WARN_PERCENT, STEAL_BAD_PERCENT),
            _percent(now.steal_percent) + " taken by other guests",
            f"at most {STEAL_WARN_PERCENT:g} %",
            "use a dedicated host, or repeat at a quieter hour",
        ),
        _finding(
            "thermal throttling",
            _when(None if events is None else events == 0),
            "not shown" if events is None else f"{events} events since boot",
            "0 events",
            "improve the cooling; a run's own events are in its record"
            if events
            else "none possible here: compare the first and the last samples of a run",
        ),
    ]


def _host(now: HostNow | None) -> Finding:
    good = None
    if now is not None and now.known:
        good = is_good(now.registers, now.memory, now.handovers)
    found = "not read"
    if now is not None:
        best = "its best" if now.known else "the best of this moment"
        found = (
            f"{now.registers:.2f} of {best} in registers ({now.lowest:.2f} to "
            f"{now.highest:.2f}), {now.memory:.2f} in memory"
        )
        if now.handovers is not None:
            found += f", {now.handovers:.2f} between cores"
    return _finding(
        "host speed",
        _when(good),
        found,
        f"at least {GOOD_REGISTERS:g}, {GOOD_MEMORY:g} and {GOOD_HANDOVERS:g} of the "
        "best of earlier runs",
        "the host serves others too: use a dedicated one, or repeat at a quieter hour"
        if good is False
        else "measure once: a run keeps the best that this machine gives",
    )


def _percent(value: float | None) -> str:
    return "unknown share" if value is None else f"{value:.1f} %"


def _room(fingerprint: Mapping[str, Any], now: Look) -> list[Finding]:
    cores = fingerprint["cpu_cores_allowed"] or fingerprint["cpu_cores_logical"]
    quota = fingerprint["container_cpu_limit_cores"]
    share = f", time for {quota:g} of them" if quota else ""
    free = now.disk_free_bytes
    return [
        _finding(
            "cores",
            _when(min(cores, quota or cores) >= FEWEST_CORES if cores else None, "bad"),
            f"{cores or 'unknown number'} allowed to this process{share}",
            f"at least {FEWEST_CORES}",
            "widen the affinity (taskset) or the container's quota (--cpus), or use a "
            "larger machine",
        ),
        _finding(
            "memory",
            _when(now.memory_available_bytes >= LEAST_MEMORY_BYTES, "bad"),
            f"{now.memory_available_bytes / GIB:.1f} GiB available",
            f"at least {LEAST_MEMORY_BYTES / GIB:g} GiB",
            "stop other programs, or leave the larger cases out",
        ),
        _finding(
            "disk space",
            _when(None if free is None else free >= LEAST_DISK_BYTES, "bad"),
            "not shown" if free is None else f"{free / GIB:.1f} GiB free for results",
            f"at least {LEAST_DISK_BYTES / GIB:g} GiB",
            "free some, or write the results elsewhere",
        ),
    ]


def _pages(fingerprint: Mapping[str, Any], now: Look) -> list[Finding]:
    huge_pages = fingerprint["memory_transparent_huge_pages"]
    return [
        _finding(
            "swap",
            _when(now.swap_used_bytes == 0),
            f"{now.swap_used_bytes / GIB:.2f} GiB in use",
            "none in use",
            "sudo swapoff -a, once memory suffices",
        ),
        _finding(
            "transparent huge pages",
            _when(huge_pages in ("always", "madvise") if huge_pages else None),
            huge_pages or "not shown",
            "always or madvise, the same on all machines compared",
            "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
        ),
    ]


def _virtual(fingerprint: Mapping[str, Any]) -> list[Finding]:
    virtual, hypervisor = fingerprint["os_virtual"], fingerprint["os_hypervisor"]
    name = {None: "not shown", True: hypervisor or "yes", False: "no"}
    cores = fingerprint["container_cpu_limit_cores"]
    memory_bytes = fingerprint["container_memory_limit_bytes"]
    parts = [f"{cores:g} cores"] if cores else []
    parts += [f"{memory_bytes / GIB:.1f} GiB"] if memory_bytes else []
    return [
        _finding(
            "virtual machine",
            _when(None if virtual is None else not virtual),
            name[virtual],
            "bare metal",
            "expect steal and hidden clocks; repeat cases in several processes",
        ),
        # A quota stops all threads for the rest of its period: long tails.
        _finding(
            "container limits",
            _when(not parts),
            "limited to " + " and ".join(parts) if parts else "no limit",
            "no limit; whole cores by --cpuset-cpus rather than a quota by --cpus",
            "start the container with --cpuset-cpus and without --cpus",
        ),
    ]


def _rapl(now: Look) -> Finding:
    return _finding(
        "processor energy",
        _when(now.rapl_reason is None),
        now.rapl_reason or "RAPL counters readable",
        "readable RAPL counters",
        "without them, the processor's joules stay null",
    )


def _gpus(devices: list[Mapping[str, Any]], now: Look) -> list[Finding]:
    findings = []
    for gpu in devices:
        index, kept = gpu["index"], gpu["persistence_mode"]
        throttled = now.gpu_throttle_reasons.get(index)
        findings += [
            _finding(
                f"GPU {index} persistence mode",
                _when(kept),
                _on_off(kept),
                "on",
                f"sudo nvidia-smi -i {index} -pm 1",
            ),
            _finding(
                f"GPU {index} throttling",
                _when(None if throttled is None else not throttled, "bad"),
                "not read" if throttled is None else (", ".join(throttled) or "none"),
                "none while idle",
                f"check cooling and power: nvidia-smi -i {index} -q -d PERFORMANCE",
            ),
        ]
    return findings


def _variables(now: Look) -> Finding:
    """What a user set for all programs reaches no worker; to go unsaid, it would be
    taken for measured."""
    names = now.steering_variables
    return _finding(
        "environment",
        _when(not names),
        "set here, and kept from workers: " + ", ".join(names) if names else "none set",
        "no variable that changes what libraries do",
        "unset them, or pass them on purpose by --env NAME=VALUE, which makes results "
        "other work",
    )
