"""What machine and software a result belongs to, in plain values.

Whatever cannot be read is None, and nothing here raises. Neither user name nor home
path enters: results get published.
"""

import os
import platform
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness.environment import public, recorded
from harness.git import Run, git_state, run_quietly
from harness.observe.cgroups import container, cpu_quota_cores
from harness.observe.cpu import read_int, read_text
from harness.observe.gpu import Nvml
from harness.observe.software import libraries, software_in_subprocess
from harness.observe.visible_gpus import visible_gpus
from harness.suite import code_digest

HOST_LABEL_LENGTH = 16
CPUS = "sys/devices/system/cpu"

# Flags of /proc/cpuinfo on x86, then on Arm.
ISA_FLAGS = (
    *("avx2", "fma", "avx_vnni", "avx512f", "avx512bw", "avx512dq", "avx512vl"),
    *("avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16"),
    *("asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme"),
)
# What a cap of each name lets kernels use; AVX-512 as the libraries mean it.
_AVX512 = {"avx512f", "avx512bw", "avx512dq", "avx512vl"}
ISA_NEEDS = {
    "avx2": {"avx2", "fma"},
    "avx512": _AVX512,
    "avx512_vnni": {*_AVX512, "avx512_vnni"},
    "avx512_bf16": {*_AVX512, "avx512_vnni", "avx512_bf16"},
    "amx": {*_AVX512, "amx_tile", "amx_int8", "amx_bf16"},
}


def fingerprint(
    root: Path = Path("/"),
    run: Run = run_quietly,
    environment: Mapping[str, str] = os.environ,
    nvml: Nvml | None = None,
    torch_software: Callable[[], dict[str, Any] | None] = software_in_subprocess,
    passed: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Everything about this machine that can explain a number measured on it.

    One flat mapping, so that two machines can be compared key by key. `settings` are
    the variables that reach workers and can change which code runs: those that they
    inherit, and those `passed` on purpose.
    """
    groups = {
        "cpu": cpu(root),
        "memory": memory(root),
        "gpu": gpus(nvml or Nvml()),
        "os": operating_system(root, run),
        "container": container(root),
        "python": {
            "version": platform.python_version(),
            "implementation": platform.python_implementation(),
        },
        "torch": torch_software() or {},
        "git": git_state(run=run),
        "code": {"digest": code_digest()},
    }
    flat = {
        f"{g}_{key}": value
        for g, found in groups.items()
        for key, value in found.items()
    }
    host = platform.node().partition(".")[0][:HOST_LABEL_LENGTH] or None
    lists = {
        "libraries": libraries(),
        "settings": {**recorded(environment), **public(passed)},
    }
    return {"host": host, **flat, **lists}


def cpu(root: Path = Path("/")) -> dict[str, Any]:
    fields = _cpuinfo(root)
    places = _places(root)
    allowed = getattr(os, "sched_getaffinity", lambda _: ())(0)
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return {
        "model": fields.get("model name") or platform.processor() or None,
        "vendor": fields.get("vendor_id") or fields.get("CPU implementer"),
        "family": _number(fields.get("cpu family")),
        "model_number": fields.get("CPU part") or _number(fields.get("model")),
        "stepping": _number(fields.get("stepping")),
        "microcode": fields.get("microcode"),
        "architecture": platform.machine(),
        "sockets": len({package for package, _ in places}) or None,
        "cores_physical": len(set(places)) or None,
        "cores_logical": len(places) or os.cpu_count(),
        "cores_allowed": len(allowed) or None,
        "threads_default": default_threads(allowed, root) if allowed else None,
        "isa": [flag for flag in ISA_FLAGS if flag in flags],
        "caches": caches(root),
        "governor": _common(root, "cpufreq/scaling_governor"),
        "frequency_driver": _common(root, "cpufreq/scaling_driver"),
        "turbo": _turbo(root),
        "smt": _flag(read_int(root / CPUS / "smt/active")),
    }


def kernel_relevant(root: Path = Path("/")) -> dict[str, str]:
    """What libraries choose kernels by: the processor's model, and its instructions."""
    fields = _cpuinfo(root)
    names = ("vendor_id", "cpu family", "model", "stepping", "flags")
    arm = ("CPU implementer", "CPU part", "CPU variant", "CPU revision", "Features")
    return {name: fields[name] for name in (*names, *arm) if name in fields}


def _cpuinfo(root: Path) -> dict[str, str]:
    """The first processor's fields."""
    block = (read_text(root / "proc/cpuinfo") or "").partition("\n\n")[0]
    pairs = (line.partition(":") for line in block.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _places(root: Path) -> list[tuple[int | None, int | None]]:
    """(package, core) of each online logical core; a core occurs once per thread."""
    folders = (root / CPUS).glob("cpu[0-9]*/topology")
    places = [
        (read_int(f / "physical_package_id"), read_int(f / "core_id")) for f in folders
    ]
    return [place for place in places if None not in place]


def caches(root: Path = Path("/")) -> dict[str, dict[str, int]]:
    """Per level the bytes of one cache and how many there are, as {"L1d": ...}."""
    found: dict[str, tuple[int, set[str]]] = {}
    for folder in (root / CPUS).glob("cpu[0-9]*/cache/index*"):
        level, kind = read_int(folder / "level"), read_text(folder / "type")
        size, shared = read_text(folder / "size"), read_text(folder / "shared_cpu_list")
        if level is None or not size or not size.rstrip("KM").isdigit():
            continue
        suffix = {"Data": "d", "Instruction": "i"}.get(kind or "", "")
        unit = {"K": 1 << 10, "M": 1 << 20}.get(size[-1], 1)
        size_bytes = int(size.rstrip("KM")) * unit
        found.setdefault(f"L{level}{suffix}", (size_bytes, set()))[1].add(shared or "")
    return {
        name: {"size_bytes": size_bytes, "instances": len(shared)}
        for name, (size_bytes, shared) in sorted(found.items())
    }


def _common(root: Path, file: str) -> str | None:
    """What all cores say, joined by "+" where they differ."""
    texts = {read_text(path) for path in (root / CPUS).glob(f"cpu[0-9]*/{file}")}
    return "+".join(sorted(text for text in texts if text)) or None


def _turbo(root: Path) -> bool | None:
    no_turbo = read_int(root / CPUS / "intel_pstate/no_turbo")
    if no_turbo is not None:
        return not no_turbo
    return _flag(read_int(root / CPUS / "cpufreq/boost"))


def _flag(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def supported_isas(root: Path = Path("/")) -> tuple[str, ...]:
    """The instruction sets, lowest first, to which kernels can be capped here."""
    flags = set((_cpuinfo(root).get("flags") or "").split())
    return tuple(name for name, needs in ISA_NEEDS.items() if needs <= flags)


def cores_first(allowed: Collection[int], root: Path = Path("/")) -> tuple[int, ...]:
    """The allowed logical processors, one of each physical core before any sibling.

    So the first n are n real cores wherever there are as many.
    """
    seen: Counter[tuple[int | None, int]] = Counter()
    order = []
    for number in sorted(allowed):
        place = place_of(root, number)
        order.append((seen[place], number))
        seen[place] += 1
    return tuple(number for _, number in sorted(order))


def default_threads(allowed: Collection[int], root: Path = Path("/")) -> int:
    """How many threads a case uses that asks for no number: one on each physical core
    that this process may use, and no more than its cgroups give CPU time for.

    Two threads on the siblings of one core share its units for arithmetic; threads
    beyond a quota are all stopped together for the rest of each period.
    """
    places = {place_of(root, number) for number in allowed}
    quota = cpu_quota_cores(root)
    most = len(places) if quota is None else min(len(places), int(quota))
    return max(1, most)


def place_of(root: Path, number: int) -> tuple[int | None, int]:
    """(package, core) of a logical processor; one of its own where none is told."""
    topology = root / CPUS / f"cpu{number}" / "topology"
    core = read_int(topology / "core_id")
    if core is None:
        return None, number
    return read_int(topology / "physical_package_id"), core


def memory(root: Path = Path("/")) -> dict[str, Any]:
    text = read_text(root / "proc/meminfo") or ""
    kib = {m[1]: int(m[2]) for m in re.finditer(r"^(\w+):\s+(\d+) kB$", text, re.M)}
    chosen = read_text(root / "sys/kernel/mm/transparent_hugepage/enabled") or ""
    huge_pages = re.search(r"\[(\w+)\]", chosen)
    return {
        "total_bytes": kib["MemTotal"] * 1024 if "MemTotal" in kib else None,
        "swap_bytes": kib["SwapTotal"] * 1024 if "SwapTotal" in kib else None,
        "numa_nodes": len(list((root / "sys/devices/system/node").glob("node[0-9]*")))
        or None,
        "transparent_huge_pages": huge_pages[1] if huge_pages else None,
    }


def gpus(nvml: Nvml) -> dict[str, Any]:
    """The GPUs that NVML lists, or the reason for there being none."""
    devices = [
        {
            "index": gpu.index,
            "name": gpu.name,
            "memory_bytes": gpu.memory_total_bytes,
            "power_limit_w": gpu.power_limit_w,
            "max_sm_clock_mhz": gpu.max_sm_clock_mhz,
            "persistence_mode": gpu.persistence_mode,
        }
        for gpu in nvml.gpus()
    ]
    return {"driver": nvml.driver, "devices": devices, "reason": nvml.reason}


def cuda_devices(
    environment: Mapping[str, str] = os.environ, nvml: Nvml | None = None
) -> tuple[int, str | None]:
    """How many GPUs CUDA will offer, and why there are none; without loading torch."""
    visible = visible_gpus(nvml or Nvml(), environment)
    return len(visible.devices), visible.reason


def operating_system(root: Path = Path("/"), run: Run = run_quietly) -> dict[str, Any]:
    release = read_text(root / "etc/os-release") or ""
    name = re.search(r'^PRETTY_NAME="?([^"\n]*)', release, re.M)
    flags = (_cpuinfo(root).get("flags") or "").split()
    dmi = root / "sys/class/dmi/id"
    parts = [read_text(dmi / "sys_vendor"), read_text(dmi / "product_name")]
    hardware = " ".join(part for part in parts if part) or None
    kind = run(["systemd-detect-virt", "--vm"])  # fails, with "none", on bare metal
    virtual = True if kind or "hypervisor" in flags else None
    if virtual is None and flags:
        virtual = False  # x86 sets the flag in every guest; Arm has none
    return {
        "system": platform.system(),
        "kernel": platform.release(),
        "distribution": name[1] if name else None,
        "virtual": virtual,
        "hypervisor": kind or None,
        "hardware": hardware,
    }
