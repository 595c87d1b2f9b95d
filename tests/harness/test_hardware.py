import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from harness.environment import is_inherited
from harness.hardware import (
    ALLOCATOR,
    SET_BY_HARDWARE,
    Hardware,
    Machine,
    parse_all,
)

MACHINE = Machine(cpus=(2, 3, 5, 7), isas=("avx2", "avx512"), cuda_devices=1)
NO_CAPS = {
    "OMP_NUM_THREADS": "4",
    "MKL_NUM_THREADS": "4",
    "OPENBLAS_NUM_THREADS": "4",
}
PAGES_OF_A_STEP = 4 * (16 << 20) // os.sysconf("SC_PAGESIZE")
STEPS = f"""
import resource, numpy
faults = []
for step in range(6):
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
    blocks = [numpy.ones(16 << 20, numpy.uint8) for _ in range(4)]
    del blocks
print((faults[-1] - faults[-3]) / 2 / {PAGES_OF_A_STEP})
"""


@pytest.mark.parametrize(
    ("text", "devices", "threads", "isa"),
    [
        ("cpu", ("cpu",), None, None),
        ("cpu:threads=3", ("cpu",), 3, None),
        ("cpu:isa=avx2", ("cpu",), None, "avx2"),
        ("cpu:isa=avx512_vnni,threads=12", ("cpu",), 12, "avx512_vnni"),
        ("cpu:isa=amx,threads=1", ("cpu",), 1, "amx"),
        ("cuda:0", ("cuda:0",), None, None),
        ("cuda:0,cuda:10", ("cuda:0", "cuda:10"), None, None),
    ],
)
def test_every_form_of_hardware_is_understood(text, devices, threads, isa):
    assert Hardware.parse(text) == Hardware(text, devices, threads, isa)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gpu",
        "CPU",
        "cuda",
        "cuda:",
        "cuda:01",
        "cuda:1000000",
        "cuda:0,1",
        "cuda:0,cpu",
        "cpu,cuda:0",
        "cpu:",
        "cpu:,",
        "cpu:threads=1,",
        "cpu:threads=1,threads=2",
        "cpu:cores=2",
        "cpu:isa",
        "cpu:isa=sse",
        "cpu:isa=AVX2",
    ],
)
def test_unknown_hardware_is_refused_with_what_was_found_and_what_is_known(text):
    expected = (
        f"unknown hardware {text!r}: expected 'cpu', 'cpu:threads=N', "
        "'cpu:isa=avx2|avx512|avx512_vnni|avx512_bf16|amx', 'cuda:N' or "
        "'cuda:N,cuda:M'"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        Hardware.parse(text)


@pytest.mark.parametrize("threads", ["0", "-1", "two", "1.5", "", "01", "٣", "1000000"])
def test_a_count_of_threads_that_is_no_count_is_quoted(threads):
    message = f"threads={threads!r} is not a whole number from 1 to 999999"
    with pytest.raises(ValueError, match=re.escape(message)):
        Hardware.parse(f"cpu:threads={threads}")


@pytest.mark.parametrize(
    "text",
    [
        *("x" * 10**6, "cpu:threads=" + "9" * 10**6, "cpu:isa=" + "x" * 10**6),
        *("cuda:0,cuda:0" + ",cuda:1" * 10**5, "cpu:threads=1,isa=avx2" + "\x1b" * 999),
    ],
    ids=["kind", "threads", "isa", "devices", "controls"],
)
def test_a_long_text_is_quoted_shortly(text):
    with pytest.raises(ValueError, match=r"^[ -~]{1,600}$"):
        Hardware.parse(text)


def test_a_device_named_twice_is_refused():
    with pytest.raises(ValueError, match="'cuda:0,cuda:0' names a device twice"):
        Hardware.parse("cuda:0,cuda:0")


def test_without_caps_every_core_may_work():
    cpu = Hardware.parse("cpu")
    assert cpu.environment(MACHINE) == {**NO_CAPS, **ALLOCATOR}
    assert cpu.affinity(MACHINE) == (2, 3, 5, 7)


def test_a_case_without_a_cap_has_the_machines_own_number_of_threads():
    """One thread a core, on CPUs of which none is another's sibling."""
    siblings = replace(MACHINE, threads=2)
    cpu, two = Hardware.parse("cpu"), Hardware.parse("cpu:threads=2")
    assert cpu.environment(siblings) == two.environment(MACHINE)
    assert cpu.affinity(siblings) == two.affinity(MACHINE) == (2, 3)


def test_threads_on_siblings_are_there_for_who_asks():
    asked = Hardware.parse("cpu:threads=4")
    assert asked.missing_on(replace(MACHINE, threads=2)) is None
    assert asked.affinity(replace(MACHINE, threads=2)) == (2, 3, 5, 7)


def test_a_thread_cap_holds_in_every_library_and_for_every_helper_process():
    capped = Hardware.parse("cpu:threads=2")
    assert capped.environment(MACHINE) == {**dict.fromkeys(NO_CAPS, "2"), **ALLOCATOR}
    assert capped.affinity(MACHINE) == (2, 3)


@pytest.mark.parametrize(
    ("isa", "onednn", "mkl", "aten"),
    [
        ("avx2", "AVX2", "AVX2", "avx2"),
        ("avx512", "AVX512_CORE", "AVX512", "avx512"),
        ("avx512_vnni", "AVX512_CORE_VNNI", "AVX512_E1", "avx512"),
        ("avx512_bf16", "AVX512_CORE_BF16", "AVX512_E3", "avx512"),
        ("amx", "AVX512_CORE_AMX", "AVX512_E4", "avx512"),
    ],
)
def test_an_instruction_set_is_capped_in_each_librarys_own_words(
    isa, onednn, mkl, aten
):
    assert Hardware.parse(f"cpu:isa={isa}").environment(MACHINE) == {
        **NO_CAPS,
        **ALLOCATOR,
        "ONEDNN_MAX_CPU_ISA": onednn,
        "MKL_ENABLE_INSTRUCTIONS": mkl,
        "ATEN_CPU_CAPABILITY": aten,
    }


def test_gpus_are_counted_as_the_driver_counts_them():
    cuda = Hardware.parse("cuda:0")
    assert cuda.is_cuda
    assert cuda.environment(MACHINE)["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert not Hardware.parse("cpu:isa=avx2").is_cuda


def test_fp32_on_a_gpu_is_fp32_in_every_library():
    environment = Hardware.parse("cuda:0").environment(MACHINE)
    assert environment == {
        **NO_CAPS,
        **ALLOCATOR,
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "NVIDIA_TF32_OVERRIDE": "0",
    }


def fault_share(environment):
    """Page faults of a step that allocates and frees, per page that it touches."""
    inherited = {k: v for k, v in os.environ.items() if k not in ALLOCATOR}
    done = subprocess.run(
        [sys.executable, "-c", STEPS],
        env={**inherited, "NUMPY_MADVISE_HUGEPAGE": "0", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def test_memory_that_a_step_frees_is_kept_for_the_next_one():
    assert fault_share(Hardware.parse("cpu").environment(MACHINE)) < 0.01
    assert fault_share({}) > 0.9  # what would be timed without


@pytest.mark.parametrize("text", ["cpu:isa=amx", "cuda:0"])
def test_whatever_a_case_sets_is_neither_inherited_nor_passed(text):
    steered = set(Hardware.parse(text).environment(MACHINE))
    assert not any(map(is_inherited, steered))
    assert steered - set(ALLOCATOR) <= set(SET_BY_HARDWARE)


@pytest.mark.parametrize(
    "text", ["cpu", "cpu:threads=4", "cpu:isa=avx512,threads=1", "cuda:0"]
)
def test_what_the_machine_offers_is_not_missing(text):
    assert Hardware.parse(text).missing_on(MACHINE) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "cpu:threads=5",
            "cpu:threads=5: only 4 CPUs may be used here; ask for at most "
            "cpu:threads=4",
        ),
        ("cpu:isa=amx", "cpu:isa=amx: this CPU lacks amx; it has avx2, avx512"),
        (
            "cuda:0,cuda:1",
            "cuda:0,cuda:1: this machine has 1 CUDA devices; use --hardware cpu, or a "
            "device below that number",
        ),
    ],
)
def test_what_the_machine_lacks_is_stated_with_what_it_has(text, reason):
    assert Hardware.parse(text).missing_on(MACHINE) == reason


def test_the_reason_for_the_lack_of_gpus_is_stated():
    machine = Machine((0,), (), 0, "no NVIDIA driver")
    missing = Hardware.parse("cuda:0").missing_on(machine)
    assert "has 0 CUDA devices (no NVIDIA driver); use --hardware cpu" in missing


def test_a_cpu_of_no_known_instruction_set_is_stated_so():
    missing = Hardware.parse("cpu:isa=avx2").missing_on(Machine((0,), (), 0))
    assert missing == "cpu:isa=avx2: this CPU lacks avx2; it has none of the known sets"


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("cpu:isa=avx2", "--hardware=cpu"),
        ("cpu:isa=avx2,threads=1", "--hardware=cpu:threads=1"),
    ],
)
def test_caps_on_instruction_sets_are_said_to_be_x86s_elsewhere(text, instead):
    machine = Machine((0,), (), 0, architecture="aarch64")
    assert Hardware.parse(text).missing_on(machine) == (
        f"{text}: caps on instruction sets are x86's, and this machine is aarch64; use "
        f"{instead}"
    )
    assert Hardware.parse(instead.partition("=")[2]).missing_on(machine) is None


def test_hardware_asked_for_by_name_is_never_skipped_in_silence():
    with pytest.raises(ValueError, match="this CPU lacks amx"):
        parse_all(["cpu", "cpu:isa=amx"], MACHINE)


def test_hardware_asked_for_twice_is_taken_once_in_the_order_given():
    asked = ["cuda:0", "cpu", "cuda:0"]
    assert [one.text for one in parse_all(asked, MACHINE)] == ["cuda:0", "cpu"]


def test_two_caps_have_one_spelling():
    with pytest.raises(ValueError, match="write isa before threads"):
        Hardware.parse("cpu:threads=1,isa=avx2")
