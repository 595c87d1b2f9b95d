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


@pytest.mark.parametrize(
    ("implementation", "dtypes", "fallbacks"),
    [
        ("brg_conv_fwd:avx512_core", "f32,f32,f32", 0),
        ("brg_conv_fwd:avx10_1_512", "f32,f32,f32", 0),
        ("brgemm:avx10_1_512_amx", "f32,f32,f32", 1),  # told to compute in bf16
        ("brg_matmul:avx512_core_bf16", "f32,f32,f32", 1),
        ("brg_matmul:avx512_core_bf16", "bf16,bf16,f32", 1),
        ("brg_conv_fwd:avx512_core_vnni", "u8,s8,f32", 1),
    ],
)
def test_a_claim_of_fp32_is_looked_at_like_any_other(implementation, dtypes, fallbacks):
    found = breakdown_of(("convolution", "forward", implementation, dtypes))
    assert len(float_fallbacks(found, "fp32")) == fallbacks
    assert claim_share_percent(found, "fp32") == (0.0 if fallbacks else 100.0)


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


@pytest.mark.parametrize("isa", ["amx", "avx512_core_bf16", "avx512_core_vnni"])
def test_integer_kernels_prove_no_bf16_whatever_their_instruction_set(isa):
    kernel = ("convolution", "forward", f"brg_conv_fwd:{isa}", "u8,s8,f32")
    assert len(float_fallbacks(breakdown_of(kernel), "bf16")) == 1
    assert claim_share_percent(breakdown_of(kernel), "bf16") == 0.0


def judged(claimed, wall_ms, *kernels_and_ms, float_layers=0):
    """What a step proves that takes so long, one call of each kernel."""
    entries = [Entry(*kernel, "", ms) for kernel, ms in kernels_and_ms]
    profiled = Profiled(entries, wall_ms / 1000, "a profiler")
    return judge(profiled, 1, claimed, float_layers)


def test_kernels_of_threads_prove_a_claim_by_their_part_of_the_threads_time():
    """Attention in bf16 by two threads: 16 ms of them are 8 of the step's 10."""
    attention = ("brgemm", "none", "", "bf16,bf16,f32")
    entries = [Entry(*attention, "", 8.0, overlaps=True) for _ in range(2)]
    for threads, covered in ((2, 80.0), (16, 10.0)):
        profiled = Profiled(entries, 0.010, "a profiler", threads=threads)
        found = judge(profiled, 1, "bf16")
        assert found.claim_share_percent == 100.0
        assert found.covered_percent == pytest.approx(covered)
        assert found.claim == ("proven" if covered > 40 else "unproven")
    assert judge(profiled, 1, "fp32").claim == "refuted"


TINY = ("convolution", "forward", "brg_conv_fwd:avx512_core_bf16", "bf16,bf16,bf16")


def test_a_crumb_proves_nothing_of_a_step_that_runs_where_nobody_looks():
    """All but one convolution is another library's, in whatever precision."""
    found = judged("bf16", 100.0, (TINY, 1.0))
    assert found.claim_share_percent == 100.0
    assert found.covered_percent == pytest.approx(1.0)
    assert found.claim == "unproven"


@pytest.mark.parametrize(
    ("unexplained_ms", "claim"), [(0.0, "proven"), (59.0, "proven"), (61.0, "unproven")]
)
def test_a_claim_is_proven_by_what_outweighs_the_unexplained(unexplained_ms, claim):
    """Reorders are explained: they cannot have multiplied."""
    kernels = ((TINY, 40.0), (REORDER, 500.0))
    found = judged("bf16", 540.0 + unexplained_ms, *kernels)
    assert found.covered_percent == pytest.approx(100 * 40 / (40 + unexplained_ms))
    assert found.claim == claim


@pytest.mark.parametrize(
    ("float_ms", "claim"), [(9.0, "proven"), (10.0, "proven"), (11.0, "unproven")]
)
def test_layers_in_float_on_purpose_are_excused_half_of_the_time(float_ms, claim):
    kernels = ((MATMUL, 10.0), (CONV, float_ms))
    found = judged("int8", 10.0 + float_ms, *kernels, float_layers=1)
    assert found.float_percent == pytest.approx(100 * float_ms / (10 + float_ms))
    assert found.claim == claim


def test_one_float_layer_more_than_on_purpose_refutes_a_claim():
    kernels = ((MATMUL, 10.0), (CONV, 0.1), (CONV, 0.1))
    assert judged("int8", 10.2, *kernels, float_layers=1).claim == "refuted"
    assert judged("int8", 10.2, *kernels, float_layers=2).claim == "proven"


def test_a_step_that_is_explained_to_its_end_and_keeps_no_claim_refutes_it():
    assert judged("int8", 1.0, (CONV, 1.0)).claim == "refuted"


def test_primitives_side_by_side_leave_nothing_unexplained():
    assert judged("bf16", 5.0, (TINY, 4.0), (TINY, 4.0)).covered_percent == 100.0


def test_all_of_the_time_is_100_percent_to_the_last_bit():
    """Else less than nothing is in float, which no record takes."""
    for number in range(1, 2_000):
        found = judged("bf16", number / 1000, (TINY, number / 1000))
        assert (found.claim_share_percent, found.float_percent) == (100.0, 0.0)
        assert found.covered_percent == 100.0


def test_without_compute_kernels_a_claim_is_unproven():
    assert judged("fp32", 5.0, (REORDER, 4.0)).claim == "unproven"
    assert judged("fp32", 5.0).claim == "unproven"


def test_an_unknown_claim_is_named():
    with pytest.raises(ValueError, match="claimed is 'int4': expected one of"):
        float_fallbacks(breakdown_of(), "int4")


def test_the_claimed_share_is_of_the_compute_kernels_time():
    found = break_down(profile_of((MATMUL, 3.0), (CONV, 1.0), (REORDER, 9.0)))
    assert claim_share_percent(found, "int8") == 75.0
    assert claim_share_percent(found, "fp32") == 25.0


def test_without_compute_kernels_nothing_is_proved():
    assert claim_share_percent(breakdown_of(REORDER), "int8") is None


def test_a_profile_is_judged_by_its_claim_with_all_that_it_stated():
    found = judge(profile_of((MATMUL, 6.0), (CONV, 2.0)), 2, "int8", float_layers=1)
    conv = Row(*CONV, 1, 0.002, 25.0)
    assert found.rows == (Row(*MATMUL, 1, 0.006, 75.0), conv)
    assert (found.claim_share_percent, found.float_fallbacks) == (75.0, (conv,))
    assert (found.steps, found.float_layers, found.source) == (2, 1, "a profiler")
    assert (found.wall_s, found.logged_s, found.coverage_percent) == (0.02, 0.008, 40.0)
    assert found.unparsed_lines == 3


def test_fp32_is_claimed_where_nothing_else_is():
    assert judge(profile_of((CONV, 1.0)), 1).float_fallbacks == ()
