"""What crosses the pipe between worker and parent: typed, and refused where it is
something else."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from outcomes import SEEN, outcome, point, training_outcome

from harness.measure import turns, worker
from harness.measure.jobs import (
    CaseTask,
    Job,
    PipeError,
    Start,
    TurnsTask,
    parsed,
    plain_fields,
    task_of,
)
from harness.measure.messages import (
    FailureMessage,
    Message,
    ProgressMessage,
    ResultMessage,
    SegmentMessage,
    SkipMessage,
    StageMessage,
    TurnMessage,
    WarningMessage,
    message_of,
)
from harness.measure.outcome import Outcome, typed
from harness.measure.results import OperationResult, TrainingResult, TurnsResult
from harness.profile import COMMIT, QUICK, SMOKE
from harness.suite import LoadedCode

CASE_TASK = CaseTask(
    build="toy:build",
    case_id="toy/good/fp32/eager/cpu/b1",
    hardware="cpu",
    profile=SMOKE,
    seed=3,
    scratch_dir="/scratch",
    data_root=None,
    process=0,
    threads=2,
)
TURNS_TASK = TurnsTask(
    build="toy:build",
    case_id="toy/good/fp32/eager/cpu/b1",
    hardware="cpu",
    profile=SMOKE,
    seed=0,
    scratch_dir="/scratch",
    data_root="/data",
    block_s=0.125,
)
MESSAGES = (
    StageMessage("build"),
    SegmentMessage(7),
    TurnMessage([0.5, 0.25]),
    ProgressMessage("epoch 1", 3, 50),
    WarningMessage("a damaged cache"),
    ResultMessage({"tool": "loop"}, LoadedCode("/suite", "c0ffee", ("/other",))),
    SkipMessage("no such operator"),
    FailureMessage("ValueError: broken", "Traceback"),
)


def sent(value: object) -> Any:
    """Through JSON, as a pipe does it."""
    return json.loads(json.dumps(value, default=plain_fields))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: one.kind)
def test_every_message_arrives_as_it_was_sent(message: Message) -> None:
    assert message_of(json.dumps(message, default=plain_fields)) == message


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", r"^no JSON \("),
        ("3", r"^no valid message: as a whole: "),
        ('{"kind": "stag"}', r"^no valid message: .*'stag'"),
        ('{"kind": "stage"}', r"^no valid message: stage\.name: Field required"),
        (
            '{"kind": "segment", "samples": "many"}',
            r"segment\.samples: Input should be a valid integer.*found 'many'",
        ),
    ],
)
def test_what_is_no_message_is_refused_with_what_was_found(
    line: str, said: str
) -> None:
    with pytest.raises(PipeError, match=said):
        message_of(line)


def test_a_suite_of_before_digests_says_nothing_of_its_code() -> None:
    found = message_of('{"kind": "result", "value": 3}')
    assert found == ResultMessage(3, None)


@pytest.mark.parametrize(
    ("entry", "task"), [(worker.run_case, CASE_TASK), (turns.run_job, TURNS_TASK)]
)
def test_a_worker_reads_the_task_that_its_entry_takes(
    entry: Any, task: CaseTask | TurnsTask
) -> None:
    job = sent(Job("a:b", (0, 1), task).plain())
    assert parsed(Start, job, "job") == Start("a:b", (0, 1))
    assert task_of(entry, job) == task


def test_a_job_of_an_older_suite_lacks_what_came_later() -> None:
    job = sent(Job("a:b", (0,), TURNS_TASK).plain())
    for later in ("stall_percent", "slow_down_percent", "claimed"):
        del job[later]
    assert task_of(turns.run_job, job) == TURNS_TASK


def test_what_a_profile_has_at_its_default_does_not_cross() -> None:
    """A worker of before that field would refuse it: `speechmark ab` over a commit that
    brought it compared nothing."""
    commit, quick = (
        sent(Job("a:b", (0,), replace(TURNS_TASK, profile=one)).plain())["profile"]
        for one in (COMMIT, QUICK)
    )
    assert "takes_kept_accuracy" not in commit
    assert quick["takes_kept_accuracy"] is True


def test_a_job_of_a_newer_suite_may_hold_more() -> None:
    job = sent(Job("a:b", (0,), TURNS_TASK).plain()) | {"of_tomorrow": 1}
    assert task_of(turns.run_job, job) == TURNS_TASK


def test_a_job_that_lacks_a_field_is_refused_by_its_name() -> None:
    job = sent(Job("a:b", (0,), CASE_TASK).plain())
    del job["profile"]["warmup_s"]
    with pytest.raises(
        PipeError, match=r"^no valid job: profile\.warmup_s: Field required"
    ):
        task_of(worker.run_case, job)


def test_what_json_cannot_say_does_not_cross() -> None:
    with pytest.raises(TypeError, match="object cannot cross a pipe"):
        json.dumps({"a": object()}, default=plain_fields)


RESULTS = OperationResult | TrainingResult


@pytest.mark.parametrize(
    "ended",
    [outcome(0.5, 0.25), training_outcome(point(1, 0.9, math.inf))],
    ids=["operation", "training"],
)
def test_a_result_arrives_as_it_was_measured(ended: Outcome[Any]) -> None:
    plain = Outcome("result", sent(ended.result), SEEN)
    assert typed(plain, RESULTS).done == ended.result


def test_a_loss_that_is_no_number_arrives_as_such() -> None:
    ended = training_outcome(point(1, 0.9, math.nan))
    found = typed(Outcome("result", sent(ended.result), SEEN), RESULTS).done
    assert math.isnan(found.run.curve[0].loss)


def test_a_result_that_is_none_fails_the_case_with_its_field() -> None:
    plain = sent(outcome(0.5).result) | {"cycle": "round"}
    ended = typed(Outcome("result", plain, SEEN), OperationResult)
    assert (ended.kind, ended.result) == ("failed", None)
    assert ended.reason.startswith(
        "the worker sent no valid result: cycle: Input should be a valid integer"
    )


def test_what_failed_is_not_asked_for_a_result() -> None:
    ended: Outcome[Any] = Outcome("failed", None, SEEN, "broken")
    assert typed(ended, RESULTS) is ended
    with pytest.raises(AssertionError, match="failed: broken"):
        _ = ended.done


def test_a_state_of_an_older_suite_tells_less() -> None:
    plain = {
        "work": {"items": 2.0, "audio_s": 6.0},
        "cycle": 1,
        "details": {},
        "accuracy": None,
    }
    found = parsed(TurnsResult, plain, "result")
    assert (found.work.items, found.peak_rss_bytes, found.suite) == (2.0, None, None)
    assert replace(found, suite="/x").suite == "/x"
