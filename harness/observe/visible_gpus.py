"""Which of NVML's devices CUDA offers, and in which order, under CUDA_VISIBLE_DEVICES.

CUDA numbers what the variable lists: GPUs by index, or by "GPU-" and the start of a
UUID; instances of a GPU (MIG) by "MIG-" and a UUID, or as older drivers write them by
"MIG-GPU-<UUID of the GPU>/<instance>/<compute instance>". The list ends at the first
entry that names no device (CUDA C++ Programming Guide, "CUDA Environment Variables").
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.observe.gpu import Nvml

VARIABLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Visible:
    """CUDA's devices in its order, each as NVML's `find` knows it; and why a list that
    the variable holds ends early."""

    devices: tuple[str, ...]
    reason: str | None = None


def visible_gpus(nvml: Nvml, environment: Mapping[str, str] = os.environ) -> Visible:
    """What CUDA will offer to a process with this environment."""
    listed = environment.get(VARIABLE)
    if listed is None:
        return Visible(tuple(str(gpu.index) for gpu in nvml.gpus()), nvml.reason)
    devices: list[str] = []
    for name in (part.strip() for part in listed.split(",")):
        if nvml.find(name) is None:
            count = len(nvml.gpus())
            reason = nvml.reason or f"{_entry(name, listed)} none of {count} GPUs"
            return Visible(tuple(devices), reason)
        devices.append(name)
        if name.startswith("MIG-"):  # CUDA offers one instance to a process, no more
            return Visible(tuple(devices))
    return Visible(tuple(devices))


def _entry(name: str, listed: str) -> str:
    return f"{name!r} of {VARIABLE}={listed!r} names"


def watched(
    ordinals: Sequence[int], nvml: Nvml, environment: Mapping[str, str] = os.environ
) -> Nvml:
    """NVML narrowed to these of CUDA's devices, with the reason where one is not
    known to it."""
    visible = visible_gpus(nvml, environment)
    known = [visible.devices[n] for n in ordinals if n < len(visible.devices)]
    nvml.narrow(known)
    if len(known) < len(ordinals):
        nvml.reason = (
            f"{len(ordinals) - len(known)} of {len(ordinals)} CUDA devices not seen: "
            + (visible.reason or f"{VARIABLE} lists {len(visible.devices)}")
        )
    return nvml
