"""NVIDIA GPUs as NVML sees them: identity, utilization, memory, power, throttling.

Nothing here raises for want of a GPU: without library or driver there are no GPUs and
`reason` says why; what one GPU cannot answer is None. Indices are NVML's (the order on
the PCI bus); CUDA's are the same only under CUDA_DEVICE_ORDER=PCI_BUS_ID, and
CUDA_VISIBLE_DEVICES renumbers CUDA's alone.
"""

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# Bits of NVML's nvmlClocksEventReasons that mean that the clock was held back.
THROTTLE_BITS = {
    0x004: "software power cap",
    0x008: "hardware slowdown",
    0x020: "software thermal slowdown",
    0x040: "hardware thermal slowdown",
    0x080: "power brake",
}


@dataclass(frozen=True)
class GpuInfo:
    """What does not change while a benchmark runs."""

    index: int
    name: str | None
    memory_total_bytes: int | None
    power_limit_w: float | None
    max_sm_clock_mhz: int | None
    persistence_mode: bool | None


@dataclass(frozen=True)
class GpuReading:
    """One GPU at one moment; `energy_j` counts from the driver's start."""

    index: int
    utilization_percent: float | None
    memory_used_bytes: int | None
    power_w: float | None
    energy_j: float | None
    sm_clock_mhz: int | None
    throttle_reasons: tuple[str, ...] | None


@dataclass(frozen=True)
class GpuProcess:
    """A process that computes on a GPU; memory is None where the driver hides it."""

    pid: int
    memory_used_bytes: int | None


class Nvml:
    """An open NVML session over all GPUs, until it is narrowed to some."""

    def __init__(self, library: Any | None = None) -> None:
        self.reason: str | None = None
        self.driver: str | None = None
        self._handles: dict[int, Any] = {}
        self._library: Any = library if library is not None else self._import()
        if self._library is not None:
            self._open()

    def _import(self) -> Any | None:
        try:
            return importlib.import_module("pynvml")
        except ImportError:
            self.reason = "no GPU seen: the module pynvml (nvidia-ml-py) is absent"
            return None

    def _open(self) -> None:
        nvml = self._library
        try:
            nvml.nvmlInit()
            count = nvml.nvmlDeviceGetCount()
        except nvml.NVMLError as error:
            self.reason = f"no GPU seen: {error}"
            return
        self.driver = _text(self._ask(nvml.nvmlSystemGetDriverVersion))
        for index in range(count):
            handle = self._ask(nvml.nvmlDeviceGetHandleByIndex, index)
            if handle is not None:
                self._handles[index] = handle
        if not self._handles:
            self.reason = f"no GPU seen: the driver lists {count}"

    def _ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except self._library.NVMLError:
            return None  # not supported by this GPU, or not permitted

    def find(self, name: str) -> tuple[int, Any] | None:
        """The index of a GPU and NVML's handle of the device that one of CUDA's names
        means: an index, or the beginning of the UUID of exactly one GPU or instance.
        An instance has the index of the GPU that it is a part of."""
        if name.isdecimal():
            handle = self._handles.get(int(name))
            return None if handle is None else (int(name), handle)
        if name.startswith("MIG-GPU-"):  # as drivers before 470 named instances
            return self.find(name.removeprefix("MIG-").partition("/")[0])
        if not name.startswith(("GPU-", "MIG-")):
            return None
        devices = self._instances() if name.startswith("MIG-") else self._whole()
        found = [(i, handle) for i, handle in devices if self._is_named(handle, name)]
        return found[0] if len(found) == 1 else None

    def _is_named(self, handle: Any, name: str) -> bool:
        uuid = _text(self._ask(self._library.nvmlDeviceGetUUID, handle))
        return uuid is not None and uuid.lower().startswith(name.lower())

    def _whole(self) -> Iterator[tuple[int, Any]]:
        yield from self._handles.items()

    def _instances(self) -> Iterator[tuple[int, Any]]:
        nvml = self._library
        for index, handle in self._handles.items():
            count = self._ask(nvml.nvmlDeviceGetMaxMigDeviceCount, handle)
            for number in range(count or 0):
                get = nvml.nvmlDeviceGetMigDeviceHandleByIndex
                instance = self._ask(get, handle, number)
                if instance is not None:
                    yield index, instance

    def narrow(self, names: Sequence[str]) -> None:
        """Read no others than these devices any more. What the driver does not count
        for an instance (its power, mostly) is None."""
        found = filter(None, map(self.find, names))
        self._handles = dict(found)

    def gpus(self) -> tuple[GpuInfo, ...]:
        return tuple(self._info(i, handle) for i, handle in self._handles.items())

    def _info(self, index: int, handle: Any) -> GpuInfo:
        nvml, ask = self._library, self._ask
        memory = ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        persistence = ask(nvml.nvmlDeviceGetPersistenceMode, handle)
        return GpuInfo(
            index=index,
            name=_text(ask(nvml.nvmlDeviceGetName, handle)),
            memory_total_bytes=None if memory is None else int(memory.total),
            power_limit_w=_milli(ask(nvml.nvmlDeviceGetEnforcedPowerLimit, handle)),
            max_sm_clock_mhz=ask(
                nvml.nvmlDeviceGetMaxClockInfo, handle, nvml.NVML_CLOCK_SM
            ),
            persistence_mode=None if persistence is None else bool(persistence),
        )

    def read(self) -> tuple[GpuReading, ...]:
        return tuple(self._read(i, handle) for i, handle in self._handles.items())

    def _read(self, index: int, handle: Any) -> GpuReading:
        nvml, ask = self._library, self._ask
        rates = ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        memory = ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        bits = ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle)
        return GpuReading(
            index=index,
            utilization_percent=None if rates is None else float(rates.gpu),
            memory_used_bytes=None if memory is None else int(memory.used),
            power_w=_milli(ask(nvml.nvmlDeviceGetPowerUsage, handle)),
            energy_j=self.energy_j(index),
            sm_clock_mhz=ask(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_SM),
            throttle_reasons=None if bits is None else throttle_reasons(bits),
        )

    def energy_j(self, index: int) -> float | None:
        """Joules since the driver's start; None before Volta, which has no counter."""
        return _milli(
            self._ask(
                self._library.nvmlDeviceGetTotalEnergyConsumption, self._handles[index]
            )
        )

    def processes(self, index: int) -> tuple[GpuProcess, ...] | None:
        """Who computes on a GPU, None where the driver does not tell."""
        found = self._ask(
            self._library.nvmlDeviceGetComputeRunningProcesses, self._handles[index]
        )
        if found is None:
            return None
        return tuple(GpuProcess(int(p.pid), p.usedGpuMemory) for p in found)

    def close(self) -> None:
        if self._handles:
            self._ask(self._library.nvmlShutdown)
        self._handles = {}


def throttle_reasons(bits: int) -> tuple[str, ...]:
    """The reasons in an NVML bit mask that hold the clock back.

    >>> throttle_reasons(0x1 | 0x4 | 0x40)  # 0x1 is merely an idle GPU
    ('software power cap', 'hardware thermal slowdown')
    """
    return tuple(name for bit, name in THROTTLE_BITS.items() if bits & bit)


def _milli(value: int | None) -> float | None:
    return None if value is None else value / 1000.0


def _text(value: str | bytes | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value
