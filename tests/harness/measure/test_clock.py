import sys
from types import SimpleNamespace

import pytest

from harness.measure import clock
from harness.measure.clock import CudaTimer, HostTimer, timer_for


@pytest.fixture
def nanoseconds(monkeypatch):
    """What the host's clock says, reading by reading."""
    readings = []
    monkeypatch.setattr(clock, "perf_counter_ns", lambda: readings.pop(0))
    return readings


@pytest.fixture
def cuda(monkeypatch):
    """A torch whose GPU takes 2.5 ms between any two events; what it was told."""
    stated = []

    class Event:
        def __init__(self, enable_timing):
            assert enable_timing

        def record(self):
            stated.append("record")

        def synchronize(self):
            stated.append("wait for the event")

        def elapsed_time(self, end):
            return 2.5

    fake = SimpleNamespace(
        device=lambda name: name,
        cuda=SimpleNamespace(
            Event=Event,
            set_device=lambda device: stated.append(f"use {device}"),
            synchronize=lambda device: stated.append(f"synchronize {device}"),
        ),
    )
    monkeypatch.setitem(sys.modules, "torch", fake)
    return stated


def test_the_host_times_a_step_from_its_call_to_its_return(nanoseconds):
    nanoseconds += [1_000, 501_000]
    left = []
    seconds = HostTimer().time_s(lambda: left.append(len(nanoseconds)))
    assert seconds == 0.0005
    assert left == [1]  # one reading came before the step, one after it


def test_the_hosts_clock_tells_seconds(nanoseconds):
    nanoseconds.append(2_500_000_000)
    assert HostTimer().now_s() == 2.5


def test_a_gpu_is_idle_before_a_step_and_its_own_events_time_it(cuda):
    timer = CudaTimer("cuda:1")
    cuda.clear()
    assert timer.time_s(lambda: cuda.append("step")) == 0.0025
    assert cuda == [
        "synchronize cuda:1",
        "record",
        "step",
        "record",
        "wait for the event",
    ]


def test_a_gpus_work_is_done_before_the_clock_is_read(cuda, nanoseconds):
    nanoseconds.append(3_000_000_000)
    assert CudaTimer("cuda:0").now_s() == 3.0
    assert cuda == ["use cuda:0", "synchronize cuda:0"]


@pytest.mark.parametrize(
    ("device", "kind"), [("cpu", HostTimer), ("cuda:0", CudaTimer)]
)
def test_each_device_has_its_timer(device, kind, cuda):
    assert isinstance(timer_for(device), kind)
