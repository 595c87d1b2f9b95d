"""Parts of the measuring, each at work alone or together, to be measured themselves."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from rich.console import Console

from harness.bridges.progress import Display
from harness.case import Case
from harness.hardware import Hardware
from harness.measure.follow import Progressing
from harness.measure.watch import SAMPLE_RATE_HZ, Instruments, Segments
from harness.observe.cpu import (
    CHILDREN_REFRESH_S,
    MachineTimes,
    ProcessTree,
    machine_times,
)
from harness.observe.energy import EnergyMeter
from harness.observe.gpu import GpuReading, Nvml
from harness.observe.host_speed import HostSpeed
from harness.observe.sampler import Sampler, Sensors
from harness.plan import Planned
from harness.workload import Context, Operation, Workload

TREE, MACHINE, NOISE = "cpu and memory of the worker", "cpu of the machine", "noise"
GPU, ENERGY, BRIDGE = "gpu", "energy", "pytest bridge's progress line"
PARTS = (TREE, MACHINE, NOISE, GPU, ENERGY)  # all sensors
SAMPLED = {TREE, MACHINE, GPU, ENERGY}
TERMINAL_COLUMNS = 120


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Sensing:
    """What the parent does beside a block; by default nothing."""

    on_segment: Callable[[], object] = _nothing  # while the worker waits
    close: Callable[[], object] = _nothing
    beside: Callable[[], object] = _nothing  # at a segment, while the worker goes on


def parts_of(hardware: Hardware, instruments: Instruments) -> list[str]:
    """The parts that this machine has for this hardware."""
    nvml = instruments.gpus_of(hardware)
    counted = EnergyMeter(nvml).source != "none"
    if nvml is not None:
        nvml.close()
    gpu = [GPU] if nvml is not None else []
    return [TREE, MACHINE, NOISE, *gpu, *([ENERGY] if counted else []), BRIDGE]


def sensing(
    worker_pid: int,
    parts: Sequence[str],
    nvml: Nvml | None,
    rate_hz: float,
    host: HostSpeed | None = None,
) -> Sensing:
    """These parts at work on a worker, the sampled ones at this rate; names that are no
    part do nothing. `host` is the yardstick that a run reads with the noise.

    Energy is read with every sample, where a run reads it twice a minute and between
    stages.
    """
    on_segment: Callable[[], object] = _nothing
    beside: Callable[[], object] = _nothing
    closing: list[Callable[[], object]] = []
    if NOISE in parts:
        segments = Segments(ProcessTree(worker_pid), host)
        segments.begin()
        on_segment = partial(segments.add, 1)
    if BRIDGE in parts:
        beside, pause = _progress_line()
        closing.append(pause)
    if SAMPLED & set(parts):
        sensors = _sensors(worker_pid, parts, nvml, rate_hz)
        sampler = Sampler(worker_pid, rate_hz, sensors)
        sampler.start()
        closing.append(sampler.stop)
    if nvml is not None:
        closing.append(nvml.close)
    return Sensing(on_segment, lambda: [end() for end in closing], beside)


def _sensors(
    worker_pid: int, parts: Sequence[str], nvml: Nvml | None, rate_hz: float
) -> Sensors:
    refresh_s = CHILDREN_REFRESH_S * SAMPLE_RATE_HZ / rate_hz
    tree, meter = ProcessTree(worker_pid, refresh_s), EnergyMeter(nvml)

    def gpus() -> tuple[GpuReading, ...]:
        if ENERGY in parts:
            meter.joules()
        return nvml.read() if nvml is not None and GPU in parts else ()

    return Sensors(
        worker=tree.read if TREE in parts else lambda: None,
        machine=machine_times if MACHINE in parts else lambda: MachineTimes(0, 0, 0),
        gpus=gpus,
    )


def _progress_line() -> tuple[Callable[[], object], Callable[[], object]]:
    """A terminal's line that is drawn anew, as a training's is at each epoch; and what
    takes it away."""
    console = Console(
        file=io.StringIO(), force_terminal=True, width=TERMINAL_COLUMNS, height=40
    )
    display, workload = Display(console), Workload("none", "train", "", _never, {})
    planned = Planned(workload, Case("none", "a", "fp32", "eager", "cpu", 1), 1.0)
    display.begin([planned])
    listen = display.listener(planned)
    draw = Progressing("timed", "epoch 1: cer 0.5", 1, 2)
    return lambda: listen(draw), display.pause


def _never(context: Context) -> Operation:
    raise AssertionError("nothing of this workload is run")
