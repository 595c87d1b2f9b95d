"""What a record warns of where the kernels prove less than the case's name says."""

from dataclasses import replace

import pytest
from outcomes import CASE, outcome, record

from harness.hardware import Hardware
from harness.measure.proofs import cap_warnings, claim_warnings
from harness.observe.claims import Judged
from harness.observe.kernels import Row

STEPS = 3


def row(implementation="jit:avx2", dtypes="f32,f32,f32", **changes):
    usual = Row(
        primitive="convolution",
        direction="forward",
        implementation=implementation,
        dtypes=dtypes,
        calls=12,
        time_s=0.5,
        share_percent=80.0,
    )
    return replace(usual, **changes)


def judged(
    *rows,
    fallbacks=(),
    share=100.0,
    source="OpenVINO's oneDNN log",
    meant=0,
    claim="proven",
    covered=80.0,
    wall_s=1.0,
):
    """What a worker found in three steps."""
    return Judged(
        source=source,
        rows=rows,
        steps=STEPS,
        wall_s=wall_s,
        logged_s=0.5,
        coverage_percent=50.0,
        claim_share_percent=share,
        unparsed_lines=0,
        float_fallbacks=tuple(fallbacks),
        float_layers=meant,
        claim=claim,
        covered_percent=covered,
        float_percent=None if share is None else 100.0 - share,
    )


def claims(found, precision, hardware="cpu"):
    return claim_warnings(found, precision, Hardware.parse(hardware))


INT8 = row("brgconv:avx512_core_vnni", "u8,s8,u8", calls=30)


def test_a_fallback_to_float_kernels_is_a_warning_with_its_share_and_source():
    found = judged(row(), fallbacks=[row()], share=0.0, claim="refuted")
    assert claims(found, "int8") == [
        "claims int8, but 12 calls of convolution (forward) ran as jit:avx2 on "
        "f32,f32,f32 (OpenVINO's oneDNN log), 80 % of the logged time; this CPU or "
        "library has no int8 kernel for it: compare with the fp32 case before you "
        "choose it"
    ]


def test_every_kernel_that_fell_back_is_stated():
    fallbacks = [row("FusedConv"), row("Conv")]
    found = claims(judged(*fallbacks, fallbacks=fallbacks, claim="refuted"), "int8")
    assert ["FusedConv" in text for text in found] == [True, False]
    assert ["as Conv" in text for text in found] == [False, True]


def test_a_claim_that_every_kernel_keeps_is_stated_without_a_warning():
    assert claims(judged(INT8), "int8") == []


@pytest.mark.parametrize("share", [None, 0.0])
def test_a_claim_without_a_kernel_in_the_profile_is_said_to_be_unproven(share):
    found = judged(share=share, source="ONNX Runtime profile", claim="unproven")
    assert claims(found, "int8") == [
        "claims int8, unproven: no compute kernel stands in the profile (ONNX Runtime "
        "profile); another library ran it, or none did"
    ]


@pytest.mark.parametrize("found", [None, judged(share=None, claim="unproven")])
def test_fp32_unproven_stands_in_the_record_alone(found):
    assert claims(found, "fp32") == []


def test_fp32_kernels_stated_to_compute_in_bf16_are_a_warning():
    fast = row("brgemm:avx10_1_512_amx")
    found = judged(fast, fallbacks=[fast], share=0.0, claim="refuted")
    (warning,) = claims(found, "fp32")
    assert warning.startswith(
        "claims fp32, but 12 calls of convolution (forward) ran as "
        "brgemm:avx10_1_512_amx on f32,f32,f32"
    )
    assert "told to compute in fewer bits" in warning


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_on_a_gpu_whose_kernels_nobody_looks_at_every_claim_is_unproven(precision):
    (warning,) = claims(None, precision, "cuda:0")
    assert warning.startswith(f"claims {precision}, unproven: nobody looks at a GPU's")


def test_a_claim_with_too_little_to_prove_it_is_stated_with_the_numbers():
    (warning,) = claims(judged(INT8, claim="unproven", covered=3.1), "int8")
    assert warning == (
        "claims int8, unproven: kernels that keep the claim are 3.1 % of themselves "
        "and of the time that the profile does not explain (expected 40; OpenVINO's "
        "oneDNN log, which explains 50 % of the step); another library may have run "
        "the rest in any precision"
    )


def test_float_on_purpose_for_most_of_the_time_is_stated_with_the_number():
    kept = row(calls=STEPS)
    found = judged(INT8, kept, fallbacks=[kept], share=38.0, meant=1, claim="unproven")
    (warning,) = claims(found, "int8")
    assert warning.startswith(
        "claims int8, unproven: layers in float on purpose take 62 % of the compute "
        "kernels' time (limit 50; OpenVINO's oneDNN log)"
    )


def test_a_layer_kept_in_float_on_purpose_is_no_fallback():
    kept = row(calls=STEPS)
    found = judged(INT8, kept, fallbacks=[kept], share=90.0, meant=1)
    assert claims(found, "int8") == []


@pytest.mark.parametrize(
    "fallbacks",
    [[row(calls=2 * STEPS)], [row("jit:avx2", calls=STEPS), row("ref", calls=STEPS)]],
    ids=["of one kernel", "of two kernels"],
)
def test_one_float_layer_more_than_meant_is_a_fallback(fallbacks):
    found = judged(
        INT8, *fallbacks, fallbacks=fallbacks, share=80.0, meant=1, claim="refuted"
    )
    warnings = claims(found, "int8")
    assert len(warnings) == len(fallbacks)
    assert "(2 float calls a step, 1 on purpose)" in warnings[0]


def test_one_step_of_many_that_fell_back_is_stated():
    """11 layers, of which one is meant: in one step of three, two ran in float."""
    fallbacks = [row(calls=STEPS + 1)]
    found = judged(
        INT8, *fallbacks, fallbacks=fallbacks, share=80.0, meant=1, claim="refuted"
    )
    assert len(claims(found, "int8")) == 1


def test_a_model_that_fell_back_whole_is_stated_whatever_was_meant():
    fallbacks = [row(calls=11 * STEPS)]
    found = judged(*fallbacks, fallbacks=fallbacks, share=0.0, meant=4, claim="refuted")
    (warning,) = claims(found, "int8")
    assert "33 calls of convolution (forward) ran as jit:avx2" in warning
    assert "(11 float calls a step, 4 on purpose)" in warning


def test_the_layers_meant_for_float_prove_nothing_of_the_others():
    kept = row(calls=STEPS)
    found = judged(kept, fallbacks=[kept], share=0.0, meant=1, claim="unproven")
    (warning,) = claims(found, "int8")
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
    unknown = row("x64:gemm:jit", primitive="matmul", time_s=0.1)
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


def test_a_cap_that_a_crumb_keeps_is_unproven():
    """The step takes a second, of which a millisecond tells its instruction set."""
    tiny = row("jit:avx2", time_s=0.001)
    found = replace(judged(tiny, wall_s=1.0), logged_s=0.001)
    (warning,) = cap_warnings(found, Hardware.parse("cpu:isa=avx2"))
    assert warning.startswith(
        "the cap isa=avx2 is unproven: kernels that tell their instruction set are "
        "0.1 % of themselves and of the time of which nothing is told (expected 40;"
    )


def test_kernels_that_tell_no_instruction_set_do_not_prove_a_cap():
    silent = row("x64:gemm:jit", primitive="matmul", time_s=0.9)
    found = replace(judged(row("jit:avx2", time_s=0.1), silent), logged_s=1.0)
    (warning,) = cap_warnings(found, Hardware.parse("cpu:isa=avx2"))
    assert "are 10 % of themselves" in warning


@pytest.mark.parametrize("hardware", ["cpu", "cpu:threads=1"])
def test_without_a_cap_nothing_is_to_be_proved(hardware):
    assert cap_warnings(judged(), Hardware.parse(hardware)) == []


def test_a_case_whose_kernels_were_not_looked_at_proves_nothing():
    assert claims(None, "int8") == []
    assert cap_warnings(None, Hardware.parse("cuda:0")) == []


def test_both_stand_in_the_record_beside_the_kernels():
    wide = row("jit:avx512_core")
    kernels = judged(wide, fallbacks=[wide], share=50.0, meant=3, claim="refuted")
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


def test_kernels_that_are_no_valid_record_cost_the_case_no_more_than_themselves():
    kernels = replace(judged(row()), float_percent=-1.0)
    found = record(outcome(0.5, kernels=kernels))
    assert (found.status, found.kernels) == ("ok", None)
    assert found.timing.samples_s == [[0.5]]
    (text,) = [one for one in found.warnings if one.startswith("kernels are left out")]
    assert "float_percent" in text


def test_kernels_of_threads_leave_a_cap_as_proven_as_it_is():
    """Their times lie beside each other, and none tells its instruction set."""
    overlapping = row(
        "", "bf16,bf16,f32", primitive="brgemm", time_s=9.0, overlaps=True,
        share_percent=None,
    )  # fmt: skip
    hardware = Hardware.parse("cpu:isa=avx2")
    found = judged(row(), overlapping, wall_s=0.6)
    assert cap_warnings(found, hardware) == []


def test_a_fallback_on_single_threads_has_no_share():
    overlapping = row("", primitive="brgemm", overlaps=True, share_percent=None)
    found = judged(overlapping, fallbacks=[overlapping], claim="refuted")
    (warning,) = claims(found, "bf16")
    assert "on single threads, outside the logged time" in warning
