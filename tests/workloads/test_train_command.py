"""The command that trains, over a task so small that an epoch takes no time."""

import json
import shlex
from dataclasses import asdict, replace

import pytest
import tiny_task
import torch
from click.testing import CliRunner
from tiny_task import ERRORS, RECIPE, SIZE, TINY, tiny_data
from train_command import (
    COMMAND,
    SHORT,
    error_of,
    facts_of,
    judged_as,
    own_places,
    run,
)

from workloads import train
from workloads.corpora.faults import DataError
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


def test_weights_go_to_the_cache_with_what_they_were_made_by(path):
    said = run()
    assert said.startswith("epoch 1: loss ")
    assert said.count("\nepoch ") == RECIPE.epochs - 1
    assert said.endswith(f"\n{path}\n")
    assert weights.find(TINY, SIZE) == path
    facts = facts_of(path)
    assert facts["command"] == COMMAND
    assert (facts["corpus"], facts["corpus_checksum"]) == ("bands", "0" * 64)
    assert json.loads(facts["recipe"]) == asdict(RECIPE)
    assert facts["torch"] == torch.__version__
    assert float(facts["validation_loss"]) < 1.1
    assert 0 <= float(facts[ERRORS]) < 0.7


def test_the_constants_of_the_training_data_are_saved_beside(path):
    run(*SHORT)
    found = weights.load_constants(TINY, SIZE, path)["normaliser.mean"]
    assert (found == tiny_data().mean).all()


@pytest.mark.parametrize(
    ("options", "change"),
    [
        (["--epochs", 2], {"epochs": 2}),
        (["--batch-size", 3], {"batch_size": 3}),
        (["--learning-rate", 0.5], {"optimizer": asdict(RECIPE.optimizer)}),
        (["--precision", "bf16"], {"precision": "bf16"}),
        (["--annealed"], {"schedule": {}}),  # a cosine has no numbers
    ],
    ids=lambda one: str(one[0]) if isinstance(one, list) else None,
)
def test_options_replace_numbers_of_the_recipe(path, options, change):
    if "optimizer" in change:
        change = {"optimizer": {**change["optimizer"], "learning_rate": 0.5}}
    run(*options)
    assert json.loads(facts_of(path)["recipe"]) == {**asdict(RECIPE), **change}


def test_an_annealed_rate_falls(path):
    assert "learning rate 0.005\n" in run("--epochs", 2, "--annealed")
    assert "learning rate 0.005\n" not in run("--epochs", 2)


def test_there_may_be_more_data_to_train_on(path):
    run(*SHORT, "--train-s", 60)
    assert facts_of(path)["corpus"] == "bands-60"


def test_small_sizes_may_have_more_data_than_is_measured(path, monkeypatch):
    monkeypatch.setattr(tiny_task.TinyTask, "train_s", lambda *_: 50.0)
    run(*SHORT)
    assert facts_of(path)["corpus"] == "bands-50"
    run(*SHORT, "--train-s", 60)
    assert facts_of(path)["corpus"] == "bands-60"


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        ("--epochs 1", "--epochs 1"),
        ("--epochs 1 --device cpu --worst-percent 5", "--epochs 1"),
        ("--batch-size 8 --epochs 1", "--batch-size 8 --epochs 1"),
        (
            "--epochs 1 --train-s 60.5 --annealed",
            "--epochs 1 --train-s 60.5 --annealed",
        ),
        ("--epochs 1 --worst-percent 0", "--epochs 1 --worst-percent 0.0"),
        ("--epochs 1 --directory 'a b'", "--epochs 1 --directory 'a b'"),
        ("--epochs 1 --ship", "--epochs 1 --ship"),
    ],
)
def test_the_recorded_command_has_all_that_is_not_by_default(
    places, monkeypatch, given, recorded
):
    monkeypatch.chdir(places)
    run(*shlex.split(given))
    (found,) = places.rglob("*.safetensors")
    assert facts_of(found)["command"] == f"{COMMAND} {recorded}"


def test_the_epoch_with_the_lowest_loss_is_kept(path, monkeypatch):
    """Even if a later one is worse."""
    judged_as(monkeypatch, 3, 1, 2)
    assert run().count("epoch ") == 3
    facts = facts_of(path)
    assert (facts["epoch"], facts["validation_loss"]) == ("2", "1.000")


def test_the_epoch_that_is_best_by_the_recipe_s_measure_is_kept(path, monkeypatch):
    monkeypatch.setattr(tiny_task, "RECIPE", replace(RECIPE, best_by=ERRORS))
    judged_as(monkeypatch, 3, 1, 2, errors=(2, 4, 1))
    run()
    facts = facts_of(path)
    assert (facts["epoch"], facts[ERRORS]) == ("3", "0.2500")


def test_the_last_epoch_is_kept_where_the_recipe_says_so(path, monkeypatch):
    monkeypatch.setattr(tiny_task, "RECIPE", replace(RECIPE, best_by=None))
    judged_as(monkeypatch, 3, 1, 2)
    run()
    assert facts_of(path)["epoch"] == "3"


def test_a_training_that_is_stopped_leaves_its_best_epoch(path, monkeypatch):
    def stopped(job, device):
        for event in train_as_before(job, device):
            if event.kind == "epoch" and event.epoch == 3:
                raise KeyboardInterrupt
            yield event

    train_as_before = loop.train
    monkeypatch.setattr(loop, "train", stopped)
    judged_as(monkeypatch, 1, 2, 3)
    assert "Aborted" in run(code=1)
    assert facts_of(path)["epoch"] == "1"
    weights.load(TINY, SIZE, path)  # whole


def test_a_training_that_explodes_saves_nothing(path):
    said = run("--learning-rate", 1e30, code=1)
    assert f"nothing is saved as {path}" in said
    assert not path.exists()


def test_weights_may_be_saved_anywhere(places):
    run(*SHORT, "--directory", places / "mine")
    assert list(places.rglob("*.safetensors")) == [places / "mine" / NAME]


def test_weights_that_ship_go_beside_the_code(places):
    run(*SHORT, "--ship")
    assert list(places.rglob("*.safetensors")) == [places / "shipped" / NAME]


def test_weights_too_large_to_ship_are_refused(monkeypatch):
    monkeypatch.setattr(weights, "MAX_BYTES", 100)
    said = run(*SHORT, "--ship", code=1)
    assert "expected at most 100 to ship: train it into the cache, without" in said


def test_weights_cannot_go_to_two_places(places):
    said = error_of("--ship", "--directory", places)
    assert said.endswith("--ship has a folder of its own: leave out --directory")


def test_shipped_weights_are_said_to_be_loaded_first(places, path):
    assert "note" not in run(*SHORT, "--ship")
    expected = f"{path}\nnote: {places / 'shipped' / NAME} is loaded before it\n"
    assert run(*SHORT).endswith(expected)


def test_weights_of_a_user_s_corpus_lie_where_its_benchmark_looks_for_them(places):
    run(*SHORT)
    run(*SHORT, "--data-root", places)
    own = places / "cache" / "weights" / f"corpus-{'5' * 16}" / NAME
    assert weights.find(TINY, SIZE, corpus_checksum="5" * 64) == own
    facts = facts_of(own)
    assert (facts["corpus"], facts["corpus_checksum"]) == ("theirs", "5" * 64)
    assert facts["command"] == f"{COMMAND} --epochs 1 --data-root {places}"


def test_weights_of_built_in_data_lie_with_such_whatever_they_are_validated_on(
    places, path
):
    """Where the user's corpus has no part to train on."""
    (places / "test").touch()
    run(*SHORT, "--data-root", places)
    assert list(places.rglob("*.safetensors")) == [path]


def test_a_mistake_in_the_code_is_not_told_as_one_of_the_user(monkeypatch):
    """It keeps its traceback, as whoever mends it needs."""

    def mistaken(*_):
        raise ValueError("not enough values to unpack")
        yield

    monkeypatch.setattr(loop, "train", mistaken)
    with pytest.raises(ValueError, match="not enough values"):
        run()


def test_data_found_faulty_while_training_end_it_in_a_line(monkeypatch):
    def broken(*_):
        raise DataError("a.wav is no audio: replace the file")
        yield

    monkeypatch.setattr(loop, "train", broken)
    assert run(code=1) == "Error: a.wav is no audio: replace the file\n"


def test_damaged_weights_are_told_in_a_line(path):
    run(*SHORT)
    path.with_suffix(".json").unlink()
    said = run("--go-on", code=1)
    assert said.startswith(f"Error: cannot read the checksum of {path} from ")
    assert said.endswith(f": run `{COMMAND}`\n")


def test_a_folder_without_a_corpus_is_named_with_a_remedy(places):
    (places / "empty").touch()
    said = run("--data-root", places, code=1)
    assert said == f"Error: {places} holds no bands: unpack them there\n"


def test_an_unknown_model_is_refused_with_those_that_are_known():
    said = error_of(model="tinny")
    assert "no model is called 'tinny': expected one of conv-tasnet, " in said
    assert "ds2-small, " in said
    assert ", tiny, " in said


def test_models_are_completed_by_the_shell():
    (model,) = [one for one in train.main.params if one.name == "model"]
    found = model.shell_complete(None, "ti")
    assert [item.value for item in found] == ["tiny"]


def test_a_corpus_of_another_sample_rate_is_refused_where_asked(places):
    (places / "slow").touch()
    run(*SHORT, "--data-root", places)
    said = run(*SHORT, "--data-root", places, "--no-resample", code=1)
    assert said == f"Error: {places} has 50 Hz, expected 100: resample it\n"


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("cuda:0", "cuda:0: torch finds 0 CUDA devices here; use --device cpu"),
        ("tpu", "'tpu': expected cpu or cuda:N"),
    ],
)
def test_a_device_that_is_not_there_is_refused_at_once(monkeypatch, device, expected):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert expected in error_of("--device", device)


def test_training_is_on_the_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    devices = []

    def watched(_, device):
        devices.append(device)
        return iter(())

    monkeypatch.setattr(loop, "train", watched)
    run("--device", "cuda:1", code=1)
    assert devices == ["cuda:1"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--epochs", 0),
        ("--batch-size", 0),
        ("--learning-rate", 0.0),
        ("--train-s", -1.0),
        ("--worst-percent", -0.5),
        ("--precision", "fp16"),
    ],
)
def test_an_impossible_value_is_refused_before_any_data_are_made(option, value):
    said = error_of(option, value)
    assert f"Invalid value for '{option}': " in said
    assert str(value) in said


def test_a_model_is_asked_for():
    done = CliRunner().invoke(train.main, [])
    assert done.exit_code == 2
    assert "Missing option '--model'" in done.output


def test_the_help_shows_a_command_a_line():
    shown = CliRunner().invoke(train.main, ["--help"], terminal_width=80).output
    lines = [line.strip() for line in shown.splitlines()]
    assert "python -m workloads.train --model ds2-small" in lines
    assert "python -m workloads.train --model ds2-small --data-root DIR" in lines
