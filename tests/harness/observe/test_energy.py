import pytest

from harness.observe.energy import Energy, EnergyMeter, rapl_domains
from harness.observe.gpu import Nvml

POWERCAP = "sys/class/powercap"


@pytest.fixture
def package(write):
    """Writes one RAPL domain and returns its counter's file."""

    def write_domain(number=0, name="package-0", energy_uj=0, range_uj=1_000_000):
        folder = f"{POWERCAP}/intel-rapl:{number}"
        write(f"{folder}/name", f"{name}\n")
        write(f"{folder}/max_energy_range_uj", f"{range_uj}\n")
        return write(f"{folder}/energy_uj", f"{energy_uj}\n")

    return write_domain


def test_packages_are_summed(tmp_path, package):
    first = package(0, "package-0", energy_uj=100_000)
    second = package(1, "package-1", energy_uj=500_000)
    meter = EnergyMeter(root=tmp_path)
    first.write_text("350000")
    second.write_text("750000")
    assert (meter.joules(), meter.source, meter.reason) == (0.5, "rapl", None)


def test_parts_of_a_package_are_not_counted_again(tmp_path, package):
    package(0, "package-0")
    package("0:0", "core")
    package("1", "psys")
    domains, _ = rapl_domains(tmp_path)
    assert [domain.name for domain in domains] == ["package-0"]


def test_a_counter_that_wraps_around_goes_on(tmp_path, package):
    counter = package(energy_uj=900_000, range_uj=1_000_000)
    meter = EnergyMeter(root=tmp_path)
    for energy_uj in (200_000, 800_000, 100_000):
        counter.write_text(str(energy_uj))
        total_j = meter.joules()
    assert total_j == pytest.approx(0.3 + 0.6 + 0.3)


def test_a_domain_without_its_range_is_not_used(tmp_path, package):
    counter = package()
    (counter.parent / "max_energy_range_uj").unlink()
    domains, reason = rapl_domains(tmp_path)
    assert domains == ()
    assert reason.startswith("1 of 1 RAPL counters not readable: run as root")


def test_one_unreadable_package_spoils_the_sum(tmp_path, package):
    package(0, "package-0")
    package(1, "package-1").unlink()
    meter = EnergyMeter(root=tmp_path)
    assert meter.joules() is None
    assert meter.reason.startswith("1 of 2 RAPL counters not readable")


@pytest.mark.parametrize(
    ("flags", "advice"),
    [("fpu hypervisor", "this is a virtual machine"), ("fpu", "intel_rapl_msr")],
)
def test_no_powercap_folder_is_explained(tmp_path, write, flags, advice):
    write("proc/cpuinfo", f"flags\t: {flags}\n")
    assert advice in rapl_domains(tmp_path)[1]


def test_a_gpus_energy_counts_from_the_meters_creation(tmp_path, fake_nvml):
    library = fake_nvml(gpus=2)
    meter = EnergyMeter(Nvml(library=library), root=tmp_path)
    library.energy_mj = [5_500.0, 7_000.0]
    assert meter.joules() == 2.5
    assert meter.source == "nvml"
    assert "powercap" in meter.reason


def test_processor_and_gpu_are_added(tmp_path, package, fake_nvml):
    counter, library = package(), fake_nvml()
    meter = EnergyMeter(Nvml(library=library), root=tmp_path)
    counter.write_text("250000")
    library.energy_mj = [6_000.0]
    assert (meter.joules(), meter.source) == (1.25, "rapl+nvml")


def test_a_gpu_without_a_counter_is_named(tmp_path, package, fake_nvml):
    package()
    library = fake_nvml(broken=("nvmlDeviceGetTotalEnergyConsumption",))
    meter = EnergyMeter(Nvml(library=library), root=tmp_path)
    assert meter.source == "rapl"
    assert meter.reason == "GPU energy not counted: no energy counter on [0]"


def test_a_counter_lost_on_the_way_leaves_no_energy(tmp_path, package):
    counter = package()
    meter = EnergyMeter(root=tmp_path)
    counter.unlink()
    assert meter.joules() is None
    assert meter.source == "none"
    assert meter.reason == "RAPL counter package-0 became unreadable"


def test_a_gpus_counter_lost_on_the_way_leaves_no_energy(tmp_path, fake_nvml):
    library = fake_nvml()
    meter = EnergyMeter(Nvml(library=library), root=tmp_path)
    library.broken = ("nvmlDeviceGetTotalEnergyConsumption",)
    assert (meter.joules(), meter.source) == (None, "none")


def test_energy_of_work_is_a_difference_over_its_time(tmp_path, package):
    counter, times_s = package(), iter([10.0, 12.0])
    meter = EnergyMeter(root=tmp_path, clock=lambda: next(times_s))
    counter.write_text("100000")
    energy = meter.measure(lambda: counter.write_text("600000"))
    assert energy == Energy(0.5, "rapl", None, 2.0)
    assert energy.watts == 0.25


def test_idle_power_is_measured_over_the_given_time(tmp_path, package):
    counter, now_s = package(), [0.0]

    def sleep(seconds):
        now_s[0] += seconds
        counter.write_text("800000")

    meter = EnergyMeter(root=tmp_path, clock=lambda: now_s[0])
    assert meter.idle_watts(seconds=4.0, sleep=sleep) == 0.2


def test_without_a_source_there_is_no_idle_power(tmp_path):
    assert EnergyMeter(root=tmp_path).idle_watts(1.0, sleep=lambda _: None) is None
