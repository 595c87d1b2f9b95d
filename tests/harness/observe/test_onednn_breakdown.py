from dataclasses import asdict

import pytest

from harness.observe.onednn.breakdown import (
    Breakdown,
    Row,
    break_down,
    claim_share_percent,
    float_fallbacks,
    isa_of,
)
from harness.observe.onednn.capture import capture
from harness.observe.onednn.log import Entry, Log

CONV = ("convolution", "forward", "jit:avx512_core", "f32,f32,f32")
MATMUL = ("matmul", "none", "brg_matmul:avx512_core_vnni", "u8,s8,f32")
REORDER = ("reorder", "none", "jit:uni", "f32,bf16")


def log_of(*kernels_and_ms):
    entries = (Entry(*kernel, "", ms) for kernel, ms in kernels_and_ms)
    return Log(tuple(entries), unparsed_lines=3, other_lines=0)


def breakdown_of(*kernels):
    return break_down(log_of(*((kernel, 1.0) for kernel in kernels)), wall_s=1.0)


def test_calls_of_one_kernel_are_one_row_and_the_longest_comes_first():
    log = log_of((CONV, 1.0), (MATMUL, 6.0), (CONV, 3.0))
    assert break_down(log, wall_s=0.02) == Breakdown(
        rows=(Row(*MATMUL, 1, 0.006, 60.0), Row(*CONV, 2, 0.004, 40.0)),
        logged_s=0.01,
        wall_s=0.02,
        unparsed_lines=3,
    )


@pytest.mark.parametrize("part", range(4))
def test_kernels_that_differ_in_anything_are_told_apart(part):
    other = tuple("x" if i == part else text for i, text in enumerate(CONV))
    assert len(breakdown_of(CONV, other).rows) == 2


@pytest.mark.parametrize(("wall_s", "percent"), [(0.02, 50.0), (0.0, None)])
def test_coverage_is_of_the_wall_time(wall_s, percent):
    found = break_down(log_of((CONV, 10.0)), wall_s)
    assert found.coverage_percent == percent


def test_an_empty_log_covers_nothing():
    found = break_down(log_of(), wall_s=1.0)
    assert (found.rows, found.coverage_percent) == ((), 0.0)


def test_kernels_that_took_no_time_have_no_share():
    (row,) = break_down(log_of((CONV, 0.0)), wall_s=1.0).rows
    assert row.share_percent == 0.0


@pytest.mark.parametrize(
    ("implementation", "isa"),
    [
        ("brg_conv_fwd:avx512_core_amx", "amx"),
        ("brg_matmul:avx10_1_512_amx", "amx"),
        ("brgemm:avx512_core_fp16", "avx512_core_fp16"),
        ("jit_bf16:avx512_core_bf16", "avx512_core_bf16"),
        ("brg_matmul:avx512_core_vnni", "avx512_core_vnni"),
        ("jit:avx512_core", "avx512_core"),
        ("brg:avx2_vnni_2", "avx2_vnni_2"),
        ("conv:any+jit:avx2", "avx2"),
        ("brgemm:sve_256", "sve_256"),
        ("indirect_gemm:acl", "acl"),
        ("x64:gemm:jit", "gemm"),
        ("ref:any", "ref"),
        ("jit:uni", "uni"),
        ("", "unknown"),
    ],
)
def test_an_implementations_name_tells_its_instruction_set(implementation, isa):
    assert isa_of(implementation) == isa
    assert Row("matmul", "none", implementation, "", 1, 1.0, 1.0).isa == isa


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
    found = break_down(log_of((MATMUL, 3.0), (CONV, 1.0), (REORDER, 9.0)), 1.0)
    assert claim_share_percent(found, "int8") == 75.0
    assert claim_share_percent(found, "fp32") == 25.0


def test_without_compute_kernels_nothing_is_proved():
    assert claim_share_percent(breakdown_of(REORDER), "int8") is None


@pytest.mark.parametrize("steps", [1, 3])
def test_real_steps_are_captured(steps, capfd):
    import torch

    layer, frames = torch.nn.Conv1d(4, 8, 3), torch.rand(2, 4, 50)
    calls = []

    def step():
        calls.append(layer(frames))
        print("a step's own words")

    found = capture(step, steps, claimed="bf16")
    print("after")
    assert len(calls) == found.steps == steps
    convolutions = [row for row in found.rows if row.primitive == "convolution"]
    assert sum(row.calls for row in convolutions) == steps
    assert [row.dtypes for row in convolutions] == ["f32,f32,f32"]
    assert found.float_fallbacks == tuple(convolutions)
    assert 0 < found.logged_s <= found.wall_s
    assert "onednn_verbose" not in capfd.readouterr().out
    assert "isa" not in asdict(found)["rows"][0]


def test_an_error_in_a_step_gives_the_output_back(capfd):
    with pytest.raises(ZeroDivisionError):
        capture(lambda: 1 / 0)
    import os

    os.write(1, b"still here\n")
    assert "still here" in capfd.readouterr().out


def test_fp32_is_claimed_where_nothing_else_is():
    import torch

    layer, frames = torch.nn.Conv1d(4, 8, 3), torch.rand(2, 4, 50)
    assert capture(lambda: layer(frames)).float_fallbacks == ()
