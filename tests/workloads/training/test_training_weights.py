"""The weights of a case: how they are kept, found, checked and loaded."""

import json
import shlex
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_task import SIZE, TINY, tiny_data

from basics.files import file_sha256
from workloads.asr.ds2 import DS2_SMALL
from workloads.asr.task import ASR
from workloads.compression.known import parse
from workloads.separation.sizes import DPTNET_SMALL
from workloads.separation.task import SEPARATION
from workloads.tasks import all_tasks
from workloads.train import main
from workloads.training import weights
from workloads.training.weights import (
    NotTrainedError,
    WeightsError,
    of_one_corpus,
    trained_dir,
)

NAME = "tiny.safetensors"
DATA = tiny_data()
OWN = "5" * 64
SIZES = [(task, size) for task in all_tasks() for size in task.sizes.values()]


def named(one):
    return one.name if hasattr(one, "name") else None


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A cache and a folder of shipped weights of one's own, both empty."""
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "shipped_dir", lambda _: tmp_path / "shipped")
    return tmp_path


def saved_as(path, task=TINY, size=SIZE, **facts):
    """A model, whose weights are the file's from now on."""
    torch.manual_seed(5)
    model = task.model(size)
    constants = TINY.constants(DATA) if task is TINY else {}
    facts = {"command": "by hand", **facts}
    weights.save(task, size, model.state_dict(), constants, facts, path)
    return model


@pytest.fixture
def path(places):
    """Of weights in the cache."""
    path = places / "cache" / "weights" / NAME
    saved_as(path)
    return path


def test_weights_come_back_in_half_precision(places):
    path = places / NAME
    model = saved_as(path)
    loaded = weights.load(TINY, SIZE, path)
    assert not loaded.training
    state, original = loaded.state_dict(), model.state_dict()
    assert state.keys() == original.keys()
    for name, tensor in state.items():
        assert tensor.dtype == torch.float32
        assert tensor.equal(original[name].half().float())
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_weights_of_a_task_that_stores_them_whole_come_back_in_full(places):
    assert not ASR.stored_in_half
    model = saved_as(places / "ds2-small.safetensors", ASR, DS2_SMALL)
    loaded = weights.load(ASR, DS2_SMALL, places / "ds2-small.safetensors")
    for key, tensor in model.state_dict().items():  # counts of batch norms, too
        assert loaded.state_dict()[key].equal(tensor)


def test_constants_come_back_in_full_and_are_no_parameters(path):
    (found,) = weights.load_constants(TINY, SIZE, path).values()
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, DATA.mean)
    again = TINY.with_constants(tiny_data(8), {"normaliser.mean": found})
    np.testing.assert_array_equal(again.mean, DATA.mean)


def test_facts_come_back(path):
    assert weights.load_facts(TINY, SIZE, path) == {"command": "by hand"}
    beside = json.loads(path.with_suffix(".json").read_text())
    assert beside["sha256"] == file_sha256(path)


def test_whole_files_alone_are_left_and_anyone_may_read_them(path):
    names = {file.name for file in path.parent.iterdir()}
    assert names == {NAME, "tiny.json"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_weights_that_do_not_lie_in_a_row_are_saved_as_they_are(places):
    model = saved_as(places / NAME)
    state = model.state_dict()
    weight = state["first.weight"]
    turned = {**state, "first.weight": weight.t().contiguous().t()}
    assert not turned["first.weight"].is_contiguous()
    weights.save(TINY, SIZE, turned, {}, {}, places / "turned.safetensors")
    states = [
        weights.load(TINY, SIZE, places / name).state_dict()
        for name in (NAME, "turned.safetensors")
    ]
    assert all(states[0][name].equal(one) for name, one in states[1].items())


def test_a_killed_writer_leaves_the_old_weights_as_they_were(path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        saved_as(path, note="another")
    monkeypatch.undo()
    assert weights.load_facts(TINY, SIZE, path) == {"command": "by hand"}


CONSTANTS_ALONE = """
import sys
from workloads.training.weights import find, load_constants
from workloads.wav2letter.task import WAV2LETTER

size = WAV2LETTER.sizes["wav2letter-small"]
found = load_constants(WAV2LETTER, size, find(WAV2LETTER, size))
print(len(found), "torch" in sys.modules)
"""


def test_constants_are_loaded_without_torch_in_memory():
    command = [sys.executable, "-c", CONSTANTS_ALONE]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert result.stdout.split() == ["2", "False"]


def test_shipped_weights_come_before_those_in_the_cache(path, places):
    assert weights.find(TINY, SIZE) == path
    shutil.copytree(path.parent, places / "shipped")
    assert weights.find(TINY, SIZE) == places / "shipped" / NAME


def test_weights_of_the_very_corpus_come_before_shipped_ones(path, places):
    shutil.copytree(path.parent, places / "shipped")
    own = trained_dir(OWN)
    shutil.copytree(path.parent, own)
    assert weights.find(TINY, SIZE, corpus_checksum=OWN) == own / NAME
    other = weights.find(TINY, SIZE, corpus_checksum="6" * 64)
    assert other == places / "shipped" / NAME


def test_weights_trained_after_a_compression_are_others(path):
    with pytest.raises(NotTrainedError, match="tiny-tucker-30: run"):
        weights.find(TINY, SIZE, "tucker-30")
    other = path.with_stem("tiny-tucker-30")
    shutil.copy(path, other)
    assert weights.find(TINY, SIZE, "tucker-30") == other
    assert weights.find(TINY, SIZE) == path


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize(("task", "size"), SIZES, ids=named)
@pytest.mark.parametrize("compression", ["", "prune-l1-unstructured-30"])
def test_missing_weights_name_the_command_that_trains_them(task, size, compression):
    with pytest.raises(NotTrainedError) as caught:
        weights.find(task, size, compression)
    command = weights.command_for(size, compression)
    assert str(caught.value).endswith(f": run `{command}`")
    _, _, module, *options = shlex.split(command)
    assert module == "workloads.train"
    chosen = main.make_context("train", options).params  # it is understood
    assert chosen["model"] == (task, size)
    assert (chosen["compression"].name if compression else "") == compression


CANNOT_READ = r"cannot read the checksum of .*"


def damaged(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def without_checksum(path):
    path.with_suffix(".json").unlink()


def without_an_entry(path):
    path.with_suffix(".json").write_text("{}")


def no_json(path):
    path.with_suffix(".json").write_text("no json")


def no_object(path):
    path.with_suffix(".json").write_text("[]")


def mere_text(path):
    path.with_suffix(".json").write_text('"text"')


@pytest.mark.parametrize(
    ("harm", "fault"),
    [
        (damaged, r"has SHA-256 \w{64}, expected \w{64}: the file is damaged; "),
        (without_checksum, CANNOT_READ),
        (without_an_entry, CANNOT_READ),
        (no_json, CANNOT_READ),
        (no_object, CANNOT_READ),
        (mere_text, CANNOT_READ),
    ],
)
@pytest.mark.parametrize(
    ("folder", "stem", "remedy"),
    [
        ("elsewhere", "tiny", "run `python -m workloads.train --model tiny`"),
        (
            "elsewhere",
            "tiny-tucker-30",
            "run `python -m workloads.train --model tiny --compression tucker-30`",
        ),
        # To train them again would not help: the shipped ones are loaded first.
        ("shipped", "tiny", "install the project again"),
    ],
)
def test_files_that_are_not_as_written_are_refused_with_a_remedy(
    places, harm, fault, folder, stem, remedy
):
    path = places / folder / f"{stem}.safetensors"
    saved_as(path)
    weights.load(TINY, SIZE, path)
    harm(path)
    for load in (weights.load, weights.load_facts, weights.load_constants):
        with pytest.raises(WeightsError, match=fault) as caught:
            load(TINY, SIZE, path)
        assert str(caught.value).endswith(remedy)


def test_the_remedy_of_a_size_whose_name_begins_with_another_s_is_its_own(places):
    size = SEPARATION.sizes["conv-tasnet-small-8"]
    path = places / "conv-tasnet-small-8-tucker-30.safetensors"
    saved_as(path, SEPARATION, size)
    damaged(path)
    with pytest.raises(ValueError, match="--model conv-tasnet-small-8 --compression t"):
        weights.load_facts(SEPARATION, size, path)


def test_weights_of_another_size_are_refused(path):
    other = replace(SIZE, name="wide", hidden=64)
    with pytest.raises(ValueError, match=rf"{NAME} is not of wide: ") as caught:
        weights.load(TINY, other, path)
    assert "size mismatch for first.weight" in str(caught.value)


def test_weights_of_an_earlier_arithmetic_are_refused_with_the_command(
    places, monkeypatch
):
    """They fit, and separate worse without a word."""
    path, arithmetic = places / "dptnet-small.safetensors", "norms over each sequence"
    saved_as(path, SEPARATION, DPTNET_SMALL)
    facts = weights.load_facts(SEPARATION, DPTNET_SMALL, path)
    assert facts["arithmetic"].startswith(arithmetic)
    weights.load(SEPARATION, DPTNET_SMALL, path)
    with monkeypatch.context() as earlier:
        earlier.setattr(type(SEPARATION), "arithmetic", lambda *_: "")
        saved_as(path, SEPARATION, DPTNET_SMALL)
    with pytest.raises(ValueError, match="for another arithmetic") as caught:
        weights.load(SEPARATION, DPTNET_SMALL, path)
    assert str(caught.value).endswith(
        "run `python -m workloads.train --model dptnet-small`"
    )


def test_a_case_has_the_weights_that_were_trained_after_its_compression(path):
    fitted = path.with_stem("tiny-prune-l1-unstructured-50")
    shutil.copy(path, fitted)
    pruned = parse("prune-l1-unstructured-50")
    found = weights.weights_of(TINY, SIZE, pruned)
    assert (found.path, found.is_fitted, found.reason) == (fitted, True, None)
    also = weights.weights_of(TINY, SIZE, parse("prune-l1-unstructured-50+bf16"))
    assert also.path == fitted
    plain = weights.weights_of(TINY, SIZE, parse("int8-static"))
    assert (plain.path, plain.is_fitted, plain.reason) == (path, False, None)
    assert plain.sha256 == plain.digest == file_sha256(path)


def test_a_case_without_its_own_weights_says_what_is_missing(path):
    found = weights.weights_of(TINY, SIZE, parse("prune-l1-unstructured-50"))
    assert (found.path, found.is_fitted) == (path, False)
    assert found.reason == (
        "not trained after its compression: no trained weights of "
        "tiny-prune-l1-unstructured-50: run `python -m workloads.train --model tiny "
        "--compression prune-l1-unstructured-50`"
    )


def test_a_pruning_that_needs_no_training_is_as_good_without(path, monkeypatch):
    monkeypatch.setattr(type(TINY), "pruned_needs_training", False)
    pruned = weights.weights_of(TINY, SIZE, parse("prune-l1-unstructured-50"))
    assert (pruned.path, pruned.reason) == (path, None)
    aware = weights.weights_of(TINY, SIZE, parse("int8-qat"))
    assert "no trained weights of tiny-int8-qat: run" in aware.reason


@pytest.mark.usefixtures("places")
def test_a_case_without_any_weights_is_timed_on_random_ones():
    found = weights.weights_of(TINY, SIZE, parse("fp32"))
    assert found.path is None
    assert (found.sha256, found.digest) == (None, "untrained")
    assert found.reason.startswith("no trained weights of tiny: run `python -m workl")


def test_weights_of_a_user_s_corpus_lie_apart(places):
    assert trained_dir() == places / "cache" / "weights"
    assert trained_dir(OWN) == trained_dir() / "corpus-5555555555555555"


def test_weights_are_compared_where_both_or_neither_know_the_corpus(places):
    own, other, shipped = (
        folder / "x.safetensors"
        for folder in (trained_dir(OWN), trained_dir(), places / "shipped")
    )
    assert of_one_corpus(own, own, OWN)
    assert of_one_corpus(other, shipped, OWN)
    assert not of_one_corpus(own, shipped, OWN)
    assert of_one_corpus(own, shipped, "6" * 64)  # neither is of that one
