"""A look at the machine as it is now, before anything is measured."""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness.environment import steering
from harness.observe.cgroups import memory_available_bytes
from harness.observe.cpu import machine_percent, machine_times, steal_percent
from harness.observe.energy import rapl_domains
from harness.observe.gpu import Nvml
from harness.observe.host_speed import HostNow, HostSpeed
from harness.observe.noise import throttle_events


@dataclass(frozen=True)
class Look:
    """This moment's readings; None where the machine does not show them."""

    busy_percent: float | None
    steal_percent: float | None
    memory_available_bytes: int
    swap_used_bytes: int
    disk_free_bytes: int | None
    throttle_events: int | None
    rapl_reason: str | None
    gpu_throttle_reasons: Mapping[int, tuple[str, ...]]
    steering_variables: tuple[str, ...] = ()  # set, and inherited by no worker
    host: HostNow | None = None


def look(
    results: Path,
    seconds: float = 2.0,
    nvml: Nvml | None = None,
    sleep: Callable[[float], None] = time.sleep,
    speed: HostSpeed | None = None,
) -> Look:
    """Watches the machine for `seconds`, which should be quiet ones."""
    before = machine_times()
    sleep(seconds)
    after = machine_times()
    readings = nvml.read() if nvml else ()
    return Look(
        busy_percent=machine_percent(before, after),
        steal_percent=steal_percent(before, after),
        memory_available_bytes=memory_available_bytes(),
        swap_used_bytes=psutil.swap_memory().used,
        disk_free_bytes=_disk_free_bytes(results),
        throttle_events=throttle_events(),
        rapl_reason=rapl_domains()[1],
        gpu_throttle_reasons={
            reading.index: reading.throttle_reasons
            for reading in readings
            if reading.throttle_reasons is not None
        },
        steering_variables=tuple(steering()),
        host=speed.now(sleep=sleep) if speed else None,
    )


def _disk_free_bytes(folder: Path) -> int | None:
    """Free space where `folder` is or would be made."""
    places = (folder.absolute(), *folder.absolute().parents)
    existing = next((place for place in places if place.exists()), None)
    return shutil.disk_usage(existing).free if existing else None
