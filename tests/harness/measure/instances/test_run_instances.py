"""Cases of several instances, over real workers of the toy workload."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import toy

from harness.case import Case
from harness.hardware import Machine
from harness.measure.instances import run as instances_run
from harness.measure.run import Runner, Settings
from harness.measure.watch import Instruments
from harness.observe.roofline import Peaks
from harness.profile import SMOKE
from harness.record.schema import InstancesRecord, Record, Timing
from harness.run_session import this_machine
from harness.workload import Workload

CPUS = this_machine().cpus[:2]
MACHINE = Machine(CPUS, isas=(), cuda_devices=0, threads=2)
ONE = replace(SMOKE, warmup_s=0.0, timed_s=0.1, max_samples=10_000)
pytestmark = pytest.mark.skipif(len(CPUS) < 2, reason="two instances take two cores")


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A run whose peaks and idle power have been asked for already."""
    peaks = Peaks("fp32", flops_per_s=1e12, bytes_per_s=1e9)
    return Runner(
        Settings(ONE, MACHINE, tmp_path),
        Instruments({"cpu": None}),
        {("cpu", "fp32"): peaks},
    )


def run(
    runner: Runner,
    model: str = "good",
    count: int = 2,
    workload: Workload | None = None,
) -> Record:
    workload = workload or toy.WORKLOAD
    options = (("instances", str(count)),)
    case = Case(workload.name, model, "fp32", "eager", "cpu", 1, options)
    return runner.run(workload, case, lambda progressing: None)


def parts(record: Record) -> tuple[Timing, InstancesRecord]:
    assert record.timing is not None, record.reason
    assert record.instances is not None
    return record.timing, record.instances


def test_two_instances_are_timed_each_on_a_core_of_its_own(runner: Runner) -> None:
    record = run(runner)
    timing, found = parts(record)
    assert (found.count, found.threads) == (2, 1)
    assert [one.cpus for one in found.each] == [[cpu] for cpu in CPUS]
    assert [one.number for one in found.each] == [1, 2]
    assert min(one.steps for one in found.each) > 0
    assert sum(one.steps for one in found.each) == len(timing.samples_s[0])
    assert record.threads is not None
    assert (record.threads.asked, record.threads.allowed) == (1, 1)
    assert record.variables is not None
    assert record.variables.set["OMP_NUM_THREADS"] == "1"


def test_throughput_is_the_sum_and_a_step_is_of_one_instance(runner: Runner) -> None:
    record = run(runner)
    timing, found = parts(record)
    rates = [one.throughput_items_per_s for one in found.each]
    assert timing.throughput_items_per_s == pytest.approx(sum(rates))
    assert timing.rtfx == pytest.approx(sum(one.rtfx for one in found.each))
    assert timing.rtfx == pytest.approx(3 * timing.throughput_items_per_s)
    alone = 2 / timing.median_s  # items of one step that takes as long
    assert max(rates) < 1.5 * alone < 1.5 * sum(rates)


def test_the_step_is_held_against_the_peak_of_all_instances_together(
    runner: Runner,
) -> None:
    record = run(runner)
    timing, _ = parts(record)
    assert record.roofline is not None
    assert record.roofline.achieved_flops_per_s == pytest.approx(
        2 * 1e6 * timing.throughput_items_per_s / 2
    )


def test_memory_is_that_of_all_instances(runner: Runner) -> None:
    record = run(runner)
    peaks = [one.peak_rss_bytes or 0 for one in parts(record)[1].each]
    assert record.memory is not None
    assert min(peaks) > 0
    assert record.memory.peak_rss_bytes == sum(peaks)


def test_one_instance_alone_is_judged_and_knows_nothing_of_the_others(
    runner: Runner,
) -> None:
    record = run(runner)
    assert record.case_id.endswith("/instances=2")
    assert record.details["case"] == "toy/good/fp32/eager/cpu/b1"
    assert record.accuracy is not None
    assert record.accuracy.metrics
    assert record.values is not None
    assert record.values.passed
    assert record.kernels is not None


def test_each_process_of_a_profile_starts_all_instances_anew(
    runner: Runner, tmp_path: Path
) -> None:
    runner.settings = replace(runner.settings, profile=replace(ONE, processes=2))
    timing, found = parts(run(runner))
    built = (tmp_path / "scratch" / "built-good").read_text().split()
    assert len(set(built)) == 4
    assert timing.processes == len(timing.samples_s) == len(found.steps_per_s) == 2
    assert [len(timing.drift), len(found.window_s), len(found.each)] == [4, 2, 2]
    steps = sum(one.steps for one in found.each)
    assert steps == sum(map(len, timing.samples_s))


def test_noise_is_of_the_samples_of_all_instances(runner: Runner) -> None:
    record = run(runner)
    timing, _ = parts(record)
    drawn = [*timing.samples_s, *timing.spoiled_samples_s]
    assert sum(one.samples or 0 for one in record.noise) == sum(map(len, drawn))


def test_the_sensors_see_all_instances(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, ...]] = []
    enter = instances_run.Watch.enter

    def entered(self: instances_run.Watch, stage: str) -> None:
        if stage == "timed":
            seen.append(self._tree.pids)
        enter(self, stage)

    monkeypatch.setattr(instances_run.Watch, "enter", entered)
    run(runner)
    assert [len(pids) for pids in seen] == [2]
    assert os.getpid() not in seen[0]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("second-killed", "the worker was killed by signal 9 (SIGKILL)"),
        ("second-broken", "ValueError: the second is broken on purpose"),
    ],
)
def test_an_instance_that_fails_fails_the_case_with_its_number(
    runner: Runner, model: str, reason: str
) -> None:
    record = run(runner, model)
    assert record.status == "failed"
    assert (record.reason or "").startswith(f"instance 2 of 2: stage warmup: {reason}")
    assert record.timing is None


def test_an_instance_that_is_killed_while_it_is_timed_fails_the_case_too(
    runner: Runner,
) -> None:
    long = replace(ONE, timed_s=60.0, max_samples=1_000_000)
    runner.settings = replace(runner.settings, profile=long)
    reason = run(runner, "second-killed-late").reason or ""
    assert reason.startswith("instance 2 of 2: stage timed: the worker was killed by ")


def test_a_killed_instances_memory_is_not_told_from_that_of_all(runner: Runner) -> None:
    assert "MiB resident" not in (run(runner, "second-killed").reason or "")


def test_the_first_instance_that_fails_alone_has_its_number_too(
    runner: Runner,
) -> None:
    reason = run(runner, "broken").reason or ""
    assert reason.startswith("instance 1 of 2: stage build: ValueError: the toy is bro")


def test_wrong_values_fail_the_case(runner: Runner) -> None:
    record = run(runner, "garbage")
    assert record.status == "failed"
    assert (record.reason or "").startswith("wrong values: ")


def test_an_instance_that_hangs_is_killed_and_named(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.measure.run.CASE_LIMIT_S", -28.0)
    reason = run(runner, "slow-build").reason or ""
    assert reason == "instance 1 of 2: stage build: no end after 3 s; killed"


def test_an_instance_that_hangs_after_its_result_is_killed_and_named(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its exit handlers wait for ever, in all but the first: it is the last to end."""
    monkeypatch.setattr("harness.measure.run.CASE_LIMIT_S", -21.0)
    reason = run(runner, "second-never-leaves").reason or ""
    assert reason.startswith("instance 2 of 2: stage ending: no end after ")


def test_where_an_instances_memory_is_unknown_a_warning_says_so(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances_run, "peak_private_bytes", lambda pid: None)
    record = run(runner)
    assert record.status == "ok"
    assert any("whether all of them fit" in text for text in record.warnings)


def test_what_cannot_run_here_is_skipped_with_its_reason_alone(runner: Runner) -> None:
    record = run(runner, "unsupported")
    assert record.status == "skipped"
    assert record.reason == "the toy has no such operator: use another model"


def test_more_instances_than_cores_are_skipped(runner: Runner) -> None:
    record = run(runner, count=4)
    assert record.status == "skipped"
    assert (record.reason or "").startswith("more instances than the 2 cores that cpu ")


def test_a_training_is_not_run_in_instances(runner: Runner) -> None:
    record = run(runner, workload=toy.TRAINING)
    assert record.status == "skipped"
    assert "leave the option instances out" in (record.reason or "")


def test_instances_that_do_not_fit_the_memory_are_skipped_before_they_start(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances_run, "memory_available_bytes", lambda: 2**20)
    record = run(runner)
    assert record.status == "skipped"
    assert (record.reason or "").startswith("2 instances take 0.0")
    assert "beside the first 0.000977 GiB are left of the mach" in (record.reason or "")
    built = (tmp_path / "scratch" / "built-good").read_text().split()
    assert len(built) == 1


def test_a_reserve_is_kept_of_the_memory(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances_run, "peak_private_bytes", lambda pid: 1000)
    monkeypatch.setattr(instances_run, "memory_available_bytes", lambda: 1099)
    assert run(runner).status == "skipped"
    monkeypatch.setattr(instances_run, "memory_available_bytes", lambda: 1101)
    assert run(runner).status == "ok"


def test_each_instance_has_a_log_of_its_own(runner: Runner, tmp_path: Path) -> None:
    run(runner)
    logs = {path.name for path in (tmp_path / "logs").iterdir()}
    name = "toy_good_fp32_eager_cpu_b1_instances=2-0"
    assert logs == {f"{name}-1.log", f"{name}-2.log"}


def test_a_record_of_instances_is_read_back_as_it_was_written(runner: Runner) -> None:
    found = run(runner)
    assert Record.model_validate_json(found.model_dump_json()) == found
