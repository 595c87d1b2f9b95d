"""The parent's side of a case, over real workers of the toy workload."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path

import pytest
import toy
from outcomes import SEEN, broken

from harness import suite
from harness.case import Case
from harness.hardware import Hardware, Machine
from harness.measure.outcome import Outcome
from harness.measure.run import Runner, Settings
from harness.measure.watch import Instruments
from harness.measure.worker import peak_memory
from harness.observe import limits
from harness.observe.roofline import Peaks
from harness.profile import SMOKE
from harness.record.schema import Memory, Record
from harness.workload import Point, Workload

THREE = replace(SMOKE, processes=3, warmup_s=0.0)
ONE = replace(THREE, processes=1)
MACHINE = Machine(tuple(os.sched_getaffinity(0)), isas=("avx2",), cuda_devices=0)
HARDWARE = ("cpu", "cpu:isa=avx2")


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A run whose peaks and idle power have been asked for already."""
    return Runner(
        Settings(THREE, MACHINE, tmp_path),
        Instruments(dict.fromkeys(HARDWARE)),
        {
            (hardware, precision): Peaks(precision, reason="not asked for")
            for hardware in HARDWARE
            for precision in ("fp32", "int8")
        },
    )


def run(
    runner: Runner,
    workload: Workload,
    model: str = "good",
    hardware: str = "cpu",
    compression: str = "fp32",
) -> Record:
    case = Case(workload.name, model, compression, "eager", hardware, 1)
    return runner.run(workload, case, lambda progressing: None)


def builders(runner: Runner, model: str) -> list[str]:
    """The process ids of the workers that built this model."""
    path = runner.settings.work_dir / "scratch" / f"built-{model}"
    return path.read_text().split()


@pytest.mark.parametrize("workload", [toy.WORKLOAD, toy.STEP], ids=lambda w: w.stage)
def test_an_operation_is_timed_in_every_process_of_the_profile(
    runner: Runner, workload: Workload
) -> None:
    record = run(runner, workload)
    assert record.timing is not None
    assert (record.stage, record.timing.processes) == (workload.stage, 3)
    assert len(record.timing.samples_s) == len(record.noise) == 3
    assert len(set(builders(runner, "good"))) == 3


def test_a_record_tells_the_variables_and_the_threads_of_its_workers(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DNNL_DEFAULT_FPMATH_MODE", "BF16")
    settings = replace(runner.settings, profile=ONE, passed={"KMP_BLOCKTIME": "0"})
    record = run(replace(runner, settings=settings), toy.WORKLOAD)
    assert record.variables is not None
    assert record.threads is not None
    assert "DNNL_DEFAULT_FPMATH_MODE" in record.variables.dropped
    assert "PATH" in record.variables.inherited
    assert record.variables.passed == {"KMP_BLOCKTIME": "0"}
    assert record.variables.set["OMP_NUM_THREADS"] == str(len(MACHINE.cpus))
    assert record.threads.asked == record.threads.allowed == len(MACHINE.cpus)


def test_a_training_is_clocked_once_whatever_the_profile(runner: Runner) -> None:
    record = run(runner, toy.TRAINING)
    assert record.timing is not None
    assert (record.status, record.timing.processes) == ("ok", 1)
    assert len(builders(runner, "good")) == 1


def test_a_training_that_counts_epochs_makes_them_all(runner: Runner) -> None:
    runner.settings = replace(
        runner.settings, profile=replace(ONE, training_budget_s=0)
    )
    tta = run(runner, toy.TRAINING, "three-epochs").tta
    assert tta is not None
    assert (len(tta.curve), tta.targets[0].reached) == (3, True)
    assert "not one epoch ended" in (run(runner, toy.TRAINING).reason or "")


@pytest.fixture
def told_spoiled(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sensors that find segment after segment spoiled or not, the last for ever."""

    def tell(*verdicts: bool) -> None:
        answers = chain(verdicts, repeat(verdicts[-1]))
        stolen = limits.NoiseWarning("steal_percent", 12.0, 1.0, "%", "guests", "move")
        judge = lambda found, **_: [stolen] if next(answers) else []  # noqa: E731
        monkeypatch.setattr(limits, "warnings", judge)

    return tell


DRAWN = replace(ONE, timed_s=0.05, max_samples=1000)


def test_a_worker_draws_again_what_its_parent_finds_spoiled(
    runner: Runner, told_spoiled: Callable[..., None]
) -> None:
    told_spoiled(True, False)
    runner.settings = replace(runner.settings, profile=DRAWN)
    record = run(runner, toy.WORKLOAD)
    assert record.timing is not None
    assert [noise.counted for noise in record.noise] == [False, True]
    (samples,), (apart,) = record.timing.samples_s, record.timing.spoiled_samples_s
    assert [noise.samples for noise in record.noise] == [len(apart), len(samples)]
    assert min(sum(samples), sum(apart)) >= 0.05
    assert record.timing.spoiled is False
    assert not [text for text in record.warnings if "steal" in text]


def test_a_worker_counts_everything_when_drawing_again_does_not_help(
    runner: Runner, told_spoiled: Callable[..., None]
) -> None:
    told_spoiled(True)
    runner.settings = replace(runner.settings, profile=DRAWN)
    record = run(runner, toy.WORKLOAD)
    assert record.timing is not None
    assert len(record.timing.samples_s[0]) == sum(n.samples or 0 for n in record.noise)
    assert sum(record.timing.samples_s[0]) >= 0.1
    assert record.timing.spoiled is True
    (warning,) = [text for text in record.warnings if "steal" in text]
    assert warning.startswith("steal_percent: 12 % (limit 1) at worst")


def test_the_noise_of_a_training_is_that_of_its_whole_clocked_time(
    runner: Runner, told_spoiled: Callable[..., None]
) -> None:
    told_spoiled(True)
    record = run(runner, toy.TRAINING)
    assert record.timing is not None
    (noise,) = record.noise
    assert (noise.first_sample, noise.samples, noise.spoiled) == (0, 5, True)
    assert (len(record.timing.samples_s[0]), record.timing.spoiled) == (5, True)


def test_each_noise_names_its_process(runner: Runner) -> None:
    assert [noise.process for noise in run(runner, toy.WORKLOAD).noise] == [0, 1, 2]


LONG_ENOUGH = replace(ONE, timed_s=0.75, max_samples=10_000)


def test_threads_beyond_the_cpus_are_found_in_a_real_worker(runner: Runner) -> None:
    runner.settings = replace(runner.settings, profile=LONG_ENOUGH)
    record = run(runner, toy.WORKLOAD, "crowded")
    cpus = len(MACHINE.cpus)
    assert record.threads is not None
    busy = record.threads.busy  # the main thread too, where it waits long for a CPU
    assert busy in (cpus + 1, cpus + 2)
    assert record.threads.cpus == cpus
    (warning,) = [text for text in record.warnings if "busy_threads" in text]
    assert warning.startswith(f"busy_threads: {busy} busy threads on {cpus} CPUs")


def test_a_worker_of_few_threads_is_not_said_to_be_crowded(runner: Runner) -> None:
    runner.settings = replace(runner.settings, profile=LONG_ENOUGH)
    record = run(runner, toy.WORKLOAD)
    assert record.threads is not None
    assert record.threads.busy in (0, 1)  # 1 where it waits long for a CPU
    assert not [text for text in record.warnings if "busy_threads" in text]


def test_what_evaluation_takes_is_no_part_of_peak_memory(runner: Runner) -> None:
    runner.settings = replace(runner.settings, profile=ONE)
    record = run(runner, toy.WORKLOAD, "hungry")
    assert record.accuracy is not None
    assert record.accuracy.metrics
    assert record.memory is not None
    assert record.memory.peak_rss_bytes is not None
    assert 0 < record.memory.peak_rss_bytes < toy.HUNGER_BYTES


@pytest.mark.parametrize(
    ("hardware", "isa"), [("cpu", "any"), ("cpu:isa=avx2", "AVX2")]
)
def test_a_worker_obeys_its_case_and_not_the_users_shell(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, hardware: str, isa: str
) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    runner.settings = replace(runner.settings, profile=ONE)
    assert run(runner, toy.WORKLOAD, hardware=hardware).details["isa"] == isa


CLAIMS_INT8 = replace(
    toy.WORKLOAD,
    points={
        "quick": tuple(
            Point(model, "squeezed", "eager", 1, 1.0, claims="int8")
            for model in ("falls-back", "keeps-first")
        )
    },
)


def test_a_runtimes_own_profile_proves_where_its_case_fell_back(runner: Runner) -> None:
    runner.settings = replace(runner.settings, profile=ONE)
    record = run(runner, CLAIMS_INT8, "falls-back", compression="squeezed")
    kernels = record.kernels
    assert kernels is not None
    assert [row.implementation for row in kernels.rows] == ["QLinearConv", "FusedConv"]
    assert [row.calls for row in kernels.rows] == [kernels.steps] * 2
    assert (kernels.source, kernels.unparsed_lines) == ("toy profile", 2)
    assert kernels.coverage_percent == pytest.approx(50.0)
    assert kernels.claim_share_percent == pytest.approx(75.0)
    assert record.warnings[-1].startswith(
        f"claims int8, but {kernels.steps} calls of convolution (forward) ran as "
        "FusedConv on f32,f32,f32 (toy profile), 25 % of the logged time; "
    )


def test_the_first_layer_kept_in_float_is_no_fallback(runner: Runner) -> None:
    runner.settings = replace(runner.settings, profile=ONE)
    record = run(runner, CLAIMS_INT8, "keeps-first", compression="squeezed")
    assert record.kernels is not None
    assert record.kernels.float_layers == 1
    assert record.kernels.claim_share_percent == pytest.approx(75.0)
    assert not [text for text in record.warnings if "claims" in text]


def test_a_runtimes_own_profile_proves_no_cap_it_does_not_name(runner: Runner) -> None:
    runner.settings = replace(runner.settings, profile=ONE)
    record = run(runner, toy.WORKLOAD, "keeps-first", "cpu:isa=avx2")
    assert record.warnings[-1].startswith("the cap isa=avx2 is unproven: no compute ")


@pytest.mark.parametrize(
    ("model", "torch"), [("keeps-first", "not loaded"), ("unprofiled", "loaded")]
)
def test_a_worker_loads_no_torch_for_a_runtime_that_profiles_itself(
    runner: Runner, model: str, torch: str
) -> None:
    runner.settings = replace(runner.settings, profile=ONE)
    record = run(runner, toy.WORKLOAD, model)
    assert record.details["torch"] == torch
    assert record.kernels is not None


def test_a_case_that_died_keeps_what_it_warned_of(runner: Runner) -> None:
    record = run(runner, toy.WORKLOAD, "warns")
    assert record.status == "failed"
    assert record.warnings[0] == "a damaged cache"


@pytest.mark.parametrize(
    ("hardware", "flops", "bandwidth"),
    [("cuda:0", 5.0, 7.0), ("cuda:0,cuda:1", 10.0, 14.0)],
)
def test_peaks_are_those_of_all_devices(
    runner: Runner,
    monkeypatch: pytest.MonkeyPatch,
    hardware: str,
    flops: float,
    bandwidth: float,
) -> None:
    found = {
        "precision": "fp32",
        "flops_per_s": 5.0,
        "bytes_per_s": 7.0,
        "reason": None,
    }
    ended = Outcome("result", found, SEEN)
    monkeypatch.setattr(Runner, "_work", lambda *_: ended)
    peaks = runner.peaks(on(hardware), "fp32", lambda progressing: None)
    assert peaks == Peaks("fp32", flops, bandwidth)


def test_a_device_without_such_products_has_no_peak_twice_over(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"precision": "fp32", "bytes_per_s": 7.0, "reason": "no such product"}
    ended = Outcome("result", found, SEEN)
    monkeypatch.setattr(Runner, "_work", lambda *_: ended)
    peaks = runner.peaks(on("cuda:0,cuda:1"), "fp32", lambda progressing: None)
    assert (peaks.flops_per_s, peaks.reason) == (None, "no such product")


def test_peaks_that_could_not_be_measured_say_why(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Runner, "_work", lambda *_: broken("no memory"))
    peaks = runner.peaks(on("cuda:0"), "fp32", lambda progressing: None)
    assert peaks == Peaks("fp32", reason="no memory")


def test_peaks_that_are_no_peaks_are_not_taken_for_some(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = Outcome("result", {"precision": "fp32", "flops_per_s": "fast"}, SEEN)
    monkeypatch.setattr(Runner, "_work", lambda *_: ended)
    peaks = runner.peaks(on("cuda:0"), "fp32", lambda progressing: None)
    assert peaks.flops_per_s is None
    assert (peaks.reason or "").startswith(
        "the worker sent no valid result: flops_per_s: Input should be a valid number"
    )


def on(hardware: str) -> Case:
    return Case("toy", "good", "fp32", "eager", hardware, 1)


def test_one_process_knows_no_peak_memory_of_several_devices() -> None:
    unknown = Memory(peak_rss_bytes=None, peak_device_bytes=None)
    assert peak_memory(Hardware.parse("cuda:0,cuda:1")) == unknown


def test_a_case_whose_code_was_changed_meanwhile_is_no_number(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite, "code_files", lambda: {"harness/x.py": "0"})
    record = run(runner, toy.WORKLOAD)
    assert record.status == "failed"
    assert "was changed during the run (digest" in (record.reason or "")


def test_a_record_names_the_code_that_its_worker_ran(runner: Runner) -> None:
    assert run(runner, toy.WORKLOAD).code_digest == suite.code_digest()


def peaks_in_turn(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, *flops_per_s: float
) -> list[str]:
    """Have the roofline's worker tell these, and keep the names of what is asked for;
    cases run as ever."""
    stated, asked, work = iter(flops_per_s), [], Runner._work

    def answer(self, job, case, name, listen, limit_s):  # type: ignore[no-untyped-def]
        if name != "roofline":
            return work(self, job, case, name, listen, limit_s)
        asked.append(job.task.precision)
        value = Peaks(job.task.precision, next(stated), 1e9)
        return Outcome("result", value, SEEN)

    monkeypatch.setattr(Runner, "_work", answer)
    runner._peaks.clear()
    return asked


def test_a_step_beyond_the_peak_has_the_peak_measured_once_more(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = peaks_in_turn(runner, monkeypatch, 1.0, 1e15)
    found = run(replace_profile(runner), toy.WORKLOAD).roofline
    assert found is not None
    assert asked == ["fp32", "fp32"]
    assert found.peak_flops_per_s == 1e15
    assert found.fraction_of_peak is not None
    assert found.fraction_of_peak < 1


def test_a_peak_that_stays_too_low_is_stated_and_not_measured_for_ever(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = peaks_in_turn(runner, monkeypatch, 2.0, 1.0)
    one = replace_profile(runner)
    records = [run(one, toy.WORKLOAD) for _ in range(2)]
    assert asked == ["fp32", "fp32"]
    for record in records:
        assert record.roofline is not None
        assert record.roofline.peak_flops_per_s == 2.0
        assert any("fraction_of_peak is wrong" in text for text in record.warnings)


def replace_profile(runner: Runner) -> Runner:
    """The same in one process."""
    return replace(runner, settings=replace(runner.settings, profile=ONE))


def test_a_profile_cut_short_costs_the_profile_and_not_the_case(runner: Runner) -> None:
    record = run(runner, toy.WORKLOAD, "full-disk")
    assert (record.status, record.kernels) == ("ok", None)
    (warning,) = [text for text in record.warnings if "no kernel profile" in text]
    assert "No space left on device" in warning
