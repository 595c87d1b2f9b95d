"""Claims and caps on Arm: by a log as oneDNN writes it there, made up."""

import pytest

from harness.hardware import Hardware
from harness.measure.proofs import cap_warnings, claim_warnings
from harness.observe.claims import judge
from harness.observe.isa import ARM, isa_of, within
from harness.observe.kernels import ONEDNN_LOG, Profiled
from harness.observe.onednn.capture import entry_of
from harness.observe.onednn.log import read_log

HEAD = """\
onednn_verbose,v1,info,oneDNN v3.12.0 (commit N/A)
onednn_verbose,v1,info,cpu,runtime:OpenMP,nthr:4
onednn_verbose,v1,info,cpu,isa:AArch64 SVE (256 bits)
"""
LINE = (
    "onednn_verbose,v1,primitive,exec,cpu,{primitive},{implementation},"
    "{direction},src:{src}:a:blocked:acdb::f0 wei:{wei}:a:blocked:Acdb8a::f0 "
    "bia:undef::undef::: dst:{dst}:a:blocked:acdb::f0,{attributes},"
    "alg:convolution_direct,mb1_ic64oc64,2\n"
)
REORDER = (
    "onednn_verbose,v1,primitive,exec,cpu,reorder,jit:uni,undef,"
    "src:f32::blocked:abc::f0 dst:{dst}::blocked:acb::f0,attr-scratchpad:user,,"
    "1x64x100,0.5\n"
)
CONV, PRODUCT, RECURRENT = "convolution", "matmul", "rnn"
KERNELS = {
    "fp32": [
        (CONV, "indirect_gemm:acl"),
        (CONV, "wino:acl"),
        (CONV, "brgconv:sve_512"),
        (CONV, "brgconv_1x1:sve_128"),
        (CONV, "brgconv:sve"),
        (CONV, "jit_dw:sve_256"),
        (CONV, "direct_1x1:kai"),
        (PRODUCT, "gemm:acl"),
        (PRODUCT, "brg:sve_256"),
        (RECURRENT, "ref:any"),
    ],
    "bf16": [
        (CONV, "indirect_gemm:acl"),
        (CONV, "brgconv:sve_256"),
        (PRODUCT, "gemm:acl"),
        (PRODUCT, "jit_bf16_matmul:sve_128"),
    ],
    "int8": [
        (CONV, "brgconv:sve_512"),
        (CONV, "jit:sve"),
        (PRODUCT, "lowp_gemm:acl"),
        (PRODUCT, "lowp_gemm_sq:acl"),
        (PRODUCT, "jit_int8:sve_256"),
    ],
}
TYPES = {
    "fp32": ("f32", "f32", "f32"),
    "bf16": ("bf16", "bf16", "bf16"),
    "int8": ("u8", "s8", "f32"),
}
PAIRS = [(claim, kernel) for claim, kernels in KERNELS.items() for kernel in kernels]


def profiled(precision, kernels, attributes="attr-scratchpad:user"):
    """Of a step that runs these kernels on a precision's types, and moves data."""
    src, wei, dst = TYPES[precision]
    text = HEAD + REORDER.format(dst=src)
    for primitive, implementation in kernels:
        text += LINE.format(
            primitive=primitive,
            implementation=implementation,
            direction="undef" if primitive == PRODUCT else "forward_inference",
            src=src,
            wei=wei,
            dst=dst,
            attributes=attributes,
        )
    log = read_log(text.encode().splitlines(keepends=True))
    assert log.damaged == 0
    entries = [entry_of(call.execution, call.time_ms) for call in log.calls]
    assert len(entries) == 1 + len(kernels)
    return Profiled(entries, log.time_s(), ONEDNN_LOG)


@pytest.mark.parametrize(("precision", "kernel"), PAIRS)
@pytest.mark.parametrize("claimed", KERNELS)
def test_a_claim_is_proven_by_kernels_of_its_types_and_refuted_by_others(
    claimed, precision, kernel
):
    found = judge(profiled(precision, [kernel]), 1, claimed)
    assert found.claim == ("proven" if precision == claimed else "refuted")
    assert bool(claim_warnings(found, claimed, Hardware.parse("cpu"))) is (
        precision != claimed
    )


def test_one_float_kernel_among_integer_ones_refutes_int8_but_on_purpose():
    kernels = profiled("int8", KERNELS["int8"])
    first = profiled("fp32", KERNELS["fp32"][:1])
    both = Profiled((*kernels.entries, *first.entries), 13.0e-3, ONEDNN_LOG)
    assert judge(both, 1, "int8").claim == "refuted"
    assert judge(both, 1, "int8", float_layers=1).claim == "proven"


@pytest.mark.parametrize("mode", ["bf16", "any", "bf16:true"])
@pytest.mark.parametrize("implementation", ["gemm:acl", "indirect_gemm:kai"])
def test_a_float_kernel_that_may_compute_in_fewer_bits_proves_nothing(
    mode, implementation
):
    """Its name is the same whether it does or not."""
    attributes = f"attr-scratchpad:user attr-fpmath:{mode}"
    found = profiled("fp32", [(PRODUCT, implementation)], attributes)
    assert judge(found, 1, "fp32").claim == "refuted"
    assert judge(found, 1, "bf16").claim == "refuted"
    (warning,) = claim_warnings(judge(found, 1, "fp32"), "fp32", Hardware.parse("cpu"))
    named = f"{implementation}:fpmath_{mode.partition(':')[0]}"
    assert f"ran as {named} on f32,f32,f32" in warning
    assert "look for what changes oneDNN's fpmath mode" in warning


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_a_mode_of_float_kernels_is_nothing_to_narrower_ones(precision):
    found = profiled(precision, KERNELS[precision], "attr-fpmath:bf16")
    assert judge(found, 1, precision).claim == "proven"


def test_x86_tells_by_its_names_what_a_mode_did():
    """There a kernel without bf16 in its name computed in f32, whatever it might."""
    found = profiled("fp32", [(PRODUCT, "brg_matmul:avx512_core")], "attr-fpmath:bf16")
    assert judge(found, 1, "fp32").claim == "proven"


@pytest.mark.parametrize(
    ("implementation", "isa"),
    [
        ("jit_deconv+indirect_gemm:kai", "kai"),
        ("jit_1x1:sve_512", "sve_512"),
        ("brg_matmul:sme", "sme"),
        ("jit_asimd_FP32", "asimd"),  # as OpenVINO writes it
        ("gemm_acl_FP32", "acl"),
        ("lowp_gemm:acl:fpmath_bf16", "acl"),
    ],
)
def test_names_of_arm_s_kernels_tell_their_kind(implementation, isa):
    assert isa_of(implementation) == isa
    assert isa in ARM
    assert within(isa, "avx2") is None


def test_a_cap_of_x86_is_unproven_by_kernels_of_arm():
    found = judge(profiled("fp32", KERNELS["fp32"]), 1)
    (warning,) = cap_warnings(found, Hardware.parse("cpu:isa=avx2"))
    assert "the cap isa=avx2 is unproven: no compute kernel in the profile" in warning
