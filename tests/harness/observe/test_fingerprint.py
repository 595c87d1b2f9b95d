import json
import platform

import pytest

from harness.observe import fingerprint as fp
from harness.observe.gpu import Nvml

CPUS = "sys/devices/system/cpu"
X86 = """processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 143
model name\t: Intel(R) Xeon(R) Gold
stepping\t: 8
microcode\t: 0x2b
flags\t\t: fpu {flags}

processor\t: 1
model name\t: another
"""
AVX512 = "avx2 fma avx512f avx512bw avx512dq avx512vl"


def silent(command):
    return None


@pytest.fixture
def topology(write):
    """Two sockets of two cores of two threads."""
    for cpu in range(8):
        write(f"{CPUS}/cpu{cpu}/topology/physical_package_id", str(cpu % 2))
        write(f"{CPUS}/cpu{cpu}/topology/core_id", str(cpu // 2 % 2))


def test_the_processor_is_named(tmp_path, write):
    write("proc/cpuinfo", X86.format(flags="avx2 sse amx_tile"))
    cpu = fp.cpu(tmp_path)
    assert (cpu["model"], cpu["vendor"]) == ("Intel(R) Xeon(R) Gold", "GenuineIntel")
    assert (cpu["family"], cpu["model_number"], cpu["stepping"]) == (6, 143, 8)
    assert (cpu["microcode"], cpu["isa"]) == ("0x2b", ["avx2", "amx_tile"])


def test_an_arm_processor_has_part_and_features(tmp_path, write):
    write("proc/cpuinfo", "CPU implementer : 0x41\nCPU part : 0xd40\nFeatures : sve\n")
    cpu = fp.cpu(tmp_path)
    assert (cpu["vendor"], cpu["model_number"]) == ("0x41", "0xd40")
    assert cpu["isa"] == ["sve"]


def test_kernels_are_chosen_by_the_model_and_its_instructions_alone(tmp_path, write):
    write("proc/cpuinfo", X86.format(flags="avx2 sse"))
    found = fp.kernel_relevant(tmp_path)
    assert found == {
        "vendor_id": "GenuineIntel",
        "cpu family": "6",
        "model": "143",
        "stepping": "8",
        "flags": "fpu avx2 sse",
    }
    write("proc/cpuinfo", "CPU implementer : 0x41\nCPU part : 0xd40\nFeatures : sve\n")
    found = fp.kernel_relevant(tmp_path)
    assert found == {
        "CPU implementer": "0x41",
        "CPU part": "0xd40",
        "Features": "sve",
    }


@pytest.mark.usefixtures("topology")
def test_sockets_cores_and_threads_are_kept_apart(tmp_path):
    cpu = fp.cpu(tmp_path)
    assert (cpu["sockets"], cpu["cores_physical"], cpu["cores_logical"]) == (2, 4, 8)


@pytest.mark.parametrize(
    ("flags", "isas"),
    [
        ("sse4_2", ()),
        ("avx2 fma", ("avx2",)),
        ("avx2 fma avx512f", ("avx2",)),  # not what the libraries call AVX-512
        (AVX512, ("avx2", "avx512")),
        (f"{AVX512} avx512_vnni", ("avx2", "avx512", "avx512_vnni")),
        (
            f"{AVX512} avx512_vnni avx512_bf16 amx_tile amx_int8 amx_bf16",
            ("avx2", "avx512", "avx512_vnni", "avx512_bf16", "amx"),
        ),
    ],
)
def test_instruction_sets_need_all_their_flags(tmp_path, write, flags, isas):
    write("proc/cpuinfo", X86.format(flags=flags))
    assert fp.supported_isas(tmp_path) == isas


def test_caches_are_counted_once_where_cores_share_them(tmp_path, write):
    for cpu in range(2):
        for index, (level, kind, size, shared) in enumerate(
            [(1, "Data", "48K", str(cpu)), (3, "Unified", "32M", "0-1")]
        ):
            folder = f"{CPUS}/cpu{cpu}/cache/index{index}"
            write(f"{folder}/level", str(level))
            write(f"{folder}/type", kind)
            write(f"{folder}/size", size)
            write(f"{folder}/shared_cpu_list", shared)
    assert fp.caches(tmp_path) == {
        "L1d": {"size_bytes": 48 * 1024, "instances": 2},
        "L3": {"size_bytes": 32 * 1024**2, "instances": 1},
    }


def test_governors_that_differ_are_all_named(tmp_path, write):
    write(f"{CPUS}/cpu0/cpufreq/scaling_governor", "powersave\n")
    write(f"{CPUS}/cpu1/cpufreq/scaling_governor", "performance\n")
    assert fp.cpu(tmp_path)["governor"] == "performance+powersave"


@pytest.mark.parametrize(
    ("file", "text", "turbo"),
    [
        ("intel_pstate/no_turbo", "1", False),
        ("intel_pstate/no_turbo", "0", True),
        ("cpufreq/boost", "1", True),
        ("cpufreq/boost", "0", False),
    ],
)
def test_turbo_is_read_from_either_driver(tmp_path, write, file, text, turbo):
    write(f"{CPUS}/{file}", text)
    assert fp.cpu(tmp_path)["turbo"] is turbo


@pytest.mark.usefixtures("topology")
@pytest.mark.parametrize(
    ("allowed", "threads"),
    [(range(8), 4), ((0, 4), 1), ((0, 1, 4), 2), ((0, 2, 5), 3)],
)
def test_a_case_has_one_thread_on_each_physical_core(tmp_path, allowed, threads):
    assert fp.default_threads(allowed, tmp_path) == threads


def test_processors_of_unknown_place_count_each(tmp_path):
    assert fp.default_threads(range(6), tmp_path) == 6


@pytest.mark.usefixtures("topology")
@pytest.mark.parametrize(
    ("quota", "threads"),
    [("300000 100000", 3), ("250000 100000", 2), ("50000 100000", 1), ("max", 4)],
)
def test_a_quota_bounds_the_threads(tmp_path, write, quota, threads):
    """More would all be stopped together for the rest of each period."""
    write("proc/self/cgroup", "0::/\n")
    write("sys/fs/cgroup/cpu.max", quota)
    assert fp.default_threads(range(8), tmp_path) == threads


def test_memory_is_in_bytes(tmp_path, write):
    write("proc/meminfo", "MemTotal:  1024 kB\nSwapTotal:  2 kB\nHugePages: 0\n")
    write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")
    write("sys/devices/system/node/node0/cpulist", "0")
    assert fp.memory(tmp_path) == {
        "total_bytes": 1024 * 1024,
        "swap_bytes": 2048,
        "numa_nodes": 1,
        "transparent_huge_pages": "madvise",
    }


@pytest.mark.parametrize(
    ("flags", "detected", "virtual", "hypervisor"),
    [
        ("fpu hypervisor", None, True, None),
        ("fpu", "kvm", True, "kvm"),
        ("fpu", None, False, None),
        (None, None, None, None),
    ],
)
def test_a_virtual_machine_is_known_by_flag_or_tool(
    tmp_path, write, flags, detected, virtual, hypervisor
):
    if flags:
        write("proc/cpuinfo", f"flags : {flags}\n")
    system = fp.operating_system(tmp_path, lambda command: detected)
    assert (system["virtual"], system["hypervisor"]) == (virtual, hypervisor)


def test_the_system_is_named(tmp_path, write):
    write("etc/os-release", 'NAME="D"\nPRETTY_NAME="Debian 12"\n')
    write("sys/class/dmi/id/sys_vendor", "Maker\n")
    write("sys/class/dmi/id/product_name", "Box 9\n")
    system = fp.operating_system(tmp_path, silent)
    assert (system["distribution"], system["hardware"]) == ("Debian 12", "Maker Box 9")


def test_gpus_are_listed_with_their_driver(fake_nvml):
    found = fp.gpus(Nvml(library=fake_nvml()))
    assert (found["driver"], found["reason"]) == ("580.1", None)
    assert found["devices"][0]["name"] == "Card 0"
    assert found["devices"][0]["memory_bytes"] == 80_000


@pytest.mark.parametrize(
    ("visible", "count"),
    [(None, 4), ("0,2", 2), ("2,-1,3", 1), ("-1", 0), ("", 0), ("0,1,2,3,4,5", 4)],
)
def test_hidden_gpus_are_not_offered(fake_nvml, visible, count):
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    nvml = Nvml(library=fake_nvml(gpus=4))
    found, reason = fp.cuda_devices(environment, nvml)
    assert found == count
    listed = len(visible.split(",")) if visible is not None else count
    assert (reason is None) == (count == listed)


def test_a_machine_without_gpus_says_why(fake_nvml):
    nvml = Nvml(library=fake_nvml(broken=("nvmlInit",)))
    assert fp.cuda_devices({}, nvml) == (0, "no GPU seen: Not Supported")


def test_on_an_unreadable_machine_everything_is_none_and_nothing_raises(
    tmp_path, fake_nvml
):
    nvml = Nvml(library=fake_nvml(broken=("nvmlInit",)))
    found = fp.fingerprint(tmp_path, silent, {}, nvml, lambda: None)
    assert found["cpu_governor"] is found["memory_total_bytes"] is None
    assert found["os_hypervisor"] is found["git_commit"] is None
    assert (found["gpu_devices"], found["cpu_caches"], found["settings"]) == (
        [],
        {},
        {},
    )
    assert not any(key.startswith("torch_") for key in found)


def test_a_fingerprint_is_flat_publishable_json(monkeypatch, fake_nvml):
    monkeypatch.setattr(platform, "node", lambda: "a-very-long-host-name.example.org")
    monkeypatch.setenv("HOME", "/home/somebody")
    found = fp.fingerprint(
        environment={
            "OMP_NUM_THREADS": "4",
            "USER": "somebody",
            "CUDA_VISIBLE_DEVICES": "0",
            "LD_LIBRARY_PATH": "/home/somebody/lib",
        },
        passed={"LD_PRELOAD": "/home/somebody/libtcmalloc.so"},
        nvml=Nvml(library=fake_nvml()),
        torch_software=lambda: {"blas": "mkl"},
    )
    assert found["host"] == "a-very-long-host"
    assert found["torch_blas"] == "mkl"
    settings = found["settings"]
    assert set(settings) == {"CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "LD_PRELOAD"}
    assert settings["LD_PRELOAD"].startswith("libtcmalloc.so-")
    assert found["gpu_driver"] == "580.1"
    assert "somebody" not in json.dumps(found)


def test_a_thread_cap_takes_real_cores_before_their_siblings(tmp_path):
    for number, core in enumerate((0, 0, 1, 1)):
        topology = tmp_path / f"sys/devices/system/cpu/cpu{number}/topology"
        topology.mkdir(parents=True)
        (topology / "core_id").write_text(str(core))
        (topology / "physical_package_id").write_text("0")
    assert fp.cores_first({0, 1, 2, 3}, tmp_path) == (0, 2, 1, 3)
    assert fp.cores_first({1, 3}, tmp_path) == (1, 3)
    assert fp.cores_first({5, 4}, tmp_path / "nothing") == (4, 5)
