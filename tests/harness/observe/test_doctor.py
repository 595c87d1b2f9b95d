from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.observe import doctor
from harness.observe.doctor import GIB
from harness.observe.host_speed import HostNow
from harness.observe.look import Look, look

GOOD = {
    "cpu_governor": "performance",
    "cpu_turbo": False,
    "cpu_cores_allowed": 8,
    "cpu_cores_logical": 8,
    "memory_transparent_huge_pages": "madvise",
    "os_virtual": False,
    "os_hypervisor": None,
    "container_cpu_limit_cores": None,
    "container_memory_limit_bytes": None,
    "gpu_devices": [{"index": 0, "persistence_mode": True}],
}
QUIET = Look(
    busy_percent=1.0,
    steal_percent=0.0,
    memory_available_bytes=64 * GIB,
    swap_used_bytes=0,
    disk_free_bytes=100 * GIB,
    throttle_events=0,
    rapl_reason=None,
    gpu_throttle_reasons={0: ()},
    host=HostNow(0.97, 0.91, 1.0, 0.95, known=True),
)


def finding(name, machine=None, **now):
    found = doctor.checks(GOOD | (machine or {}), replace(QUIET, **now))
    return next(item for item in found if item.name == name)


def test_a_good_machine_has_nothing_to_remedy():
    found = doctor.checks(GOOD, QUIET)
    assert {item.severity for item in found} == {"ok"}
    assert {item.remedy for item in found} == {""}
    assert len({item.name for item in found}) == len(found) == 17


@pytest.mark.parametrize(
    ("name", "machine", "severity", "found"),
    [
        ("frequency governor", {"cpu_governor": "powersave"}, "warn", "powersave"),
        ("frequency governor", {"cpu_governor": None}, "unknown", "not shown"),
        ("turbo", {"cpu_turbo": True}, "warn", "on"),
        ("turbo", {"cpu_turbo": None}, "unknown", "not shown"),
        ("cores", {"cpu_cores_allowed": 1}, "bad", "1 allowed to this process"),
        (
            "cores",
            {"container_cpu_limit_cores": 1.5},
            "bad",
            "8 allowed to this process, time for 1.5 of them",
        ),
        (
            "transparent huge pages",
            {"memory_transparent_huge_pages": "never"},
            "warn",
            "never",
        ),
        (
            "transparent huge pages",
            {"memory_transparent_huge_pages": None},
            "unknown",
            "not shown",
        ),
        ("virtual machine", {"os_virtual": True}, "warn", "yes"),
        (
            "virtual machine",
            {"os_virtual": True, "os_hypervisor": "kvm"},
            "warn",
            "kvm",
        ),
        ("virtual machine", {"os_virtual": None}, "unknown", "not shown"),
        (
            "container limits",
            {"container_cpu_limit_cores": 1.5, "container_memory_limit_bytes": GIB},
            "warn",
            "limited to 1.5 cores and 1.0 GiB",
        ),
        (
            "GPU 0 persistence mode",
            {"gpu_devices": [{"index": 0, "persistence_mode": False}]},
            "warn",
            "off",
        ),
        (
            "GPU 0 persistence mode",
            {"gpu_devices": [{"index": 0, "persistence_mode": None}]},
            "unknown",
            "not shown",
        ),
    ],
)
def test_the_fingerprint_is_judged(name, machine, severity, found):
    item = finding(name, machine)
    assert (item.severity, item.found) == (severity, found)
    assert item.remedy


@pytest.mark.parametrize(
    ("name", "now", "severity", "found"),
    [
        ("other load", {"busy_percent": 6.0}, "warn", "6.0 % of all cores busy"),
        ("other load", {"busy_percent": 26.0}, "bad", "26.0 % of all cores busy"),
        ("other load", {"busy_percent": None}, "unknown", "unknown share"),
        ("steal", {"steal_percent": 1.5}, "warn", "1.5 % taken by other guests"),
        ("steal", {"steal_percent": 11.0}, "bad", "11.0 % taken by other guests"),
        ("thermal throttling", {"throttle_events": 3}, "warn", "3 events since boot"),
        ("thermal throttling", {"throttle_events": None}, "unknown", "not shown"),
        ("memory", {"memory_available_bytes": 2 * GIB}, "bad", "2.0 GiB available"),
        ("swap", {"swap_used_bytes": GIB // 2}, "warn", "0.50 GiB in use"),
        ("disk space", {"disk_free_bytes": GIB}, "bad", "1.0 GiB free for results"),
        ("disk space", {"disk_free_bytes": None}, "unknown", "not shown"),
        ("processor energy", {"rapl_reason": "no counter"}, "warn", "no counter"),
        (
            "GPU 0 throttling",
            {"gpu_throttle_reasons": {0: ("power brake",)}},
            "bad",
            "power brake",
        ),
        ("GPU 0 throttling", {"gpu_throttle_reasons": {}}, "unknown", "not read"),
    ],
)
def test_the_present_moment_is_judged(name, now, severity, found):
    item = finding(name, **now)
    assert item.severity == severity
    assert item.found.startswith(found)
    assert item.remedy


def test_a_virtual_machine_hides_its_clock():
    item = finding("frequency governor", {"cpu_governor": None, "os_virtual": True})
    assert item.found == "hidden by the virtual machine"


def test_variables_that_reach_no_worker_are_named_with_the_way_to_pass_them(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("OMP_THREAD_LIMIT", "1")
    names = look(tmp_path, 0.0).steering_variables
    assert "OMP_THREAD_LIMIT" in names
    item = finding("environment", steering_variables=("LD_PRELOAD", "OMP_THREAD_LIMIT"))
    assert item.severity == "warn"
    assert item.found.endswith("kept from workers: LD_PRELOAD, OMP_THREAD_LIMIT")
    assert "--env NAME=VALUE" in item.remedy


def test_a_look_lasts_as_long_as_stated_and_finds_the_disk_of_a_folder_to_be(tmp_path):
    slept = []
    seen = look(tmp_path / "not" / "yet", seconds=1.5, sleep=slept.append)
    assert slept == [1.5]
    assert seen.disk_free_bytes > 0
    assert seen.gpu_throttle_reasons == {}


def test_a_look_at_gpus_tells_unread_from_unthrottled(tmp_path, fake_nvml):
    from harness.observe.gpu import Nvml

    library = fake_nvml()
    nvml = Nvml(library=library)
    assert look(tmp_path, 0.0, nvml).gpu_throttle_reasons == {0: ()}
    library.broken = ("nvmlDeviceGetCurrentClocksThrottleReasons",)
    assert look(tmp_path, 0.0, nvml).gpu_throttle_reasons == {}


def test_an_examination_looks_and_judges(tmp_path):
    found = doctor.examine(GOOD | {"gpu_devices": []}, tmp_path, (0,), seconds=0.0)
    assert next(item for item in found if item.name == "cores").severity == "ok"
    assert (
        next(item for item in found if item.name == "disk space").found != "not shown"
    )


@pytest.mark.parametrize(
    ("host", "severity", "found"),
    [
        (
            HostNow(0.6, 0.55, 0.75, 0.9, known=True),
            "warn",
            "0.60 of its best in registers (0.55 to 0.75), 0.90 in memory",
        ),
        (
            HostNow(0.97, 0.9, 1.0, 0.5, known=True),
            "warn",
            "0.97 of its best in registers (0.90 to 1.00), 0.50 in memory",
        ),
        (
            HostNow(0.97, 0.9, 1.0, 0.9, known=False),
            "unknown",
            "0.97 of the best of this moment in registers (0.90 to 1.00), 0.90 in "
            "memory",
        ),
        (
            HostNow(0.97, 0.9, 1.0, 0.9, known=True, handovers=0.21),
            "warn",
            "0.97 of its best in registers (0.90 to 1.00), 0.90 in memory, 0.21 "
            "between cores",
        ),
        (None, "unknown", "not read"),
    ],
)
def test_a_host_that_gives_less_than_it_did_is_stated(host, severity, found):
    item = finding("host speed", host=host)
    assert (item.severity, item.found) == (severity, found)


def test_a_look_reads_what_the_host_gives(tmp_path):
    speed = SimpleNamespace(now=lambda sleep: HostNow(0.9, 0.8, 1.0, 0.7, True))
    assert look(tmp_path, 0.0, speed=speed).host.lowest == 0.8
