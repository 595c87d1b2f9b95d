import builtins
import importlib

import pytest

from harness.observe.gpu import GpuInfo, GpuProcess, GpuReading, Nvml


def test_a_gpu_is_described_in_si_units(fake_nvml):
    nvml = Nvml(library=fake_nvml())
    assert nvml.driver == "580.1"
    assert nvml.gpus() == (GpuInfo(0, "Card 0", 80_000, 700.0, 1980, True),)
    assert nvml.reason is None


def test_a_reading_holds_power_in_watts_and_energy_in_joules(fake_nvml):
    reading = Nvml(library=fake_nvml()).read()
    assert reading == (GpuReading(0, 87.0, 20_000, 312.5, 5.0, 1500, ()),)


def test_only_chosen_gpus_are_read(fake_nvml):
    nvml = Nvml(library=fake_nvml(gpus=3))
    nvml.narrow(["1"])
    assert [reading.index for reading in nvml.read()] == [1]


@pytest.mark.parametrize(
    ("function", "field"),
    [
        ("nvmlDeviceGetUtilizationRates", "utilization_percent"),
        ("nvmlDeviceGetMemoryInfo", "memory_used_bytes"),
        ("nvmlDeviceGetPowerUsage", "power_w"),
        ("nvmlDeviceGetTotalEnergyConsumption", "energy_j"),
        ("nvmlDeviceGetClockInfo", "sm_clock_mhz"),
        ("nvmlDeviceGetCurrentClocksThrottleReasons", "throttle_reasons"),
    ],
)
def test_what_a_gpu_cannot_answer_is_none(fake_nvml, function, field):
    (whole,) = Nvml(library=fake_nvml()).read()
    (reading,) = Nvml(library=fake_nvml(broken=(function,))).read()
    lost = [name for name in vars(whole) if vars(whole)[name] != vars(reading)[name]]
    assert lost == [field]
    assert getattr(reading, field) is None


def test_throttling_is_named(fake_nvml):
    library = fake_nvml()
    library.throttle_bits = 0x20 | 0x1
    (reading,) = Nvml(library=library).read()
    assert reading.throttle_reasons == ("software thermal slowdown",)


def test_processes_are_listed_or_unknown(fake_nvml):
    assert Nvml(library=fake_nvml()).processes(0) == (GpuProcess(42, 1_000),)
    hidden = fake_nvml(broken=("nvmlDeviceGetComputeRunningProcesses",))
    assert Nvml(library=hidden).processes(0) is None


def test_no_driver_is_a_reason_and_no_error(fake_nvml):
    nvml = Nvml(library=fake_nvml(broken=("nvmlInit",)))
    assert (nvml.read(), nvml.reason) == ((), "no GPU seen: Not Supported")


def test_no_module_is_a_reason_and_no_error(monkeypatch):
    def refuse(name):
        raise builtins.ImportError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    nvml = Nvml()
    assert nvml.gpus() == ()
    assert "pynvml (nvidia-ml-py) is absent" in nvml.reason


def test_a_closed_session_reads_nothing(fake_nvml):
    library = fake_nvml()
    nvml = Nvml(library=library)
    nvml.close()
    assert library.is_shut_down
    assert nvml.read() == ()
