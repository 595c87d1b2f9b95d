import json
import re
from dataclasses import replace

import pytest
import toy
from outcomes import CASE, broken, record

from harness.measure.compose import failed, skipped
from harness.profile import SMOKE
from harness.record.result import ResultError, document, load

RUN = {"profile": "smoke", "seed": 0}
ONE_THREAD = replace(CASE, hardware="cpu:threads=1")
ON_GPU = replace(CASE, hardware="cuda:0")
BROKEN = failed(toy.WORKLOAD, ONE_THREAD, SMOKE, broken())
LACKING = skipped(toy.WORKLOAD, ON_GPU, SMOKE, "no GPU")
RECORDS = [record(), BROKEN, LACKING]


@pytest.fixture
def content():
    """A result file as plain values, for one thing to be spoilt."""
    return {
        "machine_info": {"speechmark": {"host": "h"}},
        "benchmarks": [
            {"name": "toy", "extra_info": r.model_dump(mode="json")}
            for r in RECORDS
            if r.status == "ok"
        ],
        "speechmark": document(RUN, RECORDS),
    }


@pytest.fixture
def refusal(tmp_path):
    """Why a file with this text is refused."""

    def refused(text):
        path = tmp_path / "host.json"
        path.write_text(text)
        with pytest.raises(ResultError) as error:
            load(path)
        assert str(error.value).startswith(str(path))
        return str(error.value).removeprefix(str(path))

    return refused


def test_a_result_is_read_with_its_run_its_machine_and_every_record(tmp_path, content):
    path = tmp_path / "host.json"
    path.write_text(json.dumps(content))
    result = load(path)
    assert (result.path, result.run, result.machine) == (path, RUN, {"host": "h"})
    assert result.records == tuple(RECORDS)


def test_cases_that_were_not_measured_stand_apart_with_their_reasons():
    others = document(RUN, RECORDS)["not_measured"]
    assert [other["reason"] for other in others] == ["broken", "no GPU"]


def test_a_truncated_result_points_to_its_journal(content, refusal):
    message = refusal(json.dumps(content)[:-20])
    assert message.startswith(" is not JSON (")
    assert message.endswith("its journal beside it can be resumed with --resume")


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "{}", "null", '{"benchmarks": []}', '{"speechmark": {}}'),
        '{"speechmark": {}, "benchmarks": 3}',
    ],
)
def test_a_file_of_another_tool_is_told_from_a_result(refusal, text):
    expected = " is no result of speechmark: it lacks 'speechmark' or 'benchmarks'"
    assert refusal(text) == expected


@pytest.mark.parametrize("found", [0, 2, "1", None])
def test_another_schema_version_is_refused_with_both_versions(content, refusal, found):
    content["speechmark"]["schema_version"] = found
    assert refusal(json.dumps(content)) == (
        f" has schema version {found!r}; this suite reads version 1: measure again, or "
        "use the suite's version that wrote it"
    )


def test_an_edited_field_is_named_by_its_path(content, refusal):
    content["benchmarks"][0]["extra_info"]["timing"]["samples_s"][0][0] = -0.5
    assert refusal(json.dumps(content)) == (
        ": benchmarks[0].extra_info.timing.samples_s.0.0: Input should be greater than "
        "or equal to 0 (found -0.5); the file was edited or damaged: measure again"
    )


def test_a_field_taken_away_is_named_by_its_path(content, refusal):
    del content["benchmarks"][0]["extra_info"]["timing"]["median_s"]
    message = refusal(json.dumps(content))
    assert "benchmarks[0].extra_info.timing.median_s: Field required" in message


def test_an_edited_record_that_was_not_measured_is_named_too(content, refusal):
    content["speechmark"]["not_measured"][1]["reason"] = ""
    message = refusal(json.dumps(content))
    expected = "not_measured[1]: Value error, a skipped record needs a reason"
    assert expected in message


@pytest.mark.parametrize("alien", [{"name": "alien"}, "alien", 3])
def test_a_benchmark_that_is_not_ours_is_named(content, refusal, alien):
    content["benchmarks"].append(alien)
    assert "benchmarks[1].extra_info: Input should be" in refusal(json.dumps(content))


def test_a_result_that_is_not_there_is_told_so(tmp_path):
    path = tmp_path / "none.json"
    expected = f"cannot read {path}: No such file or directory"
    with pytest.raises(ResultError, match=f"^{re.escape(expected)}$"):
        load(path)
