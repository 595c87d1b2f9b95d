"""The hardware axis: a device, its threads, and the highest instruction set allowed.

Written as `cpu`, `cpu:threads=1`, `cpu:isa=avx2`, `cpu:isa=avx2,threads=1`, `cuda:0`,
or `cuda:0,cuda:1` for data-parallel work. Caps act through environment variables, which
must be set before a worker loads any library, and through the worker's CPU affinity.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.text import quoted

X86 = "x86_64"
# One name per instruction set of x86, and what each library calls it. oneDNN:
# ONEDNN_MAX_CPU_ISA; MKL: MKL_ENABLE_INSTRUCTIONS; ATen: ATEN_CPU_CAPABILITY.
ISA_NAMES: dict[str, tuple[str, str, str]] = {
    "avx2": ("AVX2", "AVX2", "avx2"),
    "avx512": ("AVX512_CORE", "AVX512", "avx512"),
    "avx512_vnni": ("AVX512_CORE_VNNI", "AVX512_E1", "avx512"),
    "avx512_bf16": ("AVX512_CORE_BF16", "AVX512_E3", "avx512"),
    "amx": ("AVX512_CORE_AMX", "AVX512_E4", "avx512"),
}
# glibc gives large blocks back to the kernel when they are freed, and takes them anew
# in the next step, page by page: half the time of a batch of large activations, and of
# single ones more or less from process to process, as the heap happens to lie. So
# workers keep what they freed, in huge pages where the kernel has them (GNU C Library
# manual, "Memory Allocation Tunables").
ALLOCATOR = {
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),  # bytes: never
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),  # the most that glibc takes
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# A case's id says these; ALLOCATOR alone may be passed in another way.
SET_BY_HARDWARE = (
    *THREAD_VARIABLES,
    *("ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "ATEN_CPU_CAPABILITY"),
    # Other names of the same: oneDNN reads its variables under both prefixes, OpenBLAS
    # under that of its ancestor; MKL's domains go before its own number.
    *("DNNL_MAX_CPU_ISA", "GOTO_NUM_THREADS", "MKL_DOMAIN_NUM_THREADS"),
    *("CUDA_DEVICE_ORDER", "NVIDIA_TF32_OVERRIDE"),
)
_CAPS = {"threads", "isa"}
_CUDA = "cuda:(0|[1-9][0-9]{0,5})"
_THREADS = "[1-9][0-9]{0,5}"
_EXPECTED = (
    "'cpu', 'cpu:threads=N', 'cpu:isa=" + "|".join(ISA_NAMES) + "', 'cuda:N' or "
    "'cuda:N,cuda:M'"
)


@dataclass(frozen=True)
class Machine:
    """What this machine offers to the hardware axis."""

    cpus: tuple[int, ...]  # those that this process may run on
    isas: tuple[str, ...]
    cuda_devices: int
    cuda_reason: str | None = None  # why there are none
    threads: int | None = None  # of a case that asks for no number; None: on every CPU
    architecture: str = X86  # as `platform.machine` names it


@dataclass(frozen=True)
class Hardware:
    """A parsed point on the hardware axis. `threads` None means the machine's own
    number: see `Machine.threads`."""

    text: str
    devices: tuple[str, ...]
    threads: int | None = None
    isa: str | None = None

    @classmethod
    def parse(cls, text: str) -> Hardware:
        """ValueError names the bad text and what is known."""
        if re.fullmatch(f"{_CUDA}(,{_CUDA})*", text):
            devices = tuple(text.split(","))
            if len(set(devices)) < len(devices):
                raise ValueError(f"hardware {quoted(text)} names a device twice")
            return cls(text, devices)
        kind, colon, caps_text = text.partition(":")
        pairs = [part.partition("=")[::2] for part in caps_text.split(",") if colon]
        caps = dict(pairs)
        malformed = kind != "cpu" or len(caps) < len(pairs) or caps.keys() - _CAPS
        threads, isa = caps.get("threads"), caps.get("isa")
        if malformed or (isa is not None and isa not in ISA_NAMES):
            raise ValueError(f"unknown hardware {quoted(text)}: expected {_EXPECTED}")
        if list(caps) != sorted(caps):  # one spelling, or one machine has two ids
            raise ValueError(f"hardware {quoted(text)}: write isa before threads")
        if threads is not None and not re.fullmatch(_THREADS, threads):
            raise ValueError(
                f"hardware {quoted(text)}: threads={quoted(threads)} is not a whole "
                "number from 1 to 999999"
            )
        return cls(text, ("cpu",), int(threads) if threads else None, isa)

    @property
    def is_cuda(self) -> bool:
        return self.devices[0].startswith("cuda")

    @property
    def ordinals(self) -> list[int]:
        """CUDA's numbers of the devices."""
        return [int(device.removeprefix("cuda:")) for device in self.devices]

    def missing_on(self, machine: Machine) -> str | None:
        """Why this machine cannot provide it, or None."""
        if self.is_cuda and max(self.ordinals) >= machine.cuda_devices:
            why = f" ({machine.cuda_reason})" if machine.cuda_reason else ""
            return (
                f"{self.text}: this machine has {machine.cuda_devices} CUDA "
                f"devices{why}; use --hardware cpu, or a device below that number"
            )
        if self.threads is not None and self.threads > len(machine.cpus):
            return (
                f"{self.text}: only {len(machine.cpus)} CPUs may be used here; ask for "
                f"at most cpu:threads={len(machine.cpus)}"
            )
        if self.isa is not None and machine.architecture != X86:
            return (
                f"{self.text}: caps on instruction sets are x86's, and this machine is "
                f"{machine.architecture}; use --hardware={self._without_isa()}"
            )
        if self.isa is not None and self.isa not in machine.isas:
            have = ", ".join(machine.isas) or "none of the known sets"
            return f"{self.text}: this CPU lacks {self.isa}; it has {have}"
        return None

    def _without_isa(self) -> str:
        return "cpu" if self.threads is None else f"cpu:threads={self.threads}"

    def environment(self, machine: Machine) -> dict[str, str]:
        """Variables to set before the worker loads any library."""
        threads = str(self.threads_on(machine))
        variables = dict.fromkeys(THREAD_VARIABLES, threads) | ALLOCATOR
        if self.isa is not None:
            onednn, mkl, aten = ISA_NAMES[self.isa]
            variables["ONEDNN_MAX_CPU_ISA"] = onednn
            variables["MKL_ENABLE_INSTRUCTIONS"] = mkl
            variables["ATEN_CPU_CAPABILITY"] = aten
        if self.is_cuda:
            variables["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # the order NVML uses
            variables["NVIDIA_TF32_OVERRIDE"] = "0"  # else cuDNN's fp32 is tf32
        return variables

    def threads_on(self, machine: Machine) -> int:
        """The threads of each library, on this machine."""
        return self.threads or machine.threads or len(machine.cpus)

    def affinity(self, machine: Machine) -> tuple[int, ...]:
        """CPUs that the worker and its helpers may use, as many as threads: a cap is
        one on the whole machine, else data readers would run on cores that a smaller
        machine does not have. `cpu` is `cpu:threads=N` of the machine's own N; where
        cores have siblings these stay free, for the parent and for others, and a case
        that is to use them asks for more threads."""
        return machine.cpus[: self.threads_on(machine)]


def parse_all(texts: Sequence[str], machine: Machine) -> list[Hardware]:
    """Every requested hardware, or ValueError for the first that is unknown or not
    here: what the user asked for by name is never skipped in silence."""
    hardware = [Hardware.parse(text) for text in dict.fromkeys(texts)]
    for one in hardware:
        if reason := one.missing_on(machine):
            raise ValueError(reason)
    return hardware
