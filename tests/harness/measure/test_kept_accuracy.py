"""Accuracies that outlive a run."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import toy

from harness.case import Case
from harness.hardware import Machine
from harness.measure import kept_accuracy
from harness.measure.kept_accuracy import accuracy_of
from harness.measure.run import Runner, Settings
from harness.measure.watch import Instruments
from harness.observe.roofline import Peaks
from harness.profile import SMOKE
from harness.record.schema import AccuracyRecord
from harness.workload import Accuracy, Metric, Operation, Work

GOOD = Metric(0.1, 50, (0.05, 0.15), difference=0.0, gate=0.01)
FAILING = replace(GOOD, difference=0.5)
CASE = "toy/good/fp32/eager/cpu/b1"


class Evaluation:
    """A workload whose accuracy is counted each time that it is measured."""

    def __init__(self, metric: Metric = GOOD, warning: str = "") -> None:
        self.metric, self.warning, self.times = metric, warning, 0
        self.stated: dict[str, str] | None = {"weights": "abc", "corpus": "def"}

    def __call__(self) -> Accuracy:
        self.times += 1
        if self.warning:
            logging.getLogger("speechmark").warning(self.warning)
        return Accuracy({"wer": self.metric})

    def asked(self, *, case_id: str = CASE, threads: int = 2) -> AccuracyRecord:
        """As a profile does that takes kept ones."""
        operation = Operation(
            lambda: None, Work(1, 1.0), self, accuracy_from=self.stated
        )
        return accuracy_of(operation, case_id, threads, takes_kept=True)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path))
    return tmp_path / kept_accuracy.FOLDER


def test_an_accuracy_serves_again_and_says_so() -> None:
    evaluation = Evaluation()
    first, second = evaluation.asked(), evaluation.asked()
    assert evaluation.times == 1
    assert (first.kept, second.kept) == (False, True)
    assert second.model_copy(update={"kept": False}) == first


def test_what_is_asked_for_anew_is_measured_and_kept_for_the_next() -> None:
    evaluation = Evaluation()
    operation = Operation(
        lambda: None, Work(1, 1.0), evaluation, accuracy_from=evaluation.stated
    )
    for _ in range(2):
        assert not accuracy_of(operation, CASE, 2, takes_kept=False).kept
    assert evaluation.times == 2
    assert evaluation.asked().kept


Change = Callable[[Evaluation, pytest.MonkeyPatch], None]


def other_weights(evaluation: Evaluation, _: pytest.MonkeyPatch) -> None:
    evaluation.stated = {"weights": "other", "corpus": "def"}


def other(name: str, value: object) -> Change:
    """Another circumstance, as this module asks for it."""

    def change(_: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kept_accuracy, name, lambda: value)

    return change


def a_variable(_: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")


CHANGES: dict[str, Change] = {
    "weights": other_weights,
    "code": other("code_digest", "other"),
    "libraries": other("libraries", {"torch": "0.1"}),
    "processor": other("kernel_relevant", {"flags": "sse2"}),
    "variable": a_variable,
}


@pytest.mark.parametrize("name", CHANGES)
def test_it_is_measured_again_where_what_it_depends_on_changed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation = Evaluation()
    evaluation.asked()
    CHANGES[name](evaluation, monkeypatch)
    assert not evaluation.asked().kept
    assert evaluation.times == 2


def test_it_is_of_one_case_and_number_of_threads() -> None:
    evaluation = Evaluation()
    evaluation.asked()
    evaluation.asked(case_id=CASE.replace("b1", "b8"))
    evaluation.asked(threads=1)
    assert evaluation.times == 3


def test_a_variable_that_finds_files_alone_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluation = Evaluation()
    evaluation.asked()
    monkeypatch.setenv("LANG", "C.UTF-8")
    assert evaluation.asked().kept


@pytest.mark.parametrize(
    "evaluation",
    [
        Evaluation(FAILING),
        Evaluation(replace(GOOD, fault="3 are silent")),
        Evaluation(warning="no gate: the baseline could not be scored"),
    ],
    ids=["beyond its gate", "with a fault", "warned of"],
)
def test_what_fails_its_gate_or_was_warned_of_is_measured_each_time(
    evaluation: Evaluation,
) -> None:
    assert not evaluation.asked().kept
    assert not evaluation.asked().kept
    assert evaluation.times == 2


def test_a_workload_that_states_nothing_has_its_accuracy_measured_each_time(
    cache: Path,
) -> None:
    evaluation = Evaluation()
    evaluation.stated = None
    evaluation.asked()
    assert not evaluation.asked().kept
    assert not cache.exists()


def test_a_file_that_was_changed_is_measured_anew(cache: Path) -> None:
    evaluation = Evaluation()
    evaluation.asked()
    (path,) = cache.iterdir()
    document = json.loads(path.read_text())
    document["is"]["metrics"]["wer"]["value"] = 0.01
    for text in (json.dumps(document), "[]", ""):
        path.write_text(text)
        assert not evaluation.asked().kept
    assert evaluation.times == 4
    assert evaluation.asked().kept


def test_a_cache_that_cannot_be_written_costs_the_accuracy_nothing(
    cache: Path,
) -> None:
    cache.write_text("no folder")
    evaluation = Evaluation()
    assert evaluation.asked().metrics is not None
    assert evaluation.asked().metrics is not None
    assert evaluation.times == 2


def test_the_worker_of_a_later_run_takes_it_where_the_profile_says_so(
    tmp_path: Path,
) -> None:
    machine = Machine(tuple(os.sched_getaffinity(0)), isas=(), cuda_devices=0)
    case = Case("toy", "kept", "fp32", "eager", "cpu", 1)

    def kept(takes_kept: bool) -> bool:
        profile = replace(SMOKE, takes_kept_accuracy=takes_kept)
        runner = Runner(
            Settings(profile, machine, tmp_path / "run"),
            Instruments({"cpu": None}),
            {("cpu", "fp32"): Peaks("fp32", reason="not asked for")},
        )
        record = runner.run(toy.WORKLOAD, case, lambda progressing: None)
        assert record.accuracy is not None, record.reason
        return record.accuracy.kept

    assert [kept(takes_kept) for takes_kept in (True, True, False)] == [
        *(False, True, False)
    ]
