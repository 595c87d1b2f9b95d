"""Result files to candidates."""

import json
import os
import shutil
from dataclasses import replace

import pytest
from recorded import (
    CASE,
    COMMIT,
    MACHINE,
    content,
    labels,
    record,
    unmeasured,
)

from harness.record.result import ResultError
from harness.report.compare.differences import MOST_ITEMS, MOST_LINES
from harness.report.compare.reading.gather import gather
from harness.report.compare.reading.machines import LONGEST_NAME, shown_names
from harness.text import LONGEST

ONE_THREAD = replace(CASE, hardware="cpu:threads=1")


def samples(gathered, label):
    """Steps of a candidate's attempts, run by run."""
    (attempts,) = gathered.attempts[label].values()
    return [[p.step_s for p in one.extract.figures.processes] for one in attempts]


def test_a_file_is_a_machine_called_as_its_fingerprint_says(write):
    gathered = gather([write("a.json"), write("b.json", machine={"host": "beta"})])
    assert labels(gathered) == ["alpha", "beta"]
    one = gathered.candidates[0]
    assert (one.machine, one.hardware, one.commit) == ("alpha", "cpu", COMMIT)
    assert (one.suite_version, one.fingerprint) == ("0.1.0", MACHINE)
    assert gathered.warnings == ()


def test_candidates_of_several_hardware_are_labelled_with_it(write):
    both = write("a.json", record(), record(case=ONE_THREAD))
    other = write("b.json", machine={"host": "beta"})
    found = labels(gather([both, other]))
    assert found == ["alpha cpu", "alpha cpu:threads=1", "beta cpu"]


def test_files_of_one_machine_are_its_runs(write):
    files = [write("a.json", record([1.0], [2.0])), write("b.json", record([3.0]))]
    gathered = gather(files)
    assert labels(gathered) == ["alpha"]
    assert gathered.candidates[0].files == tuple(files)
    assert [run.file for run in gathered.runs["alpha"]] == files
    assert samples(gathered, "alpha") == [[1.0, 2.0], [3.0]]


def test_a_glob_gives_its_files_in_order(write):
    write("b.json", record([2.0]))
    write("a.json", record([1.0]))
    write("c.txt")
    assert samples(gather(["*.json"]), "alpha") == [[1.0], [2.0]]


def test_a_glob_reaches_into_folders(write, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    write("in/deep/a.json")
    assert gather(["**/*.json"]).candidates[0].files == ("in/deep/a.json",)


def test_a_name_given_to_a_glob_is_the_machine_of_all_its_files(write):
    write("a.json", record([1.0]))
    write("b.json", record([2.0]), machine={"host": "beta"})
    gathered = gather(["rack=*.json"])
    assert samples(gathered, "rack") == [[1.0], [2.0]]
    assert gathered.warnings == (
        "'rack' is taken as one machine, as it is named: its hosts are 'alpha', 'beta'",
    )


def test_two_names_make_two_candidates_of_one_host(write):
    before, after = write("a.json"), write("b.json", record([1.0]))
    assert labels(gather([f"before={before}", f"after={after}"])) == ["before", "after"]


def test_a_name_may_be_the_host_of_another_file(write):
    a, b = write("a.json", record([1.0])), write("b.json", machine={"host": "beta"})
    assert len(gather([a, f"alpha={b}"]).candidates) == 1


@pytest.mark.parametrize("name", ["a=b.json", "[x].json", "*.json"])
def test_a_file_that_is_there_is_no_pattern_and_has_no_name_before(write, name):
    write("other.json", machine={"host": "beta"})
    assert gather([write(name).rpartition("/")[2]]).candidates[0].files == (name,)


def test_a_file_without_a_host_is_called_as_the_file(write):
    for host in (None, ""):
        gathered = gather([write("tower.json", machine={"host": host})])
        assert labels(gathered) == ["tower"]


def test_a_file_without_a_fingerprint_is_called_as_the_file_and_stated(write, tmp_path):
    (tmp_path / "tower.json").write_text(json.dumps(content() | {"machine_info": {}}))
    gathered = gather(["tower.json"])
    assert labels(gathered) == ["tower"]
    assert gathered.warnings == (
        "tower.json has no fingerprint: nothing tells what machine that was",
    )


def test_local_changes_to_the_suite_are_stated(write):
    path = write("a.json", machine={"git_dirty": True})
    assert gather([path]).warnings == (
        f"{path} was measured with local changes to the suite: its commit does not "
        "tell what ran; commit them and measure again",
    )


def test_a_file_given_twice_counts_once(write):
    path = write("a.json", record([1.0]))
    gathered = gather([path, "a.json", path])
    assert samples(gathered, "alpha") == [[1.0]]
    assert gathered.warnings == (
        "a.json counts once: it was given twice",
        f"{path} counts once: it was given twice",
    )


def test_a_copy_counts_once(write, tmp_path):
    write("a.json", record([1.0]))
    shutil.copy(tmp_path / "a.json", tmp_path / "b.json")
    gathered = gather(["*.json"])
    assert samples(gathered, "alpha") == [[1.0]]
    assert gathered.warnings == ("b.json counts once: it has the content of a.json",)


def test_files_of_one_size_are_kept_apart_by_their_content(write):
    files = [write("a.json", record([1.0])), write("b.json", record([2.0]))]
    assert os.path.getsize(files[0]) == os.path.getsize(files[1])
    assert samples(gather(files), "alpha") == [[1.0], [2.0]]


def test_a_copy_with_a_name_gives_it_to_the_machine(write):
    write("a.json")
    gathered = gather(["a.json", "rack=a.json"])
    assert labels(gathered) == ["rack"]


def test_one_content_under_two_names_is_refused(write, tmp_path):
    write("a.json")
    shutil.copy(tmp_path / "a.json", tmp_path / "b.json")
    with pytest.raises(ValueError, match="a result is of one machine") as error:
        gather(["one=a.json", "two=b.json"])
    assert str(error.value) == (
        "b.json as 'two' has the content of a.json as 'one': a result is of one "
        "machine; leave one out"
    )


@pytest.mark.parametrize(
    ("changes", "stated"),
    [
        ({"cpu_model": "Intel"}, "cpu_model is 'AMD EPYC' in a.json, but 'Intel' in"),
        ({"cpu_cores_allowed": 1}, "cpu_cores_allowed is 2 in a.json, but 1 in b.json"),
        (
            {"cpu_isa": []},
            r"cpu_isa is \['avx2', 'fma'\] in a.json, but \[\] in b.json",
        ),
        (
            {"gpu_devices": [{"name": "T4"}]},
            r"gpu_devices is \[\] in a.json, but \['T4'",
        ),
        ({"memory_total_bytes": 7_500_000_000}, "memory_total_bytes is 8000000000 in"),
    ],
)
@pytest.mark.parametrize("given", [["*.json"], ["x=*.json"]])
def test_a_name_of_two_machines_is_refused(write, given, changes, stated):
    write("a.json")
    write("b.json", machine=changes)
    with pytest.raises(ValueError, match=stated) as error:
        gather(given)
    assert str(error.value).endswith(
        "give each machine a name of its own, as NAME=FILE"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"cpu_model": None},
        {"memory_total_bytes": 7_990_000_000},
        {"memory_total_bytes": "much"},
        {"os_kernel": "6.19"},
        {"gpu_devices": "none"},
    ],
)
def test_what_is_not_known_or_may_change_makes_no_other_machine(write, changes):
    write("a.json", record([1.0]))
    write("b.json", record([2.0]), machine=changes)
    assert labels(gather(["*.json"])) == ["alpha"]


def test_the_third_file_may_be_another_machine_than_the_second(write):
    for name, model in (("a", None), ("b", "AMD"), ("c", "Intel")):
        write(f"{name}.json", record([ord(name)]), machine={"cpu_model": model})
    with pytest.raises(ValueError, match=r"'AMD' in b.json, but 'Intel' in c.json"):
        gather(["*.json"])


def test_a_machine_with_other_hardware_may_have_another_name(write):
    write("a.json")
    write("b.json", machine={"cpu_model": "Intel"})
    assert labels(gather(["a.json", "new=b.json"])) == ["alpha", "new"]


def test_a_hostile_name_survives(write):
    hosts = ["<script>alert(1)</script>", "a\x1b[31m\n\u202eb", "x" * 10_000, " \t"]
    files = [
        write(f"{i}.json", record([1.0 + i]), machine={"host": host})
        for i, host in enumerate(hosts)
    ]
    assert labels(gather(files)) == [
        "<script>alert(1)</script>",
        "a\ufffd[31m\ufffd\ufffdb",
        "x" * (LONGEST_NAME - 1) + "\u2026",
        "\ufffd",
    ]


def test_names_that_look_alike_when_shown_stay_two_machines(write):
    long = "x" * 1000
    write("a.json", record([1.0]), machine={"host": long + "a"})
    write("b.json", record([2.0]), machine={"host": long + "b"})
    one, two = labels(gather(["*.json"]))
    assert (one, two) == ("x" * 39 + "\u2026", "x" * 36 + " (2)")
    assert shown_names(["a\x01", "a\x02", "a\x03"]) == {
        "a\x01": "a\ufffd",
        "a\x02": "a\ufffd (2)",
        "a\x03": "a\ufffd (3)",
    }


def test_texts_of_a_fingerprint_are_made_fit_to_be_shown(write):
    facts = {"evil\x00": ["\x1b[2J", {"deep": "y" * 1000}], "cpu_model": "<b>"}
    found = gather([write("a.json", machine=facts)]).candidates[0].fingerprint
    assert found["evil\ufffd"] == [
        "\ufffd[2J",
        {"deep": "y" * (LONGEST - 1) + "\u2026"},
    ]
    assert found["cpu_model"] == "<b>"


def test_a_candidate_of_which_nothing_was_measured_is_left_out_and_stated(write):
    gpu = replace(CASE, hardware="cuda:0")
    gathered = gather([write("a.json", record(), unmeasured("skipped", "no GPU", gpu))])
    assert labels(gathered) == ["alpha"]
    assert gathered.warnings == (
        "alpha cuda:0 is left out: none of its 1 cases was measured (skipped: no GPU)",
    )


def test_where_nothing_at_all_was_measured_that_is_said(write):
    path = write("a.json", unmeasured("failed", "out of memory\nTraceback ..."))
    with pytest.raises(ValueError, match=r"measured \(failed: out of memory\)$"):
        gather([path])


def test_a_file_without_cases_is_stated(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content() | {"benchmarks": []}))
    with pytest.raises(ValueError, match=r"^no case in any file: measure again$"):
        gather([str(path)])


def test_a_case_that_failed_in_one_run_is_an_attempt_too(write):
    write("a.json", unmeasured("failed", "killed"), record(case=ONE_THREAD))
    write("b.json", record([1.0]))
    gathered = gather(["*.json"])
    (attempts,) = gathered.attempts["alpha cpu"].values()
    assert [one.extract.status for one in attempts] == ["failed", "ok"]
    assert [one.run.file for one in attempts] == ["a.json", "b.json"]


def test_a_seed_and_a_corpus_on_disk_are_the_runs(write):
    path = write("a.json", run={"seed": 7, "data_root": "corpus-12345678"})
    (run,) = gather([path]).runs["alpha"]
    assert (run.seed, run.has_data_root, run.is_dirty) == (7, True, False)


def test_a_fingerprint_is_cut_where_it_has_more_lines_than_any_machine(write):
    strange = {f"fact {number}": [{"x": 1}, {"y": 2}] for number in range(MOST_LINES)}
    path = write("a.json", machine=strange)
    gathered = gather([path])
    # 12 facts, of which `libraries` has 2 lines, and 2 lines for each strange one.
    assert gathered.warnings == (
        f"{path} has a fingerprint of 613 lines: those after the first 300 are left "
        "out",
    )
    found = gathered.candidates[0].fingerprint
    assert list(found)[: len(MACHINE)] == list(MACHINE)
    assert len(found) == len(MACHINE) + 144  # 300 - 13 = 2 x 143 + 1
    assert found["fact 142"] == [{"x": 1}, {"y": 2}]
    assert found["fact 143"] == [{"x": 1}]


def test_a_fingerprint_of_many_items_or_levels_is_cut_too(write):
    deep = "x"
    for _ in range(20):
        deep = {"deep": deep}
    facts = {"flags": list(range(MOST_ITEMS + 2)), "deep": deep}
    found = gather([write("a.json", machine=facts)]).candidates[0].fingerprint
    assert found["flags"] == [*range(MOST_ITEMS), "2 further"]
    assert len(json.dumps(found["deep"])) < 500
    levels = 0
    while isinstance(found["deep"], dict):
        found, levels = found["deep"], levels + 1
    assert levels == 5


@pytest.mark.parametrize("memory", [-1, 0])
def test_memory_of_an_odd_size_makes_no_other_machine(write, memory):
    for name in ("a.json", "b.json"):
        write(
            name, record([float(ord(name[0]))]), machine={"memory_total_bytes": memory}
        )
    assert labels(gather(["*.json"])) == ["alpha"]


def test_names_of_files_are_made_fit_to_be_shown(write, tmp_path):
    name, shown = "\x1b]0;pwned\x07.json", "\ufffd]0;pwned\ufffd.json"
    write(name, machine={"git_dirty": True})
    shutil.copy(tmp_path / name, tmp_path / "copy.json")
    gathered = gather(["*.json"])
    assert all(text.isprintable() for text in gathered.warnings)
    assert f"copy.json counts once: it has the content of {shown}" in gathered.warnings
    assert gathered.candidates[0].files == (shown,)
    write("b.json", machine={"cpu_model": "Intel"})
    with pytest.raises(ValueError, match="is two machines") as error:
        gather(["x=*.json"])
    assert f"'AMD EPYC' in {shown}, but 'Intel' in b.json" in str(error.value)
    for changes in ({"machine": {"host": 3}}, {"run": {"seed": -1}}):
        write(name, **changes)
        with pytest.raises(ResultError) as error:
            gather([name])
        assert str(error.value).startswith(f"{shown}: ")
    write(name, record(), record([1.0]))
    with pytest.raises(ResultError, match="stands there twice") as error:
        gather([name])
    assert str(error.value).startswith(f"{shown}: ")
    (tmp_path / "\x1b[31m").mkdir()
    with pytest.raises(ValueError, match="is a folder") as error:
        gather(["\x1b[31m"])
    assert str(error.value).isprintable()


def test_names_that_differ_in_what_nobody_sees_look_different(write):
    for number, host in enumerate(("epyc", "epyc\u200d", "epyc\u00ad")):
        write(f"{number}.json", record([1.0 + number]), machine={"host": host})
    assert labels(gather(["*.json"])) == ["epyc", "epyc\ufffd", "epyc\ufffd (2)"]


def test_a_candidates_host_is_stated_over_its_runs(write, tmp_path):
    def run(name, share):
        given = {
            "at_unix_s": 60.0,
            "registers_bytes_per_s": 4e8 * share,
            "memory_bytes_per_s": 8e9,
            "registers": share,
            "memory": 1.0,
        }
        write(name, record(noise=[{"process": 0, "host": given}]))

    run("a.json", 1.0)
    run("b.json", 0.5)
    (found,) = gather([f"m={tmp_path}/*.json"]).candidates
    assert found.host.startswith("0.75 of its best in registers (0.50 to 1.00)")


def test_samples_of_ab_beside_results_are_left_out_with_a_note(write, tmp_path):
    write("a.json")
    ab = tmp_path / "ab-1.json"
    ab.write_text('{"format": "speechmark-ab", "format_version": 1}\n')
    found = gather([str(tmp_path / "*.json")])
    assert found.warnings[0] == (
        f"{ab} is left out: it holds the samples of `speechmark ab`"
    )
    with pytest.raises(ValueError, match="it holds the samples of `speechmark ab`"):
        gather([str(ab)])
