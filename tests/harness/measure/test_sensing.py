import os
import sys
from types import SimpleNamespace

import pytest

from harness.hardware import Hardware
from harness.measure import sensing as sensing_module
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

    def take(tree):
        found.snapshots += 1

    monkeypatch.setattr(sensing_module, "Sampler", Sampler)
    monkeypatch.setattr(sensing_module.noise, "take", take)
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


def test_noise_is_read_at_every_segment_and_by_no_sampler(made):
    now = begin(NOISE)
    now.on_segment()
    now.on_segment()
    assert (made.snapshots, made.sensors) == (2, None)


def test_all_sensors_are_at_work_together(made):
    now = begin(*PARTS)
    now.on_segment()
    assert made.snapshots == 1
    assert made.sensors.worker() is not None
    assert made.sensors.machine().total_s > 0


def test_the_progress_line_leaves_the_terminal_as_it_was(made):
    before = sys.stdout
    now = begin(BRIDGE)
    now.on_segment()
    now.on_segment()
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
