"""Trained weights: how they are kept, found, checked and made."""

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from workloads.wav2letter.recipe import QAT_EPOCHS
from workloads.wav2letter.train_weights import main, make_parser, plain_copy, recipe_for

from workloads import weights
from workloads.compression.qat import simulated_int8
from workloads.corpora import builtin
from workloads.feeding.normaliser import Normaliser
from workloads.metrics.error_rates import ErrorRate
from workloads.wav2letter import recipe as recipes
from workloads.wav2letter import trained
from workloads.wav2letter.model import Wav2Letter
from workloads.wav2letter.sizes import SIZES, WAV2LETTER, WAV2LETTER_SMALL

SMALL = WAV2LETTER_SMALL
NAME = "wav2letter-small.safetensors"


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """A cache and a folder of shipped weights of one's own, both empty."""
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trained, "SHIPPED", tmp_path / "shipped")
    return tmp_path


@pytest.fixture
def normaliser():
    rng = np.random.default_rng(0)
    mean, std = rng.normal(size=(2, 40)).astype(np.float32)
    return Normaliser(mean, np.abs(std))


@pytest.fixture
def saved(places, normaliser):
    """A model, and the file of its weights in the cache."""
    torch.manual_seed(5)
    model, path = Wav2Letter(SMALL), places / "cache" / "weights" / NAME
    trained.save(model, normaliser, {"command": "by hand"}, path)
    return model, path


def test_weights_come_back_in_half_precision(saved):
    model, path = saved
    loaded = trained.load_model(SMALL, path)
    assert not loaded.training
    state, original = loaded.state_dict(), model.state_dict()
    assert state.keys() == original.keys()
    for name, tensor in state.items():
        assert tensor.dtype == torch.float32
        assert tensor.equal(original[name].half().float())
    assert path.stat().st_size == pytest.approx(2 * SMALL.parameters, rel=0.01)


def test_the_normaliser_comes_back_in_full(saved, normaliser):
    found = trained.load_normaliser(saved[1])
    assert found.mean.dtype == found.std.dtype == np.float32
    np.testing.assert_array_equal(found.mean, normaliser.mean)
    np.testing.assert_array_equal(found.std, normaliser.std)


def test_saving_leaves_the_model_in_fp32(saved):
    assert {p.dtype for p in saved[0].parameters()} == {torch.float32}


def test_shipped_weights_come_before_those_in_the_cache(saved, places):
    assert trained.find(SMALL) == saved[1]
    shutil.copytree(saved[1].parent, places / "shipped")
    assert trained.find(SMALL) == places / "shipped" / NAME


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("aware", [False, True])
def test_missing_weights_name_the_command_that_trains_them(size, aware):
    with pytest.raises(weights.NotTrainedError) as caught:
        trained.find(size, aware)
    command = f"python -m workloads.wav2letter.train_weights --size {size.name}"
    command += " --qat" if aware else ""
    assert f"run `{command}`" in str(caught.value)
    chosen = make_parser().parse_args(shlex.split(command)[3:])  # it is understood
    assert (chosen.size, chosen.qat) == (size.name, aware)


def test_weights_trained_for_int8_are_others(saved):
    with pytest.raises(weights.NotTrainedError, match="wav2letter-small-int8-qat: run"):
        trained.find(SMALL, aware=True)
    path = saved[1].with_name("wav2letter-small-int8-qat.safetensors")
    shutil.copy(saved[1], path)
    assert trained.find(SMALL, aware=True) == path
    assert trained.find(SMALL) == saved[1]


def damaged(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def without_checksum(path):
    path.with_suffix(".json").unlink()


@pytest.mark.parametrize(
    ("hurt", "fault"),
    [
        (damaged, r"has SHA-256 \w{64}, expected \w{64}: the file is damaged; "),
        (without_checksum, r"cannot read the checksum of .*"),
    ],
)
@pytest.mark.parametrize(
    ("name", "shipped", "remedy"),
    [
        (SMALL.name, False, f"run `{trained.command_for(SMALL)}`"),
        (f"{SMALL.name}-int8-qat", False, f"run `{trained.command_for(SMALL, True)}`"),
        (SMALL.name, True, "install the project again"),
    ],
)
def test_files_that_are_not_as_written_are_refused_with_a_remedy(
    saved, places, hurt, fault, name, shipped, remedy
):
    folder = places / "shipped" if shipped else places / "elsewhere"
    folder.mkdir()
    path = folder / f"{name}.safetensors"
    for source in (saved[1], saved[1].with_suffix(".json")):
        shutil.copy(source, path.with_suffix(source.suffix))
    trained.load_model(SMALL, path)
    hurt(path)
    for load in (trained.load_normaliser, lambda one: trained.load_model(SMALL, one)):
        with pytest.raises(ValueError, match=fault) as caught:
            load(path)
        assert str(caught.value).endswith(remedy)


@pytest.mark.parametrize(
    "other", [replace(SMALL, width=32), SIZES["wav2letter-small-phonemes"]]
)
def test_weights_of_another_size_are_refused(saved, other):
    with pytest.raises(ValueError, match=rf"{NAME} is not of {other.name}: ") as caught:
        trained.load_model(other, saved[1])
    assert "size mismatch for layers." in str(caught.value)


def test_untrained_weights_are_the_same_each_time():
    one, other = (trained.load_model(SMALL, None) for _ in range(2))
    pairs = list(zip(one.parameters(), other.parameters(), strict=True))
    assert all(a.equal(b) for a, b in pairs)
    assert not one.training


@pytest.mark.parametrize(
    ("size", "on_arrays", "aware", "expected"),
    [
        ("wav2letter", True, False, recipes.LETTERS),
        ("wav2letter-phonemes", True, False, recipes.PHONEMES),
        ("wav2letter", False, False, recipes.BUILTIN),
        ("wav2letter-small-phonemes", False, False, recipes.BUILTIN_SMALL),
        (
            "wav2letter-small",
            False,
            True,
            replace(
                recipes.BUILTIN_SMALL,
                learning_rate=recipes.BUILTIN_SMALL.learning_rate / 10,
                epochs=QAT_EPOCHS,
            ),
        ),
    ],
)
def test_the_recipe_is_that_of_the_data_and_the_size(size, on_arrays, aware, expected):
    assert recipe_for(SIZES[size], on_arrays, aware) == expected


@pytest.fixture
def few_tones(tones, feature_cache, monkeypatch):
    """A corpus on which an epoch takes no time, nor do its features but once."""
    few = replace(tones, train=tones.train[:8], validation=tones.validation[:2])
    few = replace(few, checksum="1" * 64)
    monkeypatch.setattr(builtin, "load_or_build", lambda *_: few)
    module = "workloads.wav2letter.train_weights"
    monkeypatch.setattr(f"{module}.default_cache_dir", lambda: feature_cache)
    return few


@pytest.fixture(scope="module")
def speech_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("speech")


@pytest.fixture
def little_speech(speech_cache, monkeypatch):
    """60 s of built-in speech to train on, as asked for, and 15 s to validate on."""
    monkeypatch.setattr(builtin, "QUICK", builtin.SMOKE)
    module = "workloads.wav2letter.train_weights"
    monkeypatch.setattr(f"{module}.default_cache_dir", lambda: speech_cache)


def facts_of(path):
    return json.loads(path.with_suffix(".json").read_text())


def differ(one, other):
    """By which share the weights of one file differ from another's."""
    a, b = (trained.load_model(SMALL, path).layers[0].weight for path in (one, other))
    return ((a - b).norm() / b.norm()).item()


@pytest.mark.usefixtures("little_speech")
def test_the_command_trains_and_then_goes_on_with_int8_simulated(
    places, speech_cache, capsys
):
    options = ["--train-s", "60.0", "--epochs", "1"]
    main(options)
    first = trained.find(SMALL)
    assert first == places / "cache" / "weights" / NAME
    printed = capsys.readouterr().out
    assert printed.startswith("epoch 1: loss ")
    assert printed.endswith(f"{first}\n")
    corpus = builtin.load_or_build(builtin.SMOKE, speech_cache)
    facts = facts_of(first)
    assert facts["corpus_checksum"] == corpus.checksum
    assert facts["command"] == shlex.join(
        [*shlex.split(trained.COMMAND), "--size", SMALL.name, *options]
    )
    assert facts["epoch"] == "1"
    assert float(facts["levenshtein"]) > 0
    assert float(facts["cer"]) > 0
    assert json.loads(facts["recipe"])["epochs"] == 1
    main([*options, "--qat"])
    second = trained.find(SMALL, aware=True)
    assert " --qat " in facts_of(second)["command"]
    recipe = json.loads(facts_of(second)["recipe"])
    assert recipe["learning_rate"] == pytest.approx(1e-4)
    # It goes on from the first: the untrained weights are much farther away.
    assert 0 < differ(second, first) < 0.2 * differ(second, None)
    one, other = map(trained.load_normaliser, (first, second))
    np.testing.assert_array_equal(one.mean, other.mean)


@pytest.mark.usefixtures("few_tones")
def test_only_what_is_trained_for_int8_simulates_it(saved, monkeypatch):
    simulated = []

    def watched(model):
        simulated.append(model)
        return simulated_int8(model)

    monkeypatch.setattr("workloads.wav2letter.train_weights.simulated_int8", watched)
    main(["--epochs", "1"])
    assert simulated == []
    main(["--epochs", "1", "--qat"])
    assert len(simulated) == 1


def test_weights_are_saved_as_they_were_learnt_not_as_they_are_rounded(saved):
    model, _ = saved
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with simulated_int8(model):
        assert not model.layers[0].weight.equal(before["layers.0.weight"])
        copied = plain_copy(model)
    assert copied.state_dict().keys() == before.keys()
    assert all(copied.state_dict()[name].equal(before[name]) for name in before)


@pytest.mark.usefixtures("little_speech")
def test_training_for_int8_asks_for_weights_to_go_on_from():
    with pytest.raises(weights.NotTrainedError, match="--size wav2letter-small`"):
        main(["--train-s", "60", "--qat"])


def test_weights_that_ship_go_beside_the_code(few_tones, places):
    main(["--epochs", "1", "--ship"])
    found = [path.relative_to(places) for path in places.rglob("*.safetensors")]
    assert found == [Path("shipped") / NAME]
    assert facts_of(places / found[0])["corpus_checksum"] == few_tones.checksum


@pytest.mark.usefixtures("few_tones")
def test_a_model_too_large_to_ship_is_refused(monkeypatch):
    monkeypatch.setattr(weights, "MAX_BYTES", 1_000_000)
    with pytest.raises(ValueError, match=r"expected at most 1000000 to ship"):
        main(["--epochs", "1", "--ship"])


def test_the_published_size_is_too_large_to_ship_anyway():
    assert 2 * WAV2LETTER.parameters > weights.MAX_BYTES > 2 * SMALL.parameters


@pytest.mark.usefixtures("few_tones")
def test_the_epoch_with_the_fewest_edits_is_kept(monkeypatch, capsys):
    """Even if a later one is worse."""
    distances = iter((9, 4, 7))

    def rates(*_):
        return {"levenshtein": ErrorRate("levenshtein", (next(distances),), (1,))}

    monkeypatch.setattr("workloads.wav2letter.training.error_rates", rates)
    main(["--epochs", "3"])
    facts = facts_of(trained.find(SMALL))
    assert (facts["epoch"], facts["levenshtein"]) == ("2", "4.0000")
    assert capsys.readouterr().out.count("epoch ") == 3


@pytest.mark.usefixtures("few_tones")
def test_a_stopped_training_goes_on_and_never_loses_what_was_better(monkeypatch):
    distances = iter((5, 5, 6, 5, 3))  # before going on, the start is measured anew

    def rates(*_):
        return {"levenshtein": ErrorRate("levenshtein", (next(distances),), (1,))}

    monkeypatch.setattr("workloads.wav2letter.training.error_rates", rates)
    main(["--epochs", "1"])
    first = trained.find(SMALL).read_bytes()
    main(["--epochs", "1", "--go-on"])  # reaches 6, worse than 5
    assert trained.find(SMALL).read_bytes() == first
    main(["--epochs", "1", "--go-on"])  # reaches 3
    facts = facts_of(trained.find(SMALL))
    assert facts["levenshtein"] == "3.0000"
    assert facts["started_from"].endswith("--epochs 1")
    assert " --go-on " in facts["command"]


@pytest.mark.usefixtures("few_tones")
def test_going_on_starts_from_the_weights_before(saved, normaliser, monkeypatch):
    started = []

    def watched(model, *_):
        started.append(model.layers[0].weight.detach().clone())
        return iter(())

    monkeypatch.setattr("workloads.wav2letter.train_weights.train", watched)
    model, path = saved
    facts = {"command": "by hand", "levenshtein": "5.0000"}
    trained.save(model, normaliser, facts, path)
    main(["--epochs", "1", "--go-on"])
    expected = trained.load_model(SMALL, path).layers[0].weight
    torch.testing.assert_close(started[0], expected)


@pytest.mark.usefixtures("few_tones")
def test_going_on_measures_what_it_started_from(saved, normaliser, monkeypatch, capsys):
    """Weights told to be better than they are here would never be replaced."""
    distances = iter((8, 7))

    def rates(*_):
        return {"levenshtein": ErrorRate("levenshtein", (next(distances),), (1,))}

    monkeypatch.setattr("workloads.wav2letter.training.error_rates", rates)
    model, path = saved
    trained.save(model, normaliser, {"command": "x", "levenshtein": "0.1"}, path)
    main(["--epochs", "1", "--go-on"])
    assert facts_of(trained.find(SMALL))["levenshtein"] == "7.0000"
    assert "goes on from levenshtein 8.00" in capsys.readouterr().out
