"""What reaches a worker of the user's environment, and what its record tells of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import toy

from harness import environment
from harness.environment import (
    inherited,
    parse_passed,
    public,
    restart_with,
    steering,
    variables,
)
from harness.hardware import Hardware, Machine
from harness.measure.jobs import Job
from harness.measure.messages import ResultMessage
from harness.measure.spawn import Worker
from harness.measure.worker import name_of

MACHINE = Machine(tuple(os.sched_getaffinity(0)), isas=(), cuda_devices=0)
# Each of these changes what is computed, by what, or on how many threads.
STEERING = (
    *("DNNL_DEFAULT_FPMATH_MODE", "ONEDNN_DEFAULT_FPMATH_MODE", "OMP_THREAD_LIMIT"),
    *("TORCH_COMPILE_DISABLE", "TORCHDYNAMO_DISABLE", "KMP_AFFINITY", "LD_PRELOAD"),
    *("MKL_DYNAMIC", "MKL_CBWR", "ORT_DISABLE_ALL", "OV_CPU_DEBUG", "MALLOC_ARENA_MAX"),
    *("GLIBC_TUNABLES", "CUBLAS_WORKSPACE_CONFIG", "TORCH_BLAS_PREFER_CUBLASLT"),
    *("PYTHONOPTIMIZE", "PYTHONMALLOC", "A_VARIABLE_OF_TOMORROW"),
)


def seen_by_a_worker(tmp_path: Path, passed: dict[str, str]) -> dict[str, str]:
    """The environment of a worker, as it finds it."""
    hardware = Hardware.parse("cpu")
    job = Job(name_of(toy.see_environment), MACHINE.cpus, {})
    added = {**hardware.environment(MACHINE), **passed}
    worker = Worker(job, added, tmp_path / "worker.log")
    try:
        messages = list(worker.messages(60.0))
    finally:
        worker.close()
    (result,) = [one for one in messages if isinstance(one, ResultMessage)]
    return dict(result.value)


def test_no_variable_that_steers_kernels_reaches_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in STEERING:
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = seen_by_a_worker(tmp_path, {})
    allocator = {"GLIBC_TUNABLES"}  # the worker's own
    assert {name for name in STEERING if found.get(name) == "1"} == set()
    assert set(STEERING) & set(found) == allocator
    assert found["XDG_CACHE_HOME"] == str(tmp_path)


def test_what_is_passed_by_name_reaches_a_worker(tmp_path: Path) -> None:
    passed = parse_passed(["KMP_BLOCKTIME=0", "GLIBC_TUNABLES=", "EMPTY="])
    found = seen_by_a_worker(tmp_path, passed)
    assert (found["KMP_BLOCKTIME"], found["GLIBC_TUNABLES"]) == ("0", "")
    assert found["EMPTY"] == ""


def test_a_record_tells_names_and_no_secret() -> None:
    user = {
        "PATH": "/home/me/bin",
        "LC_ALL": "C",
        "CXX": "clang++",
        "AWS_SECRET_ACCESS_KEY": "hush",
        "OMP_THREAD_LIMIT": "1",
    }
    found = variables({"OMP_NUM_THREADS": "2"}, {"LD_PRELOAD": "/home/me/x.so"}, user)
    assert found.set == {"OMP_NUM_THREADS": "2"}
    assert found.told == {"CXX": "clang++"}
    assert found.inherited == ["CXX", "LC_ALL", "PATH"]
    assert found.dropped == ["AWS_SECRET_ACCESS_KEY", "OMP_THREAD_LIMIT"]
    assert found.passed["LD_PRELOAD"].startswith("x.so-")
    assert not any(text in str(found) for text in ("hush", "/home"))


def test_folders_are_kept_apart_without_being_stated() -> None:
    one, other = (public({"A": f"/home/{who}/lib:/opt"})["A"] for who in ("me", "you"))
    assert one != other
    assert [part.partition("-")[0] for part in one.split(":")] == ["lib", "opt"]


@pytest.mark.parametrize(
    ("texts", "fault"),
    [
        (["A"], "--env 'A': expected NAME=VALUE"),
        (["=1"], "--env '=1': expected NAME=VALUE"),
        (["A B=1"], "letters, digits and '_' in the name"),
        (["OMP_NUM_THREADS=1"], "hardware sets OMP_NUM_THREADS: ask for it by"),
        (["ONEDNN_MAX_CPU_ISA=AVX2"], "cpu:threads=N or cpu:isa=NAME"),
        (["DNNL_MAX_CPU_ISA=AVX2"], "hardware sets DNNL_MAX_CPU_ISA: ask for it by"),
        (["GOTO_NUM_THREADS=1"], "hardware sets GOTO_NUM_THREADS: ask for it by"),
        (["MKL_DOMAIN_NUM_THREADS=1"], "cpu:threads=N or cpu:isa=NAME"),
        (["A=1", "A=2"], "--env gives A two values"),
    ],
)
def test_what_cannot_be_passed_is_quoted_with_the_reason(texts, fault) -> None:
    with pytest.raises(ValueError, match=fault):
        parse_passed(texts)


def test_doctor_is_stated_of_variables_that_would_steer() -> None:
    user = dict.fromkeys([*STEERING, "PATH", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH"])
    found = set(steering(dict.fromkeys(user, "1")))
    assert found <= set(STEERING)
    assert {"OMP_THREAD_LIMIT", "LD_PRELOAD", "DNNL_DEFAULT_FPMATH_MODE"} <= found


def test_what_is_inherited_is_a_list_of_names() -> None:
    assert inherited({"PATH": "a", "PATH_": "b", "LC_TIME": "c"}) == {
        "PATH": "a",
        "LC_TIME": "c",
    }
    assert set(environment.RECORDED) <= set(environment.INHERITED)


def test_a_program_starts_anew_where_its_environment_lacks_something(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "harness.environment.os.execve", lambda *given: calls.append(given)
    )
    monkeypatch.setenv("SPEECHMARK_A", "1")
    restart_with({"SPEECHMARK_A": "1"})
    assert calls == []
    restart_with({"SPEECHMARK_A": "1", "SPEECHMARK_B": "2"})
    ((program, words, environment),) = calls
    assert program == words[0] == sys.executable
    assert words[1:] == sys.orig_argv[1:]
    assert environment["SPEECHMARK_B"] == "2"
