import os
import sys
from types import SimpleNamespace

import pytest

from harness.hardware import Hardware
from harness.measure import sensing as sensing_module
from harness.measure import watch
from harness.measure.sensing import (
    BRIDGE,
    ENERGY,
    GPU,
    MACHINE,
    NOISE,
    PARTS,
    TREE,
    parts_of,
    sensing,
)
from harness.measure.watch import Instruments
from harness.observe.host_speed import HostSpeed
from harness.observe.yardstick import Reading


@pytest.fixture
def made(monkeypatch):
    """The sensors, rate and noise readings of what was begun."""
    found = SimpleNamespace(sensors=None, rate_hz=None, stopped=0, snapshots=0)

    class Sampler:
        def __init__(self, worker_pid, rate_hz, sensors):
            found.sensors, found.rate_hz = sensors, rate_hz

        def start(self):
            pass

        def stop(self):
            found.stopped += 1

    take_really = watch.noise.take

    def take(tree):
        found.snapshots += 1
        return take_really(tree)

    monkeypatch.setattr(sensing_module, "Sampler", Sampler)
    monkeypatch.setattr(watch.noise, "take", take)
    return found


class Gpus:
    """An NVML of one GPU that counts how often it is read."""

    def __init__(self):
        self.reads, self.closed = 0, 0

    def read(self):
        self.reads += 1
        return ("a reading",)

    def gpus(self):
        return ()

    def close(self):
        self.closed += 1


def begin(*parts, nvml=None):
    return sensing(os.getpid(), parts, nvml, rate_hz=8.0)


def test_bare_blocks_have_nothing_beside_them(made):
    now = begin("bare")
    now.on_segment()
    now.close()
    assert (made.sensors, made.snapshots, made.stopped) == (None, 0, 0)


def test_each_sampled_part_reads_its_own_sensor_alone(made):
    begin(TREE)
    assert made.sensors.worker() is not None
    assert made.sensors.machine().total_s == 0
    begin(MACHINE)
    assert made.sensors.worker() is None
    assert made.sensors.machine().total_s > 0
    assert (made.sensors.gpus(), made.rate_hz) == ((), 8.0)


def test_the_gpu_is_read_for_its_own_part_and_closed_with_it(made):
    nvml = Gpus()
    now = begin(GPU, nvml=nvml)
    assert made.sensors.gpus() == ("a reading",)
    now.close()
    assert (nvml.reads, nvml.closed, made.stopped) == (1, 1, 1)
    begin(TREE, nvml=nvml)
    assert made.sensors.gpus() == ()


def test_energy_is_read_with_every_sample(made, monkeypatch):
    reads = []
    meter = SimpleNamespace(joules=lambda: reads.append(1))
    monkeypatch.setattr(sensing_module, "EnergyMeter", lambda nvml: meter)
    begin(ENERGY)
    made.sensors.gpus()
    begin(TREE)
    made.sensors.gpus()
    assert len(reads) == 1


class Stick:
    """A yardstick that counts how often it is read."""

    def __init__(self):
        self.reads = 0

    def read(self):
        self.reads += 1
        return Reading(float(self.reads), 1e9, 1e10, 0.01)


def test_the_noise_of_a_segment_is_read_as_a_run_reads_it(made, monkeypatch):
    """Counters twice, and the yardstick: by no sampler, while the worker waits."""
    of_a_run, of_a_block = Stick(), Stick()
    monkeypatch.setattr(Instruments, "host_of", lambda *_: HostSpeed(of_a_run))
    one = watch.Watch(os.getpid(), Hardware.parse("cpu"), Instruments({"cpu": None}))
    one.enter("timed")
    before = made.snapshots, of_a_run.reads
    one.segment(1)
    a_run = made.snapshots - before[0], of_a_run.reads - before[1]
    one.close()
    now = sensing(os.getpid(), [NOISE], None, 8.0, HostSpeed(of_a_block))
    before = made.snapshots, of_a_block.reads
    now.on_segment()
    assert (made.snapshots - before[0], of_a_block.reads - before[1]) == a_run == (2, 1)
    now.beside()
    assert of_a_block.reads - before[1] == 1


def test_noise_needs_no_sampler(made):
    begin(NOISE).on_segment()
    assert made.sensors is None


def test_all_sensors_are_at_work_together(made):
    now = begin(*PARTS)
    before = made.snapshots
    now.on_segment()
    assert made.snapshots == before + 2
    assert made.sensors.worker() is not None
    assert made.sensors.machine().total_s > 0


def test_the_progress_line_leaves_the_terminal_as_it_was(made):
    before = sys.stdout
    now = begin(BRIDGE)
    now.beside()
    now.beside()
    now.close()
    assert sys.stdout is before
    assert made.sensors is None


@pytest.mark.parametrize(("source", "energy"), [("none", []), ("rapl", [ENERGY])])
def test_only_the_parts_that_are_here_are_measured(monkeypatch, source, energy):
    meter = SimpleNamespace(source=source)
    monkeypatch.setattr(sensing_module, "EnergyMeter", lambda nvml: meter)
    here = parts_of(Hardware.parse("cpu"), Instruments())
    assert here == [TREE, MACHINE, NOISE, *energy, BRIDGE]
    monkeypatch.setattr(Instruments, "gpus_of", lambda *_: Gpus())
    assert GPU in parts_of(Hardware.parse("cuda:0"), Instruments())
