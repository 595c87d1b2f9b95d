import pytest

from harness.hardware import ISA_NAMES
from harness.observe.isa import CAPS, isa_of, within
from harness.observe.kernels import Row


@pytest.mark.parametrize(
    ("implementation", "isa"),
    [
        ("brg_conv_fwd:avx512_core_amx", "amx"),
        ("brg_matmul:avx10_1_512_amx", "amx"),
        ("brg_matmul:avx10_1_512_amx_fp16", "amx_fp16"),
        ("brg_matmul:avx10_2_512_amx_2", "avx10_2"),
        ("brg_matmul:avx10_1_512", "avx10"),
        ("brgemm:avx512_core_fp16", "avx512_core_fp16"),
        ("jit_bf16:avx512_core_bf16", "avx512_core_bf16"),
        ("brg_matmul:avx512_core_vnni", "avx512_core_vnni"),
        ("jit:avx512_core", "avx512_core"),
        ("brg:avx2_vnni_2", "avx2_vnni_2"),
        ("brg:avx2_vnni", "avx2_vnni"),
        ("conv:any+jit:avx2", "avx2"),
        ("jit_uni_dw:sse41", "sse41"),
        ("brgemm:sve_256", "sve_256"),
        ("indirect_gemm:acl", "acl"),
        ("x64:gemm:jit", "gemm"),
        ("ref:any", "ref"),
        ("jit:uni", "uni"),
        ("", "unknown"),
        ("QLinearConv", "unknown"),
        ("FusedConv", "unknown"),
        ("ConvInteger", "unknown"),
        ("Conv", "unknown"),
    ],
)
def test_an_implementations_name_tells_its_instruction_set(implementation, isa):
    assert isa_of(implementation) == isa
    assert Row("matmul", "none", implementation, "", 1, 1.0, 1.0).isa == isa


def test_every_cap_of_the_hardware_axis_is_judged():
    assert tuple(ISA_NAMES) == CAPS


LADDER = [
    ("jit:sse41", "avx2"),
    ("jit:avx2", "avx2"),
    ("jit:avx512_core", "avx512"),
    ("brg_conv_fwd:avx512_core_vnni", "avx512_vnni"),
    ("brg_conv_fwd:avx512_core_bf16", "avx512_bf16"),
    ("brg:avx2_vnni", "amx"),  # oneDNN's AVX-512 below FP16 is without it
    ("brg:avx512_core_fp16", "amx"),
    ("brg_matmul:avx10_1_512", "amx"),
    ("brg_conv_fwd:avx512_core_amx", "amx"),
]


@pytest.mark.parametrize("cap", CAPS)
@pytest.mark.parametrize(("implementation", "lowest_cap"), LADDER)
def test_a_kernel_is_within_its_own_cap_and_all_above(implementation, lowest_cap, cap):
    expected = CAPS.index(lowest_cap) <= CAPS.index(cap)
    assert within(isa_of(implementation), cap) is expected


@pytest.mark.parametrize(
    "implementation",
    ["brg:avx2_vnni_2", "brg:avx512_core_amx_fp16", "brg_matmul:avx10_2_512"],
)
def test_what_no_cap_names_is_beyond_all(implementation):
    assert within(isa_of(implementation), "amx") is False


@pytest.mark.parametrize(
    "implementation", ["x64:gemm:jit", "ref:any", "jit:uni", "QLinearConv", "sve_256"]
)
def test_a_name_without_an_x86_instruction_set_tells_nothing(implementation):
    assert within(isa_of(implementation), "avx2") is None
