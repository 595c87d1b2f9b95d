"""The command `speechmark plan`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import cli
from harness.expectations import Durations
from harness.profile import SMOKE
from harness.run_session import this_machine


def invoke(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.main, arguments)
    return done.exit_code, done.output


def test_plan_lists_each_case_with_its_time_and_the_sum() -> None:
    status, printed = invoke("plan", "--profile", "smoke", "--declared")
    assert status == 0
    lines = [line.split() for line in printed.splitlines()]
    cases = [line for line in lines if line and line[0].startswith("asr-training/")]
    every = [line for line in lines if line and line[0].count("/") >= 5]
    assert ["asr-training/ds2-small/fp32/eager/cpu/b8", "15", "s"] in cases
    total_s = sum(float(line[1]) for line in every)
    assert f"{len(every)} cases" in printed
    assert f"{total_s / 60:.1f} min" in printed


def test_plan_expects_what_cases_took_here_or_what_is_declared_at_this_speed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path))
    chosen = ("plan", "--profile", "smoke", "-k", "asr-step")
    _, declared = invoke(*chosen, "--declared")
    assert "expected on two cores of an AMD EPYC" in declared
    assert (
        "1 of 1 cases: what is declared for two cores of an AMD EPYC (Zen 4); all"
        in (invoke(*chosen)[1])
    )
    took = Durations.kept(SMOKE, this_machine().cpus, tmp_path)
    took.add("asr-step/ds2-small/bf16/eager/cpu/b4", {"timed": 50.0}, 71.0)
    took.save()
    _, printed = invoke(*chosen)
    assert "71 s" in printed
    assert "1 of 1 cases: what they took here" in printed
    assert "to make what 1 of them take" in printed


def test_plan_says_once_what_each_workload_does() -> None:
    _, printed = invoke("plan", "--profile", "smoke")
    lines = [line.strip() for line in printed.splitlines()]
    titles = [
        line.partition(":")[0] for line in lines if re.match(r"[a-z0-9-]+: ", line)
    ]
    workloads = {line.partition("/")[0] for line in lines if line.count("/") >= 5}
    assert set(titles) == workloads
    assert len(titles) == len(workloads)


def test_plan_keeps_to_hardware_and_keyword() -> None:
    _, printed = invoke("plan", "--hardware", "cpu:threads=1", "-k", "B16")
    cases = [line for line in printed.splitlines() if "/eager/" in line]
    assert cases
    assert all("/cpu:threads=1/b16" in case for case in cases)


def test_plan_takes_globs_of_whole_ids_where_expressions_cannot() -> None:
    _, printed = invoke("plan", "--cases", "asr-decoding/*beam=64*", "-k", "flashlight")
    cases = [line.split()[0] for line in printed.splitlines() if "/cpu/" in line]
    assert cases == ["asr-decoding/ds2-small/fp32/flashlight/cpu/b1/beam=64"]
    assert "1 case " in printed
