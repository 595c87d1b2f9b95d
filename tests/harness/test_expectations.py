"""How long cases should take here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import toy

from harness import expectations
from harness.expectations import (
    REFERENCE_BYTES_PER_S,
    Durations,
    Expectations,
    Expected,
    scale_of,
)
from harness.hardware import Machine
from harness.measure.made_before import MadeCases
from harness.observe.host_speed import HostSpeed
from harness.observe.yardstick import Kernels, Yardstick
from harness.plan import Planned, plan
from harness.profile import QUICK, SMOKE
from harness.report.plan import rests_on

PROFILE = replace(QUICK, timed_s=2.0, processes=1)
MAKING = replace(toy.WORKLOAD, make=toy.make, make_s=6.0)


def cases(*models: str, workload: object = MAKING) -> list[Planned]:
    points = tuple(replace(one, expected_s=10.0) for one in toy.points(*models))
    return plan([replace(workload, points={"quick": points})], "quick", ["cpu"])  # type: ignore[type-var]


def here(
    scale: float = 1.0, durations: Durations | None = None, made: tuple[str, ...] = ()
) -> Expectations:
    before = MadeCases(None, set(made))
    known = durations or Durations(None)
    return Expectations(PROFILE, scale, known, before, makers=lambda count: 2)


def test_a_case_takes_what_each_of_its_stages_took_in_the_median_over_runs() -> None:
    durations = Durations(None)
    for build_s, timed_s, total_s in (
        (9.0, 2.0, 12.0),
        (1.0, 2.0, 4.0),
        (1.0, 8.0, 9.5),
    ):
        durations.add("case", {"build": build_s, "timed": timed_s}, total_s)
    assert durations.of("case") == Expected(1.0 + 2.0 + 1.0, 3)
    assert durations.of("another") is None


def test_what_a_run_of_long_ago_took_is_forgotten() -> None:
    durations = Durations(None)
    for total_s in (900.0, *[5.0] * expectations.RUNS_KEPT):
        durations.add("case", {"timed": total_s}, total_s)
    assert durations.runs["case"] == [{"timed": 5.0, "outside": 0.0}] * 5


def test_a_stage_that_only_some_runs_had_counts_as_nothing_in_the_others() -> None:
    durations = Durations(None)
    for stages in ({"timed": 2.0}, {"timed": 2.0}, {"timed": 2.0, "accuracy": 50.0}):
        durations.add("case", stages, sum(stages.values()))
    assert durations.of("case") == Expected(2.0, 3)


def test_durations_come_back_for_the_same_profile_and_cpus_alone(
    tmp_path: Path,
) -> None:
    first = Durations.kept(QUICK, (0, 1), tmp_path)
    first.add("case", {"timed": 2.0}, 3.0)
    first.save()
    assert Durations.kept(QUICK, (0, 1), tmp_path).of("case") == Expected(3.0, 1)
    assert Durations.kept(SMOKE, (0, 1), tmp_path).of("case") is None
    assert Durations.kept(QUICK, (0,), tmp_path).of("case") is None
    assert Durations.kept(QUICK, (0, 1), None).path is None


@pytest.mark.parametrize(
    "text", ["", "[1]", '{"case": [{"timed": -1}]}', '{"case": [{"timed": NaN}]}', "{"]
)
def test_a_file_that_is_none_tells_nothing(tmp_path: Path, text: str) -> None:
    path = Durations.kept(QUICK, (0, 1), tmp_path).path
    assert path is not None
    path.parent.mkdir()
    path.write_text(text)
    assert Durations.kept(QUICK, (0, 1), tmp_path).runs == {}


def test_a_slow_machine_computes_longer_and_draws_samples_as_long() -> None:
    (one,) = cases("good")
    assert here(scale=1.0).of(one) == Expected(10.0, 0)
    assert here(scale=2.0).of(one) == Expected(2.0 + 2 * 8.0, 0)


def test_a_training_is_scaled_as_a_whole() -> None:
    (one,) = cases("good", workload=toy.TRAINING)
    assert here(scale=2.0).of(one) == Expected(20.0, 0)


def test_what_was_measured_here_counts_before_what_is_declared() -> None:
    durations = Durations(None)
    durations.add("toy/good/fp32/eager/cpu/b1", {"timed": 3.0}, 4.0)
    found = here(3.0, durations).planned(cases("good", "other"))
    assert [one.expected_s for one in found] == [4.0, 2.0 + 3 * 8.0]


def test_making_is_expected_apart_for_what_is_not_made_by_all_its_processes() -> None:
    planned = cases("good", "other", "third")
    assert here(scale=2.0).making(planned) == (3, 2 * 3 * 6.0 / 2)
    made = ("toy/good/fp32/eager/cpu/b1", "toy/other/fp32/eager/cpu/b1")
    assert here(made=made).making(planned) == (1, 3.0)
    assert here().making(cases("good", workload=toy.WORKLOAD)) == (0, 0.0)


def test_a_plan_says_what_its_times_rest_on() -> None:
    durations = Durations(None)
    durations.add("toy/good/fp32/eager/cpu/b1", {"timed": 3.0}, 4.0)
    assert rests_on(cases("good", "other"), here(1.9, durations)) == [
        "1 of 2 cases: what they took here, each stage's median over the last 5 runs "
        "at most",
        "1 of 2 cases: what is declared for two cores of an AMD EPYC (Zen 4); all but "
        "timed samples takes 1.90 times as long here (by registers)",
        "before the first case, once: about 11 s to make what 2 of them take",
    ]
    made = ("toy/good/fp32/eager/cpu/b1",)
    assert rests_on(cases("good"), here(1.0, durations, made)) == [
        "1 of 1 cases: what they took here, each stage's median over the last 5 runs "
        "at most",
        "all that these cases take is made",
    ]


def host(tmp_path: Path, rate: float) -> HostSpeed:
    """A machine of so many bytes per second in registers."""
    clock = [0]

    def work() -> None:
        clock[0] += round(1e9 * (1 << 19) / rate)

    kernels = Kernels(work, lambda place: work(), lambda: None)
    stick = Yardstick((0,), kernels, cpu_time_ns=lambda: clock[0])
    return HostSpeed(stick, tmp_path / "yardstick.json")


def test_the_scale_is_what_the_reference_gives_in_registers_over_what_this_does(
    tmp_path: Path,
) -> None:
    slow, slept = host(tmp_path, REFERENCE_BYTES_PER_S / 2), list[float]()
    assert scale_of(slow, slept.append) == pytest.approx(2.0, rel=1e-3)
    assert sum(slept) == pytest.approx(1.0)  # a moment tells less


def test_the_best_of_earlier_runs_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "yardstick.json").write_text(
        json.dumps(
            {
                "format_version": 2,
                "runs": [
                    {
                        "run": "1",
                        "readings": 9,
                        "registers_bytes_per_s": REFERENCE_BYTES_PER_S / 4,
                        "handovers_per_s": 0.0,
                        "memory_apart_bytes_per_s": 0.0,
                        "memory_bytes_per_s": 1e9,
                    }
                ],
            }
        )
    )
    known = host(tmp_path, REFERENCE_BYTES_PER_S)
    assert scale_of(known) == pytest.approx(4.0)
    assert known.readings == []


def test_the_yardstick_is_asked_on_the_cpus_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of cores with two threads one each: a best of other CPUs is kept apart."""
    asked: list[tuple[int, ...]] = []

    def of_this_machine(cpus: tuple[int, ...], cache: Path | None) -> HostSpeed:
        asked.append(tuple(cpus))
        return host(tmp_path, REFERENCE_BYTES_PER_S)

    monkeypatch.setattr(HostSpeed, "of_this_machine", of_this_machine)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    machine = Machine(cpus=(0, 1, 2, 3), isas=(), cuda_devices=0, threads=2)
    Expectations.here(PROFILE, machine, 0, tmp_path)
    assert asked == [(0, 1)]
