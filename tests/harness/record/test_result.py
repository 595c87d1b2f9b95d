import json
import re
import weakref
from dataclasses import replace

import pytest
import toy
from outcomes import CASE, broken, record

from harness.measure.compose import failed, skipped
from harness.profile import SMOKE
from harness.record.result import ResultError, document, load, read

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


@pytest.mark.parametrize("indent", [None, 2, 4])
def test_a_result_is_read_with_its_run_its_machine_and_every_record(
    tmp_path, content, indent
):
    path = tmp_path / "host.json"
    path.write_text(json.dumps(content, indent=indent))
    result = load(path)
    assert (result.path, result.run, result.machine) == (path, RUN, {"host": "h"})
    assert result.records == tuple(RECORDS)


def test_cases_that_were_not_measured_stand_apart_with_their_reasons():
    others = document(RUN, RECORDS)["not_measured"]
    assert [other["reason"] for other in others] == ["broken", "no GPU"]


@pytest.mark.parametrize("indent", [None, 4])
def test_a_truncated_result_points_to_its_journal(content, refusal, indent):
    message = refusal(json.dumps(content, indent=indent)[:-20])
    assert message.startswith(" is not JSON (")
    assert message.endswith("its journal beside it can be resumed with --resume")


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "{}", "null", '{"benchmarks": []}', '{"speechmark": {}}'),
        '{"speechmark": {}, "benchmarks": 3}',
    ],
)
def test_a_file_of_another_tool_is_set_apart_from_a_result(refusal, text):
    expected = " is no result of speechmark: it lacks 'speechmark' or 'benchmarks'"
    assert refusal(text) == expected


@pytest.mark.parametrize("found", [0, 3, "1", None])
def test_another_schema_version_is_refused_with_both_versions(content, refusal, found):
    content["speechmark"]["schema_version"] = found
    assert refusal(json.dumps(content)) == (
        f" has schema version {found!r}; this suite reads versions 1 and 2: measure "
        "again, or use the suite's version that wrote it"
    )


@pytest.mark.parametrize("indent", [None, 2, 4])
def test_an_edited_field_is_named_by_its_path(content, refusal, indent):
    content["benchmarks"][0]["extra_info"]["timing"]["samples_s"][0][0] = -0.5
    assert refusal(json.dumps(content, indent=indent)) == (
        ": benchmarks[0].extra_info.timing.samples_s[0][0]: Input should be greater "
        "than or equal to 0 (found -0.5); the file was edited or damaged: measure again"
    )


def test_a_field_taken_away_is_named_by_its_path(content, refusal):
    del content["benchmarks"][0]["extra_info"]["timing"]["median_s"]
    message = refusal(json.dumps(content))
    assert "benchmarks[0].extra_info.timing.median_s: Field required" in message


def test_an_edited_record_that_was_not_measured_is_named_too(content, refusal):
    content["speechmark"]["not_measured"][1]["reason"] = ""
    message = refusal(json.dumps(content))
    expected = "not_measured[1]: a skipped record needs a reason; the file was edited"
    assert expected in message


@pytest.mark.parametrize(
    ("alien", "why"),
    [
        ({"name": "alien"}, ".extra_info: Field required;"),
        ({"extra_info": None}, ".extra_info: Input should be"),
        ({"extra_info": {}}, ".extra_info.case_id: Field required;"),
        ("alien", ": Input should be an object (found 'alien');"),
        (None, ": Input should be an object (found None);"),
        (3, ": Input should be an object (found 3);"),
    ],
)
def test_a_benchmark_that_is_not_ours_is_named(content, refusal, alien, why):
    content["benchmarks"].append(alien)
    for indent in (None, 4):
        message = refusal(json.dumps(content, indent=indent))
        assert message.startswith(f": benchmarks[1]{why}")
        assert message.endswith("; the file was edited or damaged: measure again")


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (["machine_info"], "machine_info"),
        (["machine_info", "speechmark"], "machine_info.speechmark"),
        (["speechmark", "run"], "speechmark.run"),
        (["speechmark", "not_measured"], "speechmark.not_measured"),
    ],
)
@pytest.mark.parametrize("value", [None, 3, "text"])
def test_a_part_of_another_type_is_named(content, refusal, part, field, value):
    *way, last = part
    owner = content
    for key in way:
        owner = owner[key]
    owner[last] = value
    message = refusal(json.dumps(content))
    assert message.startswith(f": {field}: Input should be a")
    assert f"(found {value!r})" in message


def test_a_result_without_a_fingerprint_is_read(tmp_path, content):
    path = tmp_path / "host.json"
    for machine_info in ({}, {"node": "vm"}):
        path.write_text(json.dumps(content | {"machine_info": machine_info}))
        assert load(path).machine == {}


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_named_wherever_it_stands(
    content, refusal, text
):
    def with_number(path, value):
        *way, last = path
        owner = json.loads(json.dumps(content))
        part = owner
        for key in way:
            part = part[key]
        part[last] = value
        return json.dumps(owner).replace('"NUMBER"', text)

    timing = ["benchmarks", 0, "extra_info", "timing"]
    message = refusal(with_number([*timing, "median_s"], "NUMBER"))
    assert message.startswith(
        ": benchmarks[0].extra_info.timing.median_s: Input should"
    )
    message = refusal(with_number(["machine_info", "speechmark", "a"], [1, "NUMBER"]))
    assert message.startswith(": machine_info.speechmark: a[1] is ")
    message = refusal(with_number(["speechmark", "run", "seed"], "NUMBER"))
    assert message.startswith(": speechmark.run: seed is ")


@pytest.mark.parametrize("number", [10**400, -(10**400), 2**63])
def test_a_whole_number_beyond_64_bits_is_named_wherever_it_stands(
    content, refusal, number
):
    content["machine_info"]["speechmark"]["gpus"] = [{"memory": number}]
    message = refusal(json.dumps(content))
    assert message.startswith(": machine_info.speechmark: gpus[0].memory is ")
    assert ": expected a whole number of 64 bits; the file was edited" in message
    assert len(message) < 200
    content["machine_info"], content["speechmark"]["run"] = {}, {"seed": number}
    assert refusal(json.dumps(content)).startswith(": speechmark.run: seed is ")


def test_the_largest_whole_numbers_are_read(tmp_path, content):
    machine = {"most": 2**63 - 1, "least": -(2**63), "swap": True}
    content["machine_info"]["speechmark"] = machine
    path = tmp_path / "host.json"
    path.write_text(json.dumps(content))
    assert load(path).machine == machine


def test_a_time_below_0_is_named(content, refusal):
    content["benchmarks"][0]["extra_info"]["timing"]["stage_s"]["timed"] = -1
    assert (
        ".timing.stage_s.timed: Input should be greater than or equal to 0 (found -1)"
        in (refusal(json.dumps(content)))
    )


def test_the_path_of_a_strange_key_is_quoted(content, refusal):
    content["benchmarks"][0]["extra_info"]["timing"]["stage_s"]["a\x1b b"] = -1
    assert '.timing.stage_s["a\\u001b b"]: Input' in refusal(json.dumps(content))


@pytest.mark.parametrize("samples", [[], [[]], [[0.5], []], [[0.5], [0.5]]])
def test_a_process_without_samples_is_named(content, refusal, samples):
    content["benchmarks"][0]["extra_info"]["timing"]["samples_s"] = samples
    message = refusal(json.dumps(content))
    assert message.startswith(
        f": benchmarks[0].extra_info.timing: samples_s has {len(samples)} lists, the "
        f"shortest of {min(map(len, samples), default=0)} samples: expected a list for "
        "each of 1 processes, with at least one cycle of 1 samples; the file"
    )


def test_what_is_found_is_shortened(content, refusal):
    content["benchmarks"][0]["extra_info"]["status"] = "x" * 10_000_000
    assert len(refusal(json.dumps(content))) < 400


def test_a_long_name_of_a_field_is_shortened(content, refusal):
    content["benchmarks"][0]["extra_info"]["timing"]["stage_s"]["x" * 10**6] = -1
    assert len(refusal(json.dumps(content))) < 400
    deep = 1e999
    for _ in range(100):
        deep = {"y" * 1000: deep}
    content["machine_info"]["speechmark"] = deep
    assert len(refusal(json.dumps(content))) < 800


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"speechmark": {}}'])
def test_the_name_of_a_file_that_is_refused_is_made_fit_to_be_shown(tmp_path, text):
    path = tmp_path / "\x1b]0;pwned\x07.json"
    with pytest.raises(
        ResultError, match=r"^cannot read [^\x1b\x07]*pwned[^\x1b\x07]*$"
    ):
        load(path)
    path.write_text(text)
    with pytest.raises(ResultError) as error:
        load(path)
    assert str(error.value).startswith(f"{tmp_path}/\ufffd]0;pwned\ufffd.json is no")
    assert str(error.value).isprintable()


def test_the_first_of_a_million_faults_is_stated(content, refusal):
    content["benchmarks"][0]["extra_info"]["timing"]["samples_s"] = [[-1.0] * 10**6]
    message = refusal(json.dumps(content))
    assert message.startswith(": benchmarks[0].extra_info.timing.samples_s[0][0]: Inp")


@pytest.mark.parametrize("indent", [None, 4])
def test_another_version_is_named_before_what_is_strange_in_it(
    content, refusal, indent
):
    content["speechmark"]["schema_version"] = 3
    content["benchmarks"][0]["extra_info"]["surprise"] = 1
    message = refusal(json.dumps(content, indent=indent))
    assert message.startswith(" has schema version 3; this suite")


def test_a_journal_is_set_apart_from_a_result(tmp_path):
    path = tmp_path / "host-1.journal.jsonl"
    path.write_text('{"run": {}}\n{"end": true}\n')
    expected = (
        f"{path} is the journal of a run, and no result: end that run with --resume"
    )
    with pytest.raises(ResultError, match=f"^{re.escape(expected)}$"):
        load(path)


@pytest.mark.parametrize("text", ["", "{", "\x00", "[" * 100_000, '{"a": "\xff'])
def test_bytes_that_are_no_json_are_stated_so(tmp_path, text):
    path = tmp_path / "host.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ResultError, match=r"host\.json is not JSON \("):
        load(path)


def test_a_folder_is_no_result(tmp_path):
    with pytest.raises(ResultError, match=f"^cannot read {tmp_path}: Is a directory$"):
        load(tmp_path)


@pytest.mark.parametrize("indent", [None, 4])
def test_of_each_record_only_what_is_taken_stays_in_memory(tmp_path, content, indent):
    path = tmp_path / "host.json"
    content["benchmarks"] *= 3
    path.write_text(json.dumps(content, indent=indent))
    living = []

    def take(found):
        alive = sum(reference() is not None for reference in living)
        living.append(weakref.ref(found))
        return found.status, alive

    header, taken = read(path, take)
    assert (header.path, header.run, header.machine) == (path, RUN, {"host": "h"})
    assert taken == (*[("ok", 0)] * 3, ("failed", 0), ("skipped", 0))


def test_what_a_reader_refuses_is_stated_with_its_place(tmp_path, content):
    path = tmp_path / "host.json"
    path.write_text(json.dumps(content))

    def take(found):
        if found.status == "skipped":
            raise ValueError("nothing to take")

    with pytest.raises(ResultError) as error:
        read(path, take)
    assert str(error.value) == (
        f"{path}: speechmark.not_measured[1]: nothing to take; the file was edited or "
        "damaged: measure again"
    )


def test_a_result_that_is_not_there_is_stated_so(tmp_path):
    path = tmp_path / "none.json"
    expected = f"cannot read {path}: No such file or directory"
    with pytest.raises(ResultError, match=f"^{re.escape(expected)}$"):
        load(path)


def test_a_result_of_the_first_version_is_read_and_keeps_its_version(content, tmp_path):
    for each in (content["speechmark"], content["benchmarks"][0]["extra_info"]):
        each["schema_version"] = 1
    path = tmp_path / "old.json"
    path.write_text(json.dumps(content))
    assert load(path).records[0].schema_version == 1
