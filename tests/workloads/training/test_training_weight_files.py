import json
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from workloads.training.weight_files import (
    MAX_BYTES,
    NotTrainedError,
    check_shippable,
    find_weights,
    load_arrays,
    load_facts,
    load_weights,
    of_one_corpus,
    save_weights,
    searched_dirs,
    trained_dir,
)

STATE = {
    "conv.weight": torch.arange(6.0).view(2, 3).T,  # not contiguous
    "normaliser.mean": np.arange(3, dtype=np.float32),
}
FACTS = {"command": "train it", "cer_percent": "9.66"}
REMEDY = "run `train it`"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "new" / "small.safetensors"
    save_weights(STATE, FACTS, path)
    return path


def test_weights_come_back_as_they_were_saved_with_their_facts(path):
    tensors, facts, sha256 = load_weights(path, REMEDY)
    assert set(tensors) == set(STATE)
    assert tensors["conv.weight"].equal(STATE["conv.weight"])
    assert tensors["normaliser.mean"].tolist() == [0, 1, 2]
    assert facts == FACTS
    assert json.loads(path.with_suffix(".json").read_text())["sha256"] == sha256


def test_whole_files_alone_are_left_and_anyone_may_read_them(path):
    names = {file.name for file in path.parent.iterdir()}
    assert names == {"small.safetensors", "small.json"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_killed_writer_leaves_the_old_weights_as_they_were(path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_weights({"conv.weight": torch.zeros(1)}, {}, path)
    monkeypatch.undo()
    assert load_weights(path, REMEDY).facts == FACTS


def test_the_first_directory_that_has_weights_wins(path, tmp_path):
    other = tmp_path / "other"
    save_weights(STATE, FACTS, other / path.name)
    empty = tmp_path / "empty"
    assert find_weights("small", [empty, other, path.parent], "x").parent == other
    assert find_weights("small", [path.parent, other], "x") == path


def test_missing_weights_name_the_command_that_trains_them(tmp_path):
    with pytest.raises(
        NotTrainedError, match="no trained weights of big: run `go big`"
    ):
        find_weights("big", [tmp_path], "go big")


@pytest.mark.parametrize("load", [load_weights, load_arrays, load_facts])
def test_a_damaged_file_is_refused_with_both_checksums_and_a_remedy(path, load):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"SHA-256 \w+, expected \w+: .*; run `train"):
        load(path, REMEDY)


@pytest.mark.parametrize("content", [None, "{}", "no json", "[]", '"text"'])
@pytest.mark.parametrize("load", [load_weights, load_arrays, load_facts])
def test_weights_without_their_checksum_are_refused(path, load, content):
    if content is None:
        path.with_suffix(".json").unlink()
    else:
        path.with_suffix(".json").write_text(content)
    with pytest.raises(ValueError, match=r"cannot read the checksum .*: run `train"):
        load(path, REMEDY)


def test_arrays_are_chosen_by_the_beginning_of_their_names(path):
    assert set(load_arrays(path, REMEDY)) == set(STATE)
    (mean,) = load_arrays(path, REMEDY, "normaliser.").values()
    np.testing.assert_array_equal(mean, STATE["normaliser.mean"])


def test_arrays_are_loaded_without_torch_in_memory(path):
    script = (
        "import sys; from pathlib import Path; from workloads.training import "
        "weight_files as files; found = files.load_arrays(Path(sys.argv[1]), ''); "
        "print(len(found), 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", script, path]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert result.stdout.split() == ["2", "False"]


def test_weights_too_large_to_ship_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(bytes(MAX_BYTES))
    check_shippable(path)
    path.write_bytes(bytes(MAX_BYTES + 1))
    with pytest.raises(ValueError, match=f"at most {MAX_BYTES}"):
        check_shippable(path)


def test_weights_of_one_task_are_counted_together(tmp_path):
    paths = [tmp_path / f"{name}.safetensors" for name in "ab"]
    for path in paths:
        path.write_bytes(bytes(MAX_BYTES // 2))
    check_shippable(paths[1])
    paths[0].write_bytes(bytes(MAX_BYTES // 2 + 1))
    with pytest.raises(ValueError, match=f"{MAX_BYTES + 1} with those beside it"):
        check_shippable(paths[1])


OWN = "5" * 64


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path))
    return tmp_path


def test_weights_of_a_user_s_corpus_lie_apart_and_are_looked_for_first(cache):
    shipped = cache / "shipped"
    assert trained_dir() == cache / "weights"
    own = cache / "weights" / "corpus-5555555555555555"
    assert trained_dir(OWN) == own
    assert searched_dirs(shipped, None) == (shipped, trained_dir())
    assert searched_dirs(shipped, OWN) == (own, shipped, trained_dir())


def test_weights_are_compared_where_both_or_neither_know_the_corpus(cache):
    own, other, shipped = (
        folder / "x.safetensors"
        for folder in (trained_dir(OWN), trained_dir(), cache / "shipped")
    )
    assert of_one_corpus(own, own, OWN)
    assert of_one_corpus(other, shipped, OWN)
    assert not of_one_corpus(own, shipped, OWN)
    assert of_one_corpus(own, shipped, "6" * 64)  # neither is of that one
