"""Cases by the names of the axes."""

import subprocess
import sys

import pytest

from benchmarks.grid import Run, grid, runs
from harness.workload import Point


def test_compressions_are_listed_by_their_runtimes_in_order() -> None:
    assert runs(openvino=("fp32", "bf16"), eager=("fp32",)) == (
        Run("openvino", "fp32"),
        Run("openvino", "bf16"),
        Run("eager", "fp32"),
    )


def test_a_grid_has_every_model_in_every_run_at_every_batch_size() -> None:
    chosen = runs(eager=("fp32",), onnxruntime=("int8-static",))
    points = grid(("a", "b"), chosen, batch_sizes=(1, 8), expected_s=7)
    assert [(p.model, p.runtime, p.batch_size) for p in points] == [
        (model, runtime, size)
        for model in ("a", "b")
        for runtime in ("eager", "onnxruntime")
        for size in (1, 8)
    ]
    assert {p.expected_s for p in points} == {7}


def test_a_point_names_its_options_in_order_and_claims_its_arithmetic() -> None:
    (point,) = grid(
        ["m"],
        runs(onnxruntime=["prune-l1-unstructured-50+int8-static"]),
        expected_s=3,
        graph="off",
        arena="off",
    )
    assert point == Point(
        "m",
        "prune-l1-unstructured-50+int8-static",
        "onnxruntime",
        1,
        3,
        (("graph", "off"), ("arena", "off")),
        "int8",
    )


def test_a_grid_may_read_its_runs_once() -> None:
    chosen = iter(runs(eager=("fp32", "bf16")))
    assert len(grid(("a", "b"), chosen, expected_s=1)) == 4


def test_a_compression_that_is_none_is_refused_where_it_is_declared() -> None:
    with pytest.raises(ValueError, match="no compression is called 'int4'"):
        grid(["m"], runs(eager=["int4"]), expected_s=1)


def test_declaring_cases_loads_no_torch() -> None:
    names = "grid, decoding, bench_asr_inference, bench_separation, bench_elsewhere"
    script = (
        f"import sys; from benchmarks import {names}; print('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "False"
