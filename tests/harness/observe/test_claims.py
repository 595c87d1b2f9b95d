import pytest

from harness.observe.claims import claim_share_percent, float_fallbacks, judge
from harness.observe.kernels import Entry, Profiled, Row, break_down

CONV = ("convolution", "forward", "jit:avx512_core", "f32,f32,f32")
MATMUL = ("matmul", "none", "brg_matmul:avx512_core_vnni", "u8,s8,f32")
REORDER = ("reorder", "none", "jit:uni", "f32,bf16")


def profile_of(*kernels_and_ms):
    entries = [Entry(*kernel, "", ms) for kernel, ms in kernels_and_ms]
    return Profiled(entries, 0.02, "a profiler", unparsed_lines=3)


def breakdown_of(*kernels):
    return break_down(profile_of(*((kernel, 1.0) for kernel in kernels)))


@pytest.mark.parametrize("claimed", ["int8", "bf16", "fp16"])
def test_float_kernels_under_a_narrower_claim_are_fallbacks(claimed):
    found = float_fallbacks(breakdown_of(CONV), claimed)
    assert [row.primitive for row in found] == ["convolution"]


def test_a_claim_of_fp32_cannot_fall_back():
    assert float_fallbacks(breakdown_of(CONV), "fp32") == ()


def test_moving_data_is_no_fallback():
    assert float_fallbacks(breakdown_of(REORDER, MATMUL), "int8") == ()


def test_float_inputs_with_integer_weights_are_no_integer_arithmetic():
    kernel = ("matmul", "none", "jit:uni", "f32,s8,f32")
    assert len(float_fallbacks(breakdown_of(kernel), "int8")) == 1


@pytest.mark.parametrize(
    ("implementation", "dtypes", "fallbacks"),
    [
        ("QLinearConv", "u8,s8,u8", 0),
        ("ConvInteger", "u8,s8,s32", 0),
        ("ConvInteger", "u8,u8,s32", 0),
        ("QLinearConv", "u8,s16,u8", 0),  # w16a8 is no float either
        ("FusedConv", "f32,f32,f32", 1),
        ("Conv", "f32,f32,f32", 1),
    ],
)
def test_a_kernel_counts_alike_whatever_its_runtime_calls_it(
    implementation, dtypes, fallbacks
):
    kernel = ("convolution", "forward", implementation, dtypes)
    found = breakdown_of(kernel)
    assert len(float_fallbacks(found, "int8")) == fallbacks
    assert claim_share_percent(found, "int8") == (0.0 if fallbacks else 100.0)


@pytest.mark.parametrize(
    ("direction", "dtypes", "fallbacks"),
    [
        ("forward", "bf16,bf16,f32", 0),
        ("forward", "bf16,f32,bf16", 1),
        ("backward_data", "f32,bf16,bf16", 0),
        ("backward_data", "bf16,f32,bf16", 1),
        ("backward_weights", "bf16,f32,bf16", 0),
        ("backward_weights", "f32,bf16,bf16", 1),
    ],
)
def test_a_kernel_counts_by_what_it_reads(direction, dtypes, fallbacks):
    kernel = ("convolution", direction, "gemm:jit", dtypes)
    assert len(float_fallbacks(breakdown_of(kernel), "bf16")) == fallbacks


def test_float_tensors_multiplied_in_bf16_keep_the_claim():
    kernel = ("matmul", "none", "brg_matmul:avx512_core_bf16", "f32,f32,f32")
    assert float_fallbacks(breakdown_of(kernel), "bf16") == ()


def test_an_unknown_claim_is_named():
    with pytest.raises(ValueError, match="claimed is 'int4': expected one of"):
        float_fallbacks(breakdown_of(), "int4")


def test_the_claimed_share_is_of_the_compute_kernels_time():
    found = break_down(profile_of((MATMUL, 3.0), (CONV, 1.0), (REORDER, 9.0)))
    assert claim_share_percent(found, "int8") == 75.0
    assert claim_share_percent(found, "fp32") == 25.0


def test_without_compute_kernels_nothing_is_proved():
    assert claim_share_percent(breakdown_of(REORDER), "int8") is None


def test_a_profile_is_judged_by_its_claim_with_all_that_it_told():
    found = judge(profile_of((MATMUL, 6.0), (CONV, 2.0)), 2, "int8", float_layers=1)
    conv = Row(*CONV, 1, 0.002, 25.0)
    assert found.rows == (Row(*MATMUL, 1, 0.006, 75.0), conv)
    assert (found.claim_share_percent, found.float_fallbacks) == (75.0, (conv,))
    assert (found.steps, found.float_layers, found.source) == (2, 1, "a profiler")
    assert (found.wall_s, found.logged_s, found.coverage_percent) == (0.02, 0.008, 40.0)
    assert found.unparsed_lines == 3


def test_fp32_is_claimed_where_nothing_else_is():
    assert judge(profile_of((CONV, 1.0)), 1).float_fallbacks == ()
