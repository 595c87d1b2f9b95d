"""All sensors on one worker, read from outside, attributed to its stages."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

from harness.hardware import Hardware
from harness.observe import limits, noise
from harness.observe.cpu import ProcessTree, ProcessTrees, allowed_to_any
from harness.observe.energy import EnergyMeter
from harness.observe.gpu import Nvml
from harness.observe.host_speed import HostShare, HostSpeed, yardstick_cpus
from harness.observe.limits import FROM_OUTSIDE, HOST, NoiseWarning
from harness.observe.noise import Noise, Snapshot
from harness.observe.sampler import Sampler, Utilization, real_sensors, thin
from harness.observe.threads import (
    Crowd,
    ThreadTimes,
    crowd,
    thread_times,
)
from harness.observe.visible_gpus import watched

SAMPLE_RATE_HZ = 2.0  # costs 0.1 % of a core, a timeline of 25 s has 50 points
TIMELINE_POINTS = 600  # in a record: two minutes at full rate, thinned beyond
IDLE_S = 3.0


@dataclass
class Instruments:
    """The machine's sensors, and what they read while nothing runs."""

    _idle_watts: dict[str, float | None] = field(default_factory=dict)
    cache: Path | None = None  # where the best of the host is kept
    _hosts: dict[tuple[int, ...], HostSpeed] = field(default_factory=dict)

    def host_of(self, cpus: Collection[int]) -> HostSpeed | None:
        """The yardstick of these CPUs, one for a whole run; None without CPUs."""
        key = yardstick_cpus(cpus)
        if key and key not in self._hosts:
            self._hosts[key] = HostSpeed.of_this_machine(key, self.cache)
        return self._hosts.get(key)

    def gpus_of(self, hardware: Hardware) -> Nvml | None:
        """The GPUs of a case alone; a case on the CPU watches none."""
        return watched(hardware.ordinals, Nvml()) if hardware.is_cuda else None

    def idle_watts(self, hardware: Hardware) -> float | None:
        """Power at rest of what a case's joules hold; measured once, before a worker
        of that hardware starts."""
        if hardware.text not in self._idle_watts:
            meter = EnergyMeter(self.gpus_of(hardware))
            watts = meter.idle_watts(IDLE_S) if meter.source != "none" else None
            self._idle_watts[hardware.text] = watts
        return self._idle_watts[hardware.text]


@dataclass(frozen=True)
class SegmentNoise:
    """The noise of one segment of the timed stage, and the limits that it exceeded.
    `samples` is None where the stage is a single segment: a training's."""

    samples: int | None
    noise: Noise
    exceeded: tuple[NoiseWarning, ...]
    host_mostly_slow: bool = False

    @property
    def judged(self) -> bool:
        """Whether what others did could be seen: without, it is neither clean nor
        spoiled."""
        return limits.is_judged(self.noise)

    @property
    def spoiled(self) -> bool:
        """Whether something from outside disturbed it. Switches and page faults may be
        the case's own doing, as of too many threads: to draw until there are none would
        flatter it, so they only warn."""
        return any(warning.name in FROM_OUTSIDE for warning in self.exceeded)

    @property
    def asks_again(self) -> bool:
        """Whether to draw its samples again could help: not where the host gives less
        most of the time, which would double each case's time for nothing."""
        hopeless = HOST if self.host_mostly_slow else ()
        return any(
            warning.name in FROM_OUTSIDE and warning.name not in hopeless
            for warning in self.exceeded
        )


@dataclass(frozen=True)
class TimedEnergy:
    """Joules of the timed stage, by which counters, or why there are none."""

    joules: float | None
    source: str
    reason: str | None
    idle_watts: float | None


@dataclass(frozen=True)
class SensorReadings:
    """What the sensors saw of a worker; `stage` is the one in which it ended."""

    stage: str
    stage_s: dict[str, float]
    utilization: Utilization | None
    energy: TimedEnergy
    noise: tuple[SegmentNoise, ...]
    crowd: Crowd | None  # of the timed stage's threads
    last_rss_bytes: int | None


def unseen(stage: str) -> SensorReadings:
    """Of a worker that ended in this stage, and that no sensors watched by itself."""
    energy = TimedEnergy(None, "none", None, None)
    return SensorReadings(stage, {}, None, energy, (), None, None)


class Segments:
    """Judges the timed stage segment by segment, at readings for which the worker
    waits: of the yardstick, and of the machine's counters."""

    def __init__(
        self, tree: ProcessTree | ProcessTrees, host: HostSpeed | None
    ) -> None:
        self.host = host
        self.found: list[SegmentNoise] = []
        self._tree = tree
        self._reading = host.read() if host else None  # the last
        self._snapshot: Snapshot | None = None  # the last

    def begin(self) -> None:
        """The first segment begins now."""
        self._snapshot = noise.take(self._tree)

    def add(self, samples: int | None) -> SegmentNoise:
        """Attach the noise since the last reading to the samples drawn in that time."""
        assert self._snapshot is not None, "samples are drawn in the timed stage"
        found = noise.between([self._snapshot, noise.take(self._tree)])
        found = replace(found, host=self._read_host())
        means = [segment.noise.frequency_mean_mhz for segment in self.found]
        fastest_mhz = max((mhz for mhz in means if mhz is not None), default=None)
        exceeded = limits.warnings(found, fastest_mhz=fastest_mhz)
        mostly_slow = self.host is not None and self.host.is_mostly_slow
        self.found.append(SegmentNoise(samples, found, tuple(exceeded), mostly_slow))
        # Anew, for the yardstick's own work is no noise of the samples to come.
        self.begin()
        return self.found[-1]

    def _read_host(self) -> HostShare | None:
        """What the host gave since the last reading."""
        if self.host is None or self._reading is None:
            return None
        before, self._reading = self._reading, self.host.read()
        return self.host.share(before, self._reading)


class Watch:
    """Samples a worker, and those that join it, from its start to `close()`."""

    def __init__(
        self, worker_pid: int, hardware: Hardware, instruments: Instruments
    ) -> None:
        self.stage = "start"
        self._is_cuda = hardware.is_cuda
        self._idle_watts = instruments.idle_watts(hardware)
        self._nvml = instruments.gpus_of(hardware)
        self._meter = EnergyMeter(self._nvml)
        self._tree = ProcessTrees(worker_pid)
        self._sampled = ProcessTrees(worker_pid)  # by the sampler's own thread
        sensors = real_sensors(self._sampled, self._nvml, self._meter)
        self._sampler = Sampler(worker_pid, SAMPLE_RATE_HZ, sensors)
        self._instruments = instruments
        self._segments: Segments | None = None  # of the timed stage
        self._threads: tuple[float, dict[int, ThreadTimes]] | None = None
        self._crowd: Crowd | None = None
        self._seen: SensorReadings | None = None
        self._sampler.start()

    def join(self, worker_pid: int) -> None:
        """One more worker, of the same case."""
        self._tree.add(worker_pid)
        self._sampled.add(worker_pid)

    def enter(self, stage: str) -> None:
        """Read everything at the border between two stages; the worker waits."""
        if self.stage == "timed":
            self._count_threads()
            if self._segments is not None and not self._segments.found:
                self._segments.add(None)
        if stage == "timed":
            host = self._instruments.host_of(allowed_to_any(self._tree.pids))
            self._segments = Segments(self._tree, host)
            self._threads = perf_counter(), self._thread_times()
            self._segments.begin()
        self._sampler.mark(stage)
        self.stage = stage

    def segment(self, samples: int) -> bool:
        """Attach the noise since the last reading to the samples drawn in that time,
        and tell whether it asks to draw them again; the worker waits."""
        assert self._segments is not None, "samples are drawn in the timed stage"
        return self._segments.add(samples).asks_again

    def _count_threads(self) -> None:
        assert self._threads is not None
        began_s, before = self._threads
        after, seconds = self._thread_times(), perf_counter() - began_s
        cpus = len(allowed_to_any(self._tree.pids))
        if after and cpus and seconds >= limits.SHORTEST_S:
            self._crowd = crowd(before, after, seconds, cpus)

    def _thread_times(self) -> dict[int, ThreadTimes]:
        """Of all workers: no two threads of a system have one number."""
        each = (thread_times(pid) for pid in self._tree.pids)
        return {thread: times for some in each for thread, times in some.items()}

    def close(self) -> SensorReadings:
        """End the sampling; the same answer however often it is asked."""
        if self._seen is None:
            self._seen = self._end()
        return self._seen

    def _end(self) -> SensorReadings:
        seen = self._sampler.stop()
        if self._nvml is not None:
            self._nvml.close()
        segments = self._segments
        if segments is not None and segments.host is not None:
            segments.host.save()
        rss = [s.rss_bytes for s in seen.timeline if s.rss_bytes is not None]
        return SensorReadings(
            stage=self.stage,
            stage_s={stage.stage: stage.seconds for stage in seen.stages},
            utilization=replace(seen, timeline=thin(seen.timeline, TIMELINE_POINTS)),
            energy=self._energy(seen),
            noise=tuple(segments.found) if segments is not None else (),
            crowd=self._crowd,
            last_rss_bytes=rss[-1] if rss else None,
        )

    def _energy(self, seen: Utilization) -> TimedEnergy:
        timed = [stage for stage in seen.stages if stage.stage == "timed"]
        joules, reason = timed[0].joules if timed else None, self._meter.reason
        unseen = self._nvml.reason if self._nvml is not None else None
        if self._is_cuda and ("nvml" not in self._meter.source or unseen):
            joules = None
            why = ("no energy counter of every GPU", unseen, reason)
            reason = "; ".join(filter(None, why))
        source = self._meter.source if joules is not None else "none"
        return TimedEnergy(joules, source, reason, self._idle_watts)
