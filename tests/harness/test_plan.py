import sys
from dataclasses import replace

import pytest
import toy

from harness.case import Case
from harness.plan import discover, plan
from harness.workload import Metric, Point, Target, Workload

POINT = Point("m", "bf16", "eager", 8, 12.5, (("beam", "16"),))
ONE = Workload("one", "infer", "", toy.build, {"quick": (POINT,)})
TWO = replace(ONE, name="two", points={"quick": (POINT,), "smoke": (POINT,)})


def test_a_declared_point_becomes_a_case_on_the_users_hardware():
    case = Case("one", "m", "bf16", "eager", "cpu:threads=1", 8, (("beam", "16"),))
    assert ONE.cases("quick", "cpu:threads=1") == {case: 12.5}


def test_a_case_claims_what_its_point_declares_whatever_its_name():
    squeezed = replace(POINT, compression="squeezed", claims="int8")
    workload = replace(ONE, points={"smoke": (POINT,)}, beside=(squeezed,))
    (known,) = workload.cases("smoke", "cpu:threads=1")
    assert workload.claims_of(known) == "fp32"
    assert workload.claims_of(replace(known, compression="squeezed")) == "int8"
    assert workload.claims_of(replace(known, compression="bf16")) == "fp32"
    (planned,) = plan(
        [replace(workload, points={"smoke": (squeezed,)})], "smoke", ["cpu"]
    )
    assert planned.claims == "int8"


def test_a_workload_without_a_profile_has_no_cases_in_it():
    assert ONE.cases("smoke", "cpu") == {}


def test_a_plan_goes_workload_by_workload_and_then_hardware_by_hardware():
    planned = plan([ONE, TWO], "quick", ["cpu", "cuda:0"])
    assert [p.case.id for p in planned] == [
        "one/m/bf16/eager/cpu/b8/beam=16",
        "one/m/bf16/eager/cuda:0/b8/beam=16",
        "two/m/bf16/eager/cpu/b8/beam=16",
        "two/m/bf16/eager/cuda:0/b8/beam=16",
    ]
    assert [p.workload.name for p in planned] == ["one", "one", "two", "two"]
    assert {p.expected_s for p in planned} == {12.5}


def test_a_plan_holds_the_chosen_profile_alone():
    assert [p.workload.name for p in plan([ONE, TWO], "smoke", ["cpu"])] == ["two"]


@pytest.fixture
def benchmarks(tmp_path, monkeypatch):
    """A package of benchmark files, of which a test writes some."""
    package = tmp_path / "found_benchmarks"
    package.mkdir()
    for name in ("__init__", "shared"):
        (package / f"{name}.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    yield package
    for module in [m for m in sys.modules if m.startswith("found_benchmarks")]:
        del sys.modules[module]


def write(path, *names):
    """A file that declares workloads of these names."""
    path.write_text(
        "from types import SimpleNamespace\n"
        f"WORKLOADS = [SimpleNamespace(name=name) for name in {names!r}]\n"
    )


def found():
    return [workload.name for workload in discover("found_benchmarks")]


def test_workloads_are_found_in_the_bench_modules_in_order(benchmarks):
    write(benchmarks / "bench_b.py", "3")
    write(benchmarks / "bench_a.py", "1", "2")
    assert found() == ["1", "2", "3"]


def test_a_workload_from_elsewhere_takes_no_name_of_the_suites_own(benchmarks, caplog):
    write(benchmarks / "bench_elsewhere.py", "asr", "theirs")
    write(benchmarks / "bench_speech.py", "asr")
    assert found() == ["asr", "theirs"]
    assert (
        discover("found_benchmarks")[0]
        is sys.modules["found_benchmarks.bench_speech"].WORKLOADS[0]
    )
    assert "the workload asr of found_benchmarks.bench_elsewhere is left out" in (
        caplog.text
    )


@pytest.mark.parametrize(
    ("difference", "gate", "passed"),
    [
        (0.01, 0.01, True),
        (-0.5, 0.01, True),
        (0.0101, 0.01, False),
        (None, 0.01, None),
        (0.01, None, None),
    ],
)
def test_a_metric_passes_its_gate_up_to_and_with_its_level(difference, gate, passed):
    metric = Metric(0.2, 50, (0.1, 0.3), difference=difference, gate=gate)
    assert metric.passed is passed


@pytest.mark.parametrize(
    ("difference", "passed"), [(-0.5, True), (3.0, True), (-0.51, False), (None, None)]
)
def test_a_metric_of_which_higher_is_better_may_fall_by_its_gate(difference, passed):
    metric = Metric(
        9.0, 50, (8.5, 9.5), difference=difference, gate=0.5, better="higher"
    )
    assert metric.passed is passed


def test_a_metric_with_a_fault_fails_with_and_without_a_gate():
    for more in ({}, {"difference": -0.1, "gate": 0.5}):
        assert Metric(0.2, 50, (0.1, 0.3), fault="3 are silent", **more).passed is False


@pytest.mark.parametrize("made", [Metric, Target])
def test_a_direction_that_is_none_is_refused(made):
    with pytest.raises(ValueError, match="better is 'up': expected 'lower' or 'hig"):
        made("si_sdr", 1.0, *([(0.0, 1.0)] if made is Metric else []), better="up")


BROKEN = {
    "x = 1": "declares no WORKLOADS: add",
    "x = 1\nimport no_such": "bench_a.py:2: ModuleNotFoundError: No module named 'no",
    "WORKLOADS = (\n": "SyntaxError: '(' was never closed (bench_a.py, line 1); corr",
    "def f():\n    return 1 / 0\nf()": "bench_a.py:2: ZeroDivisionError: division by",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_benchmark_file_is_named_and_breaks_no_other(benchmarks, caplog, text):
    (benchmarks / "bench_a.py").write_text(text)
    write(benchmarks / "bench_b.py", "1")
    assert found() == ["1"]
    assert "found_benchmarks.bench_a is left out, and nothing else: " in caplog.text
    assert BROKEN[text] in caplog.text
