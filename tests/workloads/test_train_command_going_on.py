"""The command that trains, going on from what was trained before, on the tiny task."""

import json
import math
import shutil

import pytest
from tiny_task import SIZE, TINY, tiny_data
from train_command import (
    COMMAND,
    PRUNED,
    SHORT,
    error_of,
    facts_of,
    judged_as,
    own_places,
    run,
    state_of,
)

from workloads.training import loop, weights

NAME = "tiny.safetensors"


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """A cache and a folder of shipped weights of one's own, both empty."""
    return own_places(tmp_path, monkeypatch)


@pytest.fixture
def path(places):
    """Where weights go by default."""
    return places / "cache" / "weights" / NAME


@pytest.fixture
def started(path):
    """Weights that were trained before."""
    run(*SHORT)
    return path


def test_a_stopped_training_goes_on_and_never_loses_what_was_better(path, monkeypatch):
    judged_as(monkeypatch, 5, 5, 6, 5, 3)  # before going on, the start is measured
    run(*SHORT)
    first = path.read_bytes()
    run(*SHORT, "--go-on", code=1)  # reaches 6, worse than 5
    assert path.read_bytes() == first
    run(*SHORT, "--go-on")  # reaches 3
    facts = facts_of(path)
    assert facts["validation_loss"] == "3.000"
    assert facts["started_from"] == f"{COMMAND} --epochs 1"
    assert facts["command"] == f"{COMMAND} --epochs 1 --go-on"


def test_weights_that_went_on_name_all_that_they_come_from(started, monkeypatch):
    before = weights.load_facts(TINY, SIZE, started)
    facts = {**before, "started_from": "first; second", "note": "cut short"}
    constants, state = TINY.constants(tiny_data()), state_of(started)
    weights.save(TINY, SIZE, state, constants, facts, started)
    judged_as(monkeypatch, 2, 1)
    run(*SHORT, "--go-on")
    facts = facts_of(started)
    assert facts["started_from"] == f"first; second; {COMMAND} --epochs 1"
    assert facts["note"] == "cut short"


def test_going_on_starts_from_the_weights_and_constants_before(started, monkeypatch):
    state, facts = state_of(started), weights.load_facts(TINY, SIZE, started)
    shifted = {"normaliser.mean": tiny_data().mean + 1}
    weights.save(TINY, SIZE, state, shifted, facts, started)
    jobs = []

    def watched(job, _):
        jobs.append(job)
        return iter(())

    monkeypatch.setattr(loop, "train", watched)
    run(*SHORT, "--go-on", code=1)
    (job,) = jobs
    assert job.model.first.weight.equal(state["first.weight"])
    assert (job.data.mean == shifted["normaliser.mean"]).all()


def test_going_on_measures_what_it_started_from(started, monkeypatch):
    """Weights with a better loss beside them than they have here would never be
    replaced."""
    before = weights.load_facts(TINY, SIZE, started)
    facts = {**before, "validation_loss": "-99.000"}
    constants, state = TINY.constants(tiny_data()), state_of(started)
    weights.save(TINY, SIZE, state, constants, facts, started)
    judged_as(monkeypatch, 2, 1)
    assert run(*SHORT, "--go-on").startswith("goes on from loss 2\n")
    assert facts_of(started)["validation_loss"] == "1.000"


def test_going_on_without_a_gain_saves_nothing_elsewhere(started, monkeypatch, places):
    judged_as(monkeypatch, 8, 9)
    other = places / "other" / NAME
    said = run(*SHORT, "--go-on", "--directory", other.parent, code=1)
    assert said.splitlines()[-1] == (
        "no epoch was better than the weights that it went on from, or any at all: "
        f"nothing is saved as {other}"
    )
    assert started.exists()
    assert not other.exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--go-on"],
        ["--compression", PRUNED],
        ["--compression", "tsvd-50"],
        ["--compression", "int8-qat"],
    ],
    ids=lambda options: options[-1],
)
def test_what_goes_on_asks_for_weights_to_start_from(options):
    said = run(*options, code=1)
    assert said == f"Error: no trained weights of tiny: run `{COMMAND}`\n"


def test_going_on_takes_the_weights_of_the_very_corpus(places, path, monkeypatch):
    judged_as(monkeypatch, 5, 5, 5, 3)
    run(*SHORT)
    run(*SHORT, "--data-root", places)
    run(*SHORT, "--data-root", places, "--go-on")
    own = places / "cache" / "weights" / f"corpus-{'5' * 16}" / NAME
    assert "--data-root" in facts_of(own)["started_from"]
    assert "started_from" not in facts_of(path)


@pytest.mark.parametrize("name", [PRUNED, "tsvd-50", "int8-qat"])
def test_a_compressed_model_is_trained_from_trained_weights(started, path, name):
    said = run(*SHORT, "--compression", name, "--worst-percent", 1000)
    found = path.with_stem(f"tiny-{name}")
    assert said.endswith(f"{found}\n")
    assert ("round 5 of 5\nepoch 1: loss " in said) == (name == PRUNED)
    assert weights.find(TINY, SIZE, name) == found
    facts = facts_of(found)
    assert facts["started_from"] == facts_of(started)["command"]
    assert f" --compression {name} " in facts["command"]
    assert json.loads(facts["recipe"])["optimizer"]["learning_rate"] == 1e-3
    assert float(facts["reached"]) < 1.5
    constants = weights.load_constants(TINY, SIZE, found)
    assert (constants["normaliser.mean"] == tiny_data().mean).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (PRUNED, "the baseline's loss is nan, expected a finite number: validate"),
        ("tsvd-50", "first cannot be factorized: it holds weights"),
    ],
)
def test_weights_that_cannot_be_compressed_end_it_in_a_line(started, name, expected):
    facts = weights.load_facts(TINY, SIZE, started)
    constants = TINY.constants(tiny_data())
    state = {key: one * math.nan for key, one in state_of(started).items()}
    weights.save(TINY, SIZE, state, constants, facts, started)
    said = run(*SHORT, "--compression", name, code=1)
    assert said.startswith(f"Error: {expected}")


@pytest.mark.usefixtures("started")
def test_a_pruned_model_has_the_zeros_that_it_is_called_by(path):
    run(*SHORT, "--compression", PRUNED, "--worst-percent", 1000)
    state = state_of(path.with_stem(f"tiny-{PRUNED}"))
    for name in ("first.weight", "last.weight"):
        assert float((state[name] == 0).float().mean()) == 0.5


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize("worst", [5, 60])
def test_a_pruning_that_was_rolled_back_is_saved_under_another_name(
    path, monkeypatch, caplog, worst
):
    judged_as(monkeypatch, 10.0, *[15.0] * 5)  # worse by half
    options = [*SHORT, "--compression", PRUNED, "--worst-percent", worst]
    pruned = path.with_stem(f"tiny-{PRUNED}")
    if worst == 60:
        run(*options)
        assert pruned.exists()
        return
    aside = pruned.with_stem(f"{pruned.stem}-rolled-back")
    assert run(*options, code=1).splitlines()[-1] == (
        f"saved as {aside}, which no benchmark takes: train longer, or give a larger "
        "--worst-percent"
    )
    assert not pruned.exists()
    warning = facts_of(aside)["warning"]
    assert warning in caplog.text
    assert warning.startswith(f"{PRUNED} reached 0.0 % of zeros in place of 50 %: ")


@pytest.mark.usefixtures("started")
def test_a_pruned_model_is_trained_further_and_keeps_its_zeros(path, monkeypatch):
    pruned = path.with_stem(f"tiny-{PRUNED}")
    options = [*SHORT, "--compression", PRUNED]
    said = run(*options, "--go-on", code=1)
    assert f"no trained weights of tiny-{PRUNED}: run `" in said
    run(*options, "--worst-percent", 1000)
    first, before = facts_of(pruned), state_of(pruned)
    judged_as(monkeypatch, 2.0, 1.0)
    assert "round 1 of 1" in run(*options, "--go-on")
    after = state_of(pruned)
    assert facts_of(pruned)["started_from"].endswith(first["command"])
    assert any(not one.equal(after[name]) for name, one in before.items())
    for name, one in before.items():
        assert bool((after[name][one == 0] == 0).all()), name


@pytest.mark.usefixtures("started")
def test_a_pruned_model_that_gets_no_better_stays(path, monkeypatch):
    pruned = path.with_stem(f"tiny-{PRUNED}")
    options = [*SHORT, "--compression", PRUNED]
    run(*options, "--worst-percent", 1000)
    before = pruned.read_bytes()
    judged_as(monkeypatch, 2.0, 3.0)
    said = run(*options, "--go-on", code=1)
    assert said.splitlines()[-1] == f"no epoch was better than {pruned}, which stays"
    assert pruned.read_bytes() == before


@pytest.mark.usefixtures("started")
def test_the_weights_that_a_training_started_from_are_named(path, monkeypatch, places):
    """Whatever is shipped while it goes on."""

    def shipped_meanwhile(*arguments):
        shutil.copytree(path.parent, places / "shipped")
        return train_as_before(*arguments)

    pruned = path.with_stem(f"tiny-{PRUNED}")
    options = [*SHORT, "--compression", PRUNED]
    run(*options, "--worst-percent", 1000)
    train_as_before = loop.train
    monkeypatch.setattr(loop, "train", shipped_meanwhile)
    judged_as(monkeypatch, 2.0, 3.0)
    said = run(*options, "--go-on", code=1)
    assert said.splitlines()[-1] == f"no epoch was better than {pruned}, which stays"


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("int8-static", "a pruning, a factorization or int8-qat"),
        ("fp16", "a pruning, a factorization or int8-qat"),
        ("tucker-30+int8-static", "tucker-30"),
    ],
)
def test_what_is_stored_otherwise_after_training_is_refused(name, instead):
    expected = f"{name} stores weights otherwise after training: give {instead}"
    assert error_of("--compression", name).endswith(expected)


@pytest.mark.parametrize("name", ["tsvd-50", "int8-qat"])
def test_only_prunings_go_on(name):
    expected = f"--compression {name} goes on from uncompressed weights: leave out"
    assert expected in error_of("--compression", name, "--go-on")


def test_an_unknown_compression_is_refused_with_those_that_are_known():
    said = error_of("--compression", "prune")
    assert "no compression is called 'prune': the known ones are fp32, bf16" in said
