import os

import pytest

from harness.hardware import Hardware
from harness.measure import watch
from harness.measure.watch import Instruments, Watch


@pytest.fixture
def energy_of(monkeypatch):
    """What is told of the energy of a case, given the counters there are."""

    def told(hardware, source, reason):
        class Meter:
            """Reads 2 J more each time."""

            def __init__(self, nvml):
                self.source, self.reason = source, reason
                self._joules = 0.0

            def joules(self):
                self._joules += 2.0
                return self._joules

        monkeypatch.setattr(watch, "EnergyMeter", Meter)
        monkeypatch.setattr(Instruments, "gpus_of", lambda *_: None)
        instruments = Instruments({hardware: 3.0})
        watching = Watch(os.getpid(), Hardware.parse(hardware), instruments)
        watching.enter("timed")
        watching.enter("done")
        return watching.close().energy

    return told


@pytest.mark.parametrize(
    ("hardware", "source"),
    [("cpu", "rapl"), ("cuda:0", "nvml"), ("cuda:0", "rapl+nvml")],
)
def test_energy_is_of_the_counters_that_hold_the_device(energy_of, hardware, source):
    energy = energy_of(hardware, source, None)
    assert energy["joules"] >= 2.0
    assert (energy["source"], energy["reason"]) == (source, None)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("no counter on [0]", "no energy counter of every GPU; no counter on [0]"),
        (None, "no energy counter of every GPU"),
    ],
)
def test_the_processors_joules_are_not_passed_off_as_a_gpus(energy_of, missing, reason):
    energy = energy_of("cuda:0", "rapl", missing)
    assert (energy["joules"], energy["source"]) == (None, "none")
    assert energy["reason"] == reason
