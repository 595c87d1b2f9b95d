"""Watches a worker from outside: a timeline and a summary per stage.

The parent's thread reads a few counters some five times a second, never from inside
the timed process. It knows its own cost: its thread's processor time.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.observe.cpu import (
    MachineTimes,
    ProcessTree,
    ProcessTrees,
    TreeUsage,
    machine_percent,
    machine_times,
)
from harness.observe.energy import EnergyMeter
from harness.observe.gpu import GpuReading, Nvml
from harness.observe.timeline import (
    Sample,
    StageSummary,
    Utilization,
    gpu_summaries,
)
from harness.observe.timeline import thin as thin

HIGHEST_RATE_HZ = 10.0  # more would itself be a disturbance worth measuring
ENERGY_EVERY_S = 30.0  # a RAPL counter must be read before it wraps around twice


@dataclass(frozen=True)
class Sensors:
    """Where readings come from; each field is called once a sample.

    `worker` returns None once the worker is gone; `joules` is cumulative.
    """

    worker: Callable[[], TreeUsage | None]
    machine: Callable[[], MachineTimes] = machine_times
    gpus: Callable[[], tuple[GpuReading, ...]] = tuple
    joules: Callable[[], float | None] = lambda: None


def real_sensors(
    worker: ProcessTree | ProcessTrees,
    nvml: Nvml | None = None,
    meter: EnergyMeter | None = None,
) -> Sensors:
    """This machine's sensors; without `nvml` or `meter`, no GPUs or no joules."""
    return Sensors(
        worker=worker.read,
        gpus=nvml.read if nvml else tuple,
        joules=meter.joules if meter else lambda: None,
    )


@dataclass(frozen=True)
class Clocks:
    """The times a sampler lives by, and its wait, which tells whether to stop."""

    wall_s: Callable[[], float] = time.perf_counter
    thread_s: Callable[[], float] = time.thread_time
    wait: Callable[[threading.Event, float], bool] = threading.Event.wait


@dataclass(frozen=True)
class _Reading:
    t_s: float
    worker: TreeUsage | None
    machine: MachineTimes
    joules: float | None


@dataclass
class _OpenStage:
    name: str
    start: _Reading
    last_worker: TreeUsage | None
    samples: list[Sample] = field(default_factory=list)


class Sampler:
    """Samples from `start()` to `stop()`; `mark(stage)` opens the next stage.

    `mark` reads the counters at once, in the caller's thread, so that no stage borrows
    from its neighbour; timeline points come from the sampler's thread alone.
    """

    def __init__(
        self,
        worker_pid: int,
        rate_hz: float = 5.0,
        sensors: Sensors | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        if not 0 < rate_hz <= HIGHEST_RATE_HZ:
            raise ValueError(
                f"rate_hz is {rate_hz:g}: choose above 0 and up to {HIGHEST_RATE_HZ:g}"
            )
        self._period_s = 1.0 / rate_hz
        self._sensors = sensors or real_sensors(ProcessTree(worker_pid))
        self._clocks = clocks or Clocks()
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        self._cost_s = 0.0
        self._timeline: list[Sample] = []
        self._stages: list[StageSummary] = []
        self._start_s = self._energy_read_s = self._clocks.wall_s()
        self._previous = self._read(joules=True)
        self._stage = _OpenStage("start", self._previous, self._previous.worker)

    def start(self) -> None:
        """Begins to sample in a thread; time counts from the sampler's creation."""
        assert self._thread is None, "a sampler starts once"
        self._thread = threading.Thread(target=self.run, name="sampler", daemon=True)
        self._thread.start()

    def mark(self, stage: str) -> None:
        """Ends the current stage here and opens `stage`; callable from any thread."""
        began_s = self._clocks.thread_s()
        with self._lock:
            now = self._read(joules=True)
            self._stages.append(_summary(self._stage, now))
            known = now.worker or self._stage.last_worker
            self._stage = _OpenStage(stage, now, known)
            self._cost_s += self._clocks.thread_s() - began_s

    def stop(self) -> Utilization:
        """Ends the thread and the last stage; the result is final."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            end = self._read(joules=True)
            self._stages.append(_summary(self._stage, end))
            return Utilization(
                seconds=end.t_s,
                sampler_hz=_ratio(len(self._timeline), end.t_s),
                sampler_cost_percent=100.0 * _ratio(self._cost_s, end.t_s),
                timeline=tuple(self._timeline),
                stages=tuple(self._stages),
            )

    def run(self) -> None:
        """The thread's body: one sample a period until `stop()`."""
        began_s = self._clocks.thread_s()
        due_s = self._clocks.wall_s() + self._period_s
        while not self._wait_until(due_s):
            self._sample()
            # After a stall, go on from now: a burst of samples would hold no news.
            due_s = max(due_s + self._period_s, self._clocks.wall_s())
        with self._lock:
            self._cost_s += self._clocks.thread_s() - began_s

    def _wait_until(self, due_s: float) -> bool:
        return self._clocks.wait(self._done, max(0.0, due_s - self._clocks.wall_s()))

    def _sample(self) -> None:
        with self._lock:
            before, now = self._previous, self._read(joules=self._energy_is_due())
            sample = Sample(
                t_s=now.t_s,
                stage=self._stage.name,
                worker_cpu_percent=_worker_percent(before, now, now.worker),
                machine_cpu_percent=machine_percent(before.machine, now.machine),
                rss_bytes=now.worker.rss_bytes if now.worker else None,
                gpus=self._sensors.gpus(),
            )
            self._timeline.append(sample)
            self._stage.samples.append(sample)
            self._stage.last_worker = now.worker or self._stage.last_worker
            self._previous = now

    def _energy_is_due(self) -> bool:
        return self._clocks.wall_s() - self._energy_read_s >= ENERGY_EVERY_S

    def _read(self, joules: bool) -> _Reading:
        now_s = self._clocks.wall_s()
        if joules:
            self._energy_read_s = now_s
        return _Reading(
            t_s=now_s - self._start_s,
            worker=self._sensors.worker(),
            machine=self._sensors.machine(),
            joules=self._sensors.joules() if joules else None,
        )


def _worker_percent(
    before: _Reading, after: _Reading, worker: TreeUsage | None
) -> float | None:
    seconds = after.t_s - before.t_s
    if before.worker is None or worker is None or seconds <= 0:
        return None
    return 100.0 * (worker.cpu_s - before.worker.cpu_s) / seconds


def _summary(stage: _OpenStage, end: _Reading) -> StageSummary:
    start, samples = stage.start, stage.samples
    known = [usage for usage in (start.worker, end.worker) if usage]
    seen = [usage.rss_bytes for usage in known]
    seen += [sample.rss_bytes for sample in samples if sample.rss_bytes is not None]
    joules = None
    if start.joules is not None and end.joules is not None:
        joules = end.joules - start.joules
    return StageSummary(
        stage=stage.name,
        start_s=start.t_s,
        seconds=end.t_s - start.t_s,
        samples=len(samples),
        worker_cpu_percent=_worker_percent(start, end, end.worker or stage.last_worker),
        machine_cpu_percent=machine_percent(start.machine, end.machine),
        sampled_peak_rss_bytes=max(seen, default=None),
        joules=joules,
        gpus=gpu_summaries(samples),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
