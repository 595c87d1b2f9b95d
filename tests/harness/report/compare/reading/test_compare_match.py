"""Which works of machines are the same work."""

from dataclasses import replace

import pytest
from recorded import (
    CASE,
    COMMIT,
    DETAILS,
    MACHINE,
    WORK,
    accuracy,
    file,
    kernel,
    kernels,
    metric,
    record,
    training,
    unmeasured,
)

from harness.report.compare.model import Difference, Mismatch
from harness.report.compare.reading.facts import KINDS

OTHER_CASE = replace(CASE, batch_size=16)


OTHER_COMMIT = "d" * 40


def steps(work, label):
    """Of the attempts that stand for a candidate."""
    figures = [one.extract.figures for one in work.attempts[label]]
    return [f.processes[0].step_s if f else None for f in figures]


def test_the_same_work_on_two_machines_may_be_compared(matched):
    found = matched(file("a"), file("b", record([1.0])))
    (work,) = found.works
    assert (work.same, work.labels) == (True, ())
    assert list(work.attempts) == ["a", "b"]
    assert (found.mismatches, found.differences) == ((), ())


def test_a_work_that_one_machine_lacks_stands_there_all_the_same(matched):
    found = matched(file("a"), file("b", record(case=OTHER_CASE), record([1.0])))
    assert [str(one.work) for one in found.works] == [
        "asr-inference/ds2-small/fp32/eager/b1",
        "asr-inference/ds2-small/fp32/eager/b16",
    ]
    assert [list(one.attempts) for one in found.works] == [["a", "b"], ["b"]]
    assert [one.same for one in found.works] == [True, True]


def test_hardware_settings_of_one_machine_do_the_same_work(matched):
    both = [record(), record(case=replace(CASE, hardware="cpu:threads=1"))]
    (work,) = matched(file("a", *both)).works
    assert list(work.attempts) == ["a cpu", "a cpu:threads=1"]
    assert work.same


WORKS = {
    "profile": ({"profile": "standard"}, "quick", "standard"),
    "corpus": (
        {"details": DETAILS | {"corpus_checksum": "d" * 64}},
        "c" * 64,
        "d" * 64,
    ),
    "weights": ({"details": {"corpus_checksum": "c" * 64}}, "a" * 64, "none"),
    "gate": (
        {"accuracy": accuracy(wer=metric(gate=0.01, difference=0.0))},
        "wer none",
        "wer 0.01",
    ),
}


@pytest.mark.parametrize("kind", WORKS)
def test_another_kind_of_work_gets_no_verdict(matched, kind):
    changes, mine, theirs = WORKS[kind]
    found = matched(file("a"), file("b", record([1.0], **changes)))
    (work,) = found.works
    assert (work.same, work.labels) == (False, ())
    expected = Mismatch(kind, work.work, {"a": mine, "b": theirs}, allowed=False)
    assert found.mismatches == (expected,)


@pytest.mark.parametrize("kind", WORKS)
def test_what_is_allowed_is_compared_and_labelled(matched, kind):
    changes, *_ = WORKS[kind]
    found = matched(file("a"), file("b", record([1.0], **changes)), allow=[kind])
    (work,) = found.works
    assert (work.same, work.labels) == (True, (KINDS[kind],))
    assert [one.allowed for one in found.mismatches] == [True]


def test_to_allow_one_kind_allows_no_other(matched):
    other = record([1.0], profile="standard", details={})
    found = matched(file("a"), file("b", other), allow=["corpus", "weights"])
    (work,) = found.works
    assert (work.same, work.labels) == (False, ("corpus differs", "weights differ"))
    assert [one.what for one in found.mismatches] == ["profile", "corpus", "weights"]


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("items_per_step", 3.0, "items 3, audio_s 6, parameters 10, macs 1000000, "),
        ("audio_s_per_step", 6.001, "items 2, audio_s 6.001, parameters 10, "),
        ("parameters", 11, "items 2, audio_s 6, parameters 11, macs 1000000, cycle 1"),
        (
            "macs_per_step",
            None,
            "items 2, audio_s 6, parameters 10, macs none, cycle 1",
        ),
    ],
)
def test_a_step_that_does_other_work_gets_no_verdict(matched, field, value, shown):
    found = matched(file("a"), file("b", record([1.0], work=WORK | {field: value})))
    (mismatch,) = found.mismatches
    assert mismatch.what == "work"
    assert mismatch.found["b"].startswith(shown)


def test_inputs_that_come_round_after_more_steps_are_other_work(matched):
    found = matched(
        file("a", record([1.0, 2.0])),
        file("b", record([1.0, 2.0], cycle=2)),
    )
    assert found.mismatches[0].found["b"].endswith("cycle 2")


@pytest.mark.parametrize(("theirs", "same"), [("e", True), ("f", False), (None, False)])
def test_a_workload_of_another_file_of_the_user_s_is_other_work(matched, theirs, same):
    ours, other = (
        record(
            [step_s], details=DETAILS | ({"workload_sha256": one * 64} if one else {})
        )
        for step_s, one in ((1.0, "e"), (2.0, theirs))
    )
    found = matched(file("a", ours), file("b", other))
    assert found.works[0].same is same
    if not same:
        assert found.mismatches[0].what == "work"
        assert found.mismatches[0].found["a"].endswith(f"own file {'e' * 64}")


@pytest.mark.parametrize(
    "field", ["items_per_step", "audio_s_per_step", "macs_per_step"]
)
@pytest.mark.parametrize(("factor", "same"), [(1 + 1e-10, True), (1 + 1e-8, False)])
def test_sums_may_differ_in_their_last_digits(matched, field, factor, same):
    other = WORK | {field: WORK[field] * factor}
    (work,) = matched(file("a"), file("b", record([1.0], work=other))).works
    assert work.same is same


def test_the_size_of_a_model_is_a_result_and_no_work(matched):
    (work,) = matched(
        file("a"), file("b", record([1.0], work=WORK | {"model_bytes": 1}))
    ).works
    assert work.same


def test_a_gate_that_is_not_known_is_no_other_gate(matched):
    unknown = record([1.0], accuracy={"metrics": None, "reason": "no speech"})
    gated = record(accuracy=accuracy(wer=metric(gate=0.01, difference=0.0)))
    found = matched(file("a", gated), file("b", unknown)).mismatches
    assert [one.what for one in found] == ["accuracy"]


FILES = {
    "suite-version": ({"run": {"suite_version": "0.2.0"}}, "0.1.0", "0.2.0"),
    "code": ({"run": {"git_commit": OTHER_COMMIT}}, COMMIT, OTHER_COMMIT),
    "data-root": (
        {"run": {"data_root": "corpus-0badcafe"}},
        "built-in speech",
        "a corpus on disk",
    ),
    "variables": (
        {"run": {"env": {"LD_PRELOAD": "libjemalloc.so"}}},
        "none",
        "LD_PRELOAD=libjemalloc.so",
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_what_holds_for_a_whole_file_is_stated_once(matched, kind):
    changes, mine, theirs = FILES[kind]
    records = [record([1.0]), record(case=OTHER_CASE)]
    found = matched(file("a", *records), file("b", *records, **changes))
    assert [one.same for one in found.works] == [False, False]
    expected = Mismatch(kind, None, {"a": mine, "b": theirs}, allowed=False)
    assert found.mismatches == (expected,)


@pytest.mark.parametrize("kind", FILES)
def test_what_holds_for_a_whole_file_can_be_allowed(matched, kind):
    changes, *_ = FILES[kind]
    found = matched(file("a"), file("b", **changes), allow=[kind])
    assert found.works[0].labels == (KINDS[kind],)
    assert found.mismatches[0].allowed


def test_a_file_of_another_commit_spoils_only_the_works_that_it_has(matched):
    both, one = [record([1.0]), record(case=OTHER_CASE)], [record([2.0])]
    strange = file("c", *one, run={"git_commit": OTHER_COMMIT})
    found = matched(
        file("a", *both),
        file("b", *both, record([1.0], case=replace(CASE, batch_size=2))),
        strange,
    )
    assert [work.same for work in found.works] == [False, True, True]


def test_an_unknown_commit_is_another_commit(matched):
    found = matched(file("a"), file("b", run={"git_commit": None}))
    assert found.mismatches[0].found == {"a": COMMIT, "b": "unknown"}


def test_two_unknown_commits_may_be_two(matched):
    unknown = {"git_commit": None}
    other = record([0.25])
    found = matched(file("a", run=unknown), file("b", other, run=unknown))
    assert [one.what for one in found.mismatches] == ["code"]
    with_digest = unknown | {"code_digest": "d1"}
    assert matched(file("a", run=unknown), file("b", other, run=with_digest)).mismatches
    both = file("a", run=with_digest), file("b", other, run=with_digest)
    assert matched(*both).mismatches == ()


@pytest.mark.parametrize(
    ("compression", "claims", "same"),
    [
        ("fp32", ("proven", "refuted"), False),
        ("fp32", ("proven", "proven"), True),
        ("fp32", ("refuted", "refuted"), True),
        ("fp32", ("unproven", "refuted"), True),
        ("bf16", ("proven", "refuted"), True),
    ],
)
def test_fewer_bits_than_fp32_are_other_work_where_kernels_tell(
    matched, compression, claims, same
):
    """Of other precisions the verdict says that some are not what they claim."""
    case = replace(CASE, compression=compression)
    row = kernel("inner_product", 1.0, 100.0)
    a, b = (
        record([step_s], case=case, kernels=kernels(row, claim=claim))
        for step_s, claim in zip((0.5, 0.25), claims, strict=True)
    )
    found = matched(file("a", a), file("b", b))
    assert found.works[0].same is same
    if not same:
        assert found.mismatches[0].what == "arithmetic"
        assert found.mismatches[0].found == {"a": "fp32", "b": "fewer bits than fp32"}


def test_local_changes_make_another_commit(matched):
    found = matched(file("a"), file("b", machine={"git_dirty": True}))
    assert found.mismatches[0].found["b"] == f"{COMMIT} with local changes"


def measured_by(name, digest, commit=COMMIT, dirty=False):
    run = {"git_commit": commit, "code_digest": digest}
    return file(name, run=run, machine={"git_dirty": dirty})


def test_a_commit_that_leaves_the_code_that_measures_is_the_same_work(matched):
    """A commit to documents, or one of what was measured uncommitted."""
    files = measured_by("a", "d1"), measured_by("b", "d1", OTHER_COMMIT, dirty=True)
    assert matched(*files).mismatches == ()


def test_other_code_at_one_commit_is_other_work(matched):
    found = matched(measured_by("a", "d1"), measured_by("b", "d2", dirty=True))
    (mismatch,) = found.mismatches
    stated = {"a": f"{COMMIT}, code d1", "b": f"{COMMIT} with local changes, code d2"}
    assert mismatch == Mismatch("code", None, stated, allowed=False)


@pytest.mark.parametrize(("commit", "same"), [(COMMIT, True), (OTHER_COMMIT, False)])
def test_beside_a_file_of_before_digests_the_commits_tell(matched, commit, same):
    found = matched(measured_by("a", "d1"), measured_by("b", None, commit))
    assert (found.mismatches == ()) is same


def test_a_folder_of_speech_may_lie_elsewhere(matched):
    files = [file(name, run={"data_root": f"corpus-{name}"}) for name in "ab"]
    assert matched(*files).works[0].same


def test_runs_of_one_machine_at_two_commits_are_refused(matched):
    second = file("a", record([2.0]), run={"git_commit": OTHER_COMMIT})
    found = matched(file("a", record([1.0])), second)
    (work,) = found.works
    assert not work.same
    assert steps(work, "a") == [1.0]  # the other run did other work
    stated = {"a": f"{COMMIT} and {OTHER_COMMIT}"}
    assert found.mismatches == (Mismatch("code", None, stated, allowed=False),)


def test_runs_at_two_commits_count_together_where_that_is_allowed(matched):
    second = file("a", record([2.0]), run={"git_commit": OTHER_COMMIT})
    (work,) = matched(file("a", record([1.0])), second, allow=["code"]).works
    assert (work.same, work.labels) == (True, ("suite code differs",))
    assert steps(work, "a") == [1.0, 2.0]


def test_runs_with_other_software_count_together_where_that_is_allowed(matched):
    changed = MACHINE["libraries"] | {"torch": "2.15.0", "onnx": "1.0"}
    second = file("a", record([2.0]), machine={"libraries": changed})
    found = matched(file("a", record([1.0])), second, allow=["software"])
    stated = {"a": "torch 2.14.1 and torch 2.15.0"}
    assert found.mismatches == (Mismatch("software", None, stated, allowed=True),)
    assert found.works[0].labels == ("software differs between runs",)
    assert steps(found.works[0], "a") == [1.0, 2.0]


def test_software_that_one_run_did_not_look_for_is_no_difference(matched):
    more = MACHINE["libraries"] | {"onnx": "1.0"}
    second = file(
        "a", record([2.0]), machine={"libraries": more, "torch_version": None}
    )
    assert matched(file("a", record([1.0])), second).works[0].same


def test_machines_may_differ_in_their_software(matched):
    other = {"libraries": {"torch": "2.15.0"}, "python_version": "3.12.0"}
    found = matched(file("a"), file("b", machine=other))
    assert found.works[0].same
    assert found.differences == (
        Difference("python_version", {"a": "3.11.7", "b": "3.12.0"}),
        Difference("libraries.torch", {"a": "2.14.1", "b": "2.15.0"}),
        Difference("libraries.numpy", {"a": "2.4.6"}),
    )


def test_a_run_of_another_profile_does_not_count_with_the_first(matched):
    runs = [record([1.0]), record([2.0], profile="standard"), record([3.0])]
    found = matched(*(file("a", one) for one in runs))
    assert steps(found.works[0], "a") == [1.0, 3.0]
    assert found.mismatches[0].found == {"a": "quick and standard"}


def test_a_run_that_failed_stands_beside_those_that_count(matched):
    runs = [
        unmeasured("failed", "killed"),
        record([2.0]),
        record([3.0], profile="paper"),
    ]
    files = [file("a", one, record(case=OTHER_CASE)) for one in runs]
    assert steps(matched(*files).works[-1], "a") == [None, 2.0]


def test_what_failed_is_compared_with_nothing(matched):
    failed = replace(CASE, batch_size=2)
    found = matched(
        file("a", record(), record(case=failed)),
        file("b", record([1.0]), unmeasured("failed", "killed", failed)),
    )
    assert [one.same for one in found.works] == [True, True]


def test_trainings_are_compared_over_the_same_seeds(matched):
    mine = [file("a", training(2.0, seed=seed)) for seed in (0, 1)]
    theirs = [file("b", training(3.0, seed=seed)) for seed in (1, 0)]
    assert matched(*mine, *theirs).works[0].same
    found = matched(*mine, theirs[0])
    assert not found.works[0].same
    (mismatch,) = found.mismatches
    assert (mismatch.what, mismatch.found) == ("seed", {"a": "0, 1", "b": "1"})
    assert steps(found.works[0], "a") == [2.0, 2.0]  # several seeds are several runs


def test_a_seed_draws_batches_too(matched):
    found = matched(file("a"), file("b", run={"seed": 1}))
    assert found.mismatches[0].found == {"a": "0", "b": "1"}
    allowed = matched(file("a"), file("b", run={"seed": 1}), allow=["seed"])
    assert allowed.works[0].labels == ("seeds differ",)


def test_a_kind_that_there_is_not_is_refused(matched):
    with pytest.raises(ValueError, match="unknown kind of mismatch 'corpse'") as error:
        matched(file("a"), file("b", record([1.0])), allow=["corpus", "corpse"])
    assert str(error.value).endswith(f"expected one of {', '.join(KINDS)}")
