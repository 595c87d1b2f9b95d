"""The command that trains, over each task, on tones in place of speech."""

import json

import pytest
from separators import CONV
from train_command import facts_of, own_places, run

from workloads.asr import task as asr
from workloads.asr.task import ASR
from workloads.separation import dataset
from workloads.separation import task as separation
from workloads.separation.task import SEPARATION
from workloads.training import weights
from workloads.wav2letter import task as wav2letter
from workloads.wav2letter.task import WAV2LETTER


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """A cache and a folder of shipped weights of one's own, both empty."""
    return own_places(tmp_path, monkeypatch)


@pytest.fixture
def real(tones, spoken, letters, pairs, feature_cache, places, monkeypatch):
    """Tones for built-in data of each task, whose features lie in the cache."""
    assert spoken.checksum == letters.checksum
    monkeypatch.setenv("SPEECHMARK_CACHE", str(feature_cache))
    for module in (asr, wav2letter):
        monkeypatch.setattr(module, "speech_of", lambda request: tones)
    monkeypatch.setattr(dataset, "builtin_mixtures", lambda *_: pairs)
    monkeypatch.setitem(separation.SIZES, CONV.name, CONV)
    return places


@pytest.mark.parametrize(
    ("task", "name", "measures"),
    [
        (ASR, "ds2-small", {"wer", "cer", "cer_max"}),
        (WAV2LETTER, "wav2letter-small", {"cer", "levenshtein"}),
        (SEPARATION, "conv-tasnet-small", {"si_sdr", "si_sdr_improvement"}),
    ],
    ids=["asr", "wav2letter", "separation"],
)
def test_each_task_s_weights_are_trained_by_the_same_command(
    real, task, name, measures
):
    options = ["--epochs", 1, "--batch-size", 35, "--directory", real / "mine"]
    run(*options, model=name)
    size, path = task.sizes[name], real / "mine" / f"{name}.safetensors"
    facts = weights.load_facts(task, size, path)
    assert facts["command"].startswith(f"python -m workloads.train --model {name} ")
    assert measures <= facts.keys()
    model = weights.load(task, size, path)
    start = weights.untrained(task, size)
    changed = [
        not now.equal(then.half().float() if task.stored_in_half else then)
        for now, then in zip(model.parameters(), start.parameters(), strict=True)
    ]
    assert any(changed)


def test_training_for_int8_goes_on_from_trained_weights(real, monkeypatch):
    """The untrained ones are much farther away."""
    folder = real / "shipped"
    size = WAV2LETTER.sizes["wav2letter-small"]
    plain, aware = (
        folder / f"wav2letter-small{end}.safetensors" for end in ("", "-int8-qat")
    )
    run("--epochs", 1, "--ship", model=size.name)
    run("--epochs", 1, "--ship", "--compression", "int8-qat", model=size.name)
    optimizer = json.loads(facts_of(aware)["recipe"])["optimizer"]
    assert optimizer["learning_rate"] == pytest.approx(1e-4)
    first, second, random = (
        weights.load(WAV2LETTER, size, path).layers[0].weight
        for path in (plain, aware, None)
    )
    assert 0 < (second - first).norm() < 0.2 * (second - random).norm()
    one, other = (
        weights.load_constants(WAV2LETTER, size, path) for path in (plain, aware)
    )
    assert (one["normaliser.std"] == other["normaliser.std"]).all()
    assert weights.find(WAV2LETTER, size, "int8-qat") == aware
