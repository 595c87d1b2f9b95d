"""What a record warns of where the kernels prove less than the case's name says."""

from dataclasses import replace

import pytest
from outcomes import CASE, outcome, record

from harness.hardware import Hardware
from harness.measure.proofs import cap_warnings, claim_warnings

STEPS = 3


def row(implementation="jit:avx2", dtypes="f32,f32,f32", **changes):
    return {
        "primitive": "convolution",
        "direction": "forward",
        "implementation": implementation,
        "dtypes": dtypes,
        "calls": 12,
        "time_s": 0.5,
        "share_percent": 80.0,
    } | changes


def judged(*rows, fallbacks=(), share=100.0, source="OpenVINO's oneDNN log", meant=0):
    """What a worker found in three steps."""
    return {
        "source": source,
        "rows": list(rows),
        "steps": STEPS,
        "wall_s": 1.0,
        "logged_s": 0.5,
        "coverage_percent": 50.0,
        "claim_share_percent": share,
        "unparsed_lines": 0,
        "float_fallbacks": list(fallbacks),
        "float_layers": meant,
    }


INT8 = row("brgconv:avx512_core_vnni", "u8,s8,u8", calls=30)


def test_a_fallback_to_float_kernels_is_a_warning_with_its_share_and_source():
    found = judged(row(), fallbacks=[row()], share=0.0)
    assert claim_warnings(found, "int8") == [
        "claims int8, but 12 calls of convolution (forward) ran as jit:avx2 on "
        "f32,f32,f32 (OpenVINO's oneDNN log), 80 % of the logged time; this CPU or "
        "library has no int8 kernel for it: compare with the fp32 case before you "
        "choose it"
    ]


def test_every_kernel_that_fell_back_is_told():
    fallbacks = [row("FusedConv"), row("Conv")]
    found = claim_warnings(judged(*fallbacks, fallbacks=fallbacks), "int8")
    assert ["FusedConv" in text for text in found] == [True, False]
    assert ["as Conv" in text for text in found] == [False, True]


def test_a_claim_that_every_kernel_keeps_is_told_without_a_warning():
    assert claim_warnings(judged(INT8), "int8") == []


@pytest.mark.parametrize("share", [None, 0.0])
def test_a_claim_without_a_kernel_in_the_profile_is_said_to_be_unproven(share):
    found = judged(share=share, source="ONNX Runtime profile")
    assert claim_warnings(found, "int8") == [
        "claims int8, unproven: no compute kernel stands in the profile (ONNX Runtime "
        "profile); another library ran it, or none did"
    ]


@pytest.mark.parametrize("found", [None, judged(share=None)])
def test_fp32_claims_nothing_that_wants_a_proof(found):
    assert claim_warnings(found, "fp32") == []


def test_a_layer_kept_in_float_on_purpose_is_no_fallback():
    kept = row(calls=STEPS)
    found = judged(INT8, kept, fallbacks=[kept], share=90.0, meant=1)
    assert claim_warnings(found, "int8") == []


@pytest.mark.parametrize(
    "fallbacks",
    [[row(calls=2 * STEPS)], [row("jit:avx2", calls=STEPS), row("ref", calls=STEPS)]],
    ids=["of one kernel", "of two kernels"],
)
def test_one_float_layer_more_than_meant_is_a_fallback(fallbacks):
    found = judged(INT8, *fallbacks, fallbacks=fallbacks, share=80.0, meant=1)
    warnings = claim_warnings(found, "int8")
    assert len(warnings) == len(fallbacks)
    assert "(2 float calls a step, 1 on purpose)" in warnings[0]


def test_one_step_of_many_that_fell_back_is_told():
    """11 layers, of which one is meant: in one step of three, two ran in float."""
    fallbacks = [row(calls=STEPS + 1)]
    found = judged(INT8, *fallbacks, fallbacks=fallbacks, share=80.0, meant=1)
    assert len(claim_warnings(found, "int8")) == 1


def test_a_model_that_fell_back_whole_is_told_whatever_was_meant():
    fallbacks = [row(calls=11 * STEPS)]
    found = judged(*fallbacks, fallbacks=fallbacks, share=0.0, meant=4)
    (warning,) = claim_warnings(found, "int8")
    assert "33 calls of convolution (forward) ran as jit:avx2" in warning
    assert "(11 float calls a step, 4 on purpose)" in warning


def test_the_layers_meant_for_float_prove_nothing_of_the_others():
    kept = row(calls=STEPS)
    found = judged(kept, fallbacks=[kept], share=0.0, meant=1)
    (warning,) = claim_warnings(found, "int8")
    assert warning.startswith(
        "claims int8, unproven: no compute kernel but the 1 a step in float on purpose "
        "stands in the profile (OpenVINO's oneDNN log)"
    )


def capped(isa, *rows):
    return cap_warnings(judged(*rows), Hardware.parse(f"cpu:isa={isa},threads=1"))


@pytest.mark.parametrize(
    ("isa", "implementation"),
    [
        ("avx2", "jit:avx2"),
        ("avx512", "jit:avx2"),
        ("avx512_vnni", "brgconv:avx512_core_vnni"),
        ("amx", "brgconv:avx512_core_amx"),
    ],
)
def test_a_cap_that_every_kernel_keeps_is_proven(isa, implementation):
    unknown = row("x64:gemm:jit", primitive="matmul")
    assert capped(isa, row(implementation), unknown) == []


def test_a_kernel_beyond_the_cap_is_named():
    assert capped("avx2", row("jit:avx2"), INT8) == [
        "the cap isa=avx2 did not hold: 30 calls of convolution (forward) ran as "
        "brgconv:avx512_core_vnni on u8,s8,u8 (OpenVINO's oneDNN log), 80 % of the "
        "logged time; these are no times of avx2: the library that ran it has a cap of "
        "its own, or none"
    ]


def test_a_reorder_beyond_the_cap_counts_too():
    reorder = row("jit:avx512_core", "f32,f32", primitive="reorder")
    (warning,) = capped("avx2", row("jit:avx2"), reorder)
    assert "12 calls of reorder" in warning


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row("x64:gemm:jit")],
        [row("QLinearConv", "u8,s8,u8")],
        [row("jit:avx2", "f32,f32", primitive="reorder")],
    ],
    ids=["no kernel", "no instruction set", "another runtime", "no compute kernel"],
)
def test_a_cap_that_no_compute_kernel_tells_of_is_unproven(rows):
    assert capped("avx2", *rows) == [
        "the cap isa=avx2 is unproven: no compute kernel in the profile (OpenVINO's "
        "oneDNN log) tells its instruction set; compare the times with those of the "
        "same case without the cap"
    ]


@pytest.mark.parametrize("hardware", ["cpu", "cpu:threads=1"])
def test_without_a_cap_nothing_is_to_be_proved(hardware):
    assert cap_warnings(judged(), Hardware.parse(hardware)) == []


def test_a_case_whose_kernels_were_not_looked_at_proves_nothing():
    assert claim_warnings(None, "int8") == []
    assert cap_warnings(None, Hardware.parse("cuda:0")) == []


def test_both_stand_in_the_record_beside_the_kernels():
    wide = row("jit:avx512_core")
    kernels = judged(wide, fallbacks=[wide], share=50.0, meant=3)
    ended = outcome(0.5, kernels=kernels)
    case = replace(CASE, compression="int8", hardware="cpu:isa=avx2")
    found = record(ended, case=case, precision="int8")
    assert [text.split(",")[0].split(":")[0] for text in found.warnings] == [
        "claims int8",
        "the cap isa=avx2 did not hold",
    ]
    assert found.kernels.rows[0].calls == 12
    assert (found.kernels.source, found.kernels.steps) == ("OpenVINO's oneDNN log", 3)
    assert (found.kernels.claim_share_percent, found.kernels.float_layers) == (50, 3)
