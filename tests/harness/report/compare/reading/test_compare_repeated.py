"""Files that hold one measurement, none, or do not tell of which code."""

import json
from dataclasses import replace

import pytest
from recorded import CASE, record, training, unmeasured

from harness.report.compare.reading.gather import gather

ONE_THREAD = replace(CASE, hardware="cpu:threads=1")
STEPS = [0.5 + 0.001 * n for n in range(10)]


def test_a_result_that_was_written_again_is_no_second_run(write, tmp_path):
    """Other bytes, and the very samples: an editor's, or a resumed run's."""
    first = write("a.json", record(STEPS), record(case=ONE_THREAD), training())
    copied = json.loads((tmp_path / "a.json").read_text())
    (tmp_path / "b.json").write_text(json.dumps(copied))
    gathered = gather([first, str(tmp_path / "b.json")])
    assert {len(some) for some in gathered.runs.values()} == {1}
    assert any(
        line.endswith(
            "b.json: 3 of its cases are those of " + first + ", and count once"
        )
        for line in gathered.warnings
    )


def test_another_run_with_other_samples_is_one(write):
    other = [one + 1e-4 for one in STEPS]
    gathered = gather([write("a.json", record(STEPS)), write("b.json", record(other))])
    assert len(gathered.runs["alpha"]) == 2


def test_the_samples_of_one_machine_are_not_another_ones(write):
    files = write("a.json", record(STEPS)), write("b.json", record(STEPS, [1.0]))
    gather([f"x={files[0]}", f"y={files[1]}"])
    again = write("c.json", record(STEPS), machine={"host": "beta"})
    with pytest.raises(
        ValueError, match=r"holds the very samples of .*a\.json as alpha"
    ):
        gather([files[0], again])


def test_a_file_that_does_not_tell_its_code_is_warned_of(write):
    gathered = gather([write("a.json", run={"git_commit": None})])
    assert any("does not tell what code measured it" in w for w in gathered.warnings)


def test_who_measured_nothing_is_told(write):
    files = (
        write("a.json"),
        write("b.json", unmeasured("failed", "broken"), machine={"host": "beta"}),
    )
    (one,) = gather(files).idle
    assert (one.machine, one.cases, one.reason) == ("beta", 1, "failed: broken")
