"""What the detectors are given, how they are judged, and that they learn."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from written_corpora import write_asvspoof2019

from workloads.compression.export import export_onnx
from workloads.compression.quantization import layers_of
from workloads.corpora.cache import default_cache_dir
from workloads.corpora.faults import DataError
from workloads.corpora.spoofed import builtin
from workloads.corpora.spoofed.builtin import SpoofedSize
from workloads.spoof import data as spoof_data
from workloads.spoof.data import SAMPLES, SpoofDataset, SpoofPart, of_corpus
from workloads.spoof.objective import SpoofObjective
from workloads.spoof.recipe import FULL, SMALL, Spoofing
from workloads.spoof.scoring import scores_of
from workloads.spoof.sizes import SIZES
from workloads.spoof.task import FRONT_LAYERS, SPOOF
from workloads.task import DataRequest, NotHereError
from workloads.training.loop import Job, train

SIZE = SIZES["fbank+x-vector-small"]


@pytest.fixture(scope="module")
def dataset() -> SpoofDataset:
    size = SpoofedSize("tiny", train=32, evaluation=20)
    return of_corpus(builtin.load_or_build(size, default_cache_dir()))


def objective(dataset: SpoofDataset, **changed: Any) -> SpoofObjective:
    recipe = replace(SMALL, **{"batch_size": 8, **changed})
    return SpoofObjective(recipe, dataset, torch.device("cpu"))


def test_short_utterances_begin_again(dataset: SpoofDataset) -> None:
    part = dataset.train
    place = min(range(len(part)), key=lambda i: part.utterances[i].samples)
    samples = part.utterances[place].samples
    assert samples < SAMPLES
    (wave,) = part.waves([place])
    assert wave.shape == (SAMPLES,)
    assert wave.dtype == np.float32
    assert np.array_equal(wave[samples:], wave[: SAMPLES - samples])
    assert 0.01 < np.abs(wave).max() < 1


def test_long_ones_are_cut_at_the_beginning_or_anywhere(
    dataset: SpoofDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = SpoofPart(dataset.train.utterances)
    long = np.arange(2 * SAMPLES).astype(np.int16)
    monkeypatch.setattr(SpoofPart, "_audio", lambda self, positions: [long])
    assert part.waves([0])[0, 0] == 0
    starts = {
        float(part.waves([0], np.random.default_rng(seed))[0, 0]) for seed in range(5)
    }
    assert len(starts) == 5


def test_what_does_not_fit_memory_is_read_each_time(
    dataset: SpoofDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = dataset.train.waves([0, 5])
    monkeypatch.setattr(spoof_data, "HELD_BYTES", 10)
    part = SpoofPart(dataset.train.utterances)
    assert np.array_equal(part.waves([0, 5]), held)
    assert part._held is None


def test_a_file_that_changed_is_an_error_that_names_it(dataset: SpoofDataset) -> None:
    first = dataset.train.utterances[0]
    part = SpoofPart((replace(first, samples=first.samples + 1),))
    with pytest.raises(DataError, match=f"{first.path.name} holds {first.samples}"):
        part.waves([0])


def test_labels_are_one_for_bona_fide(dataset: SpoofDataset) -> None:
    expected = [float(one.attack == "") for one in dataset.train.utterances]
    assert dataset.train.labels.tolist() == expected
    assert dataset.facts["attacks"] == ("formants, griffin-lim-40, gsm, klatt, lpc-12")


def test_batches_are_the_same_wherever_an_epoch_is_taken_up(
    dataset: SpoofDataset,
) -> None:
    learned = objective(dataset)
    whole = [batch for _, batch in learned.batches(1, 0)]
    rest = [batch for _, batch in learned.batches(1, 2)]
    assert len(whole) == 4
    assert [len(one) for one in whole] == [8] * 4
    for a, b in zip(whole[2:], rest, strict=True):
        assert torch.equal(a.waves, b.waves)
        assert torch.equal(a.labels, b.labels)
    other = next(iter(learned.batches(2, 0)))[1]
    assert not torch.equal(other.waves, whole[0].waves)


def test_a_last_utterance_alone_joins_the_batch_before(dataset: SpoofDataset) -> None:
    """A batch norm of embeddings takes two or more."""
    part = SpoofPart(dataset.train.utterances[:17])
    learned = objective(replace(dataset, train=part))
    assert [count for count, _ in learned.batches(1, 0)] == [8, 9]
    with pytest.raises(ValueError, match="batches of 1: give 2 or more"):
        objective(dataset, batch_size=1)


@pytest.mark.parametrize("count", [4, 8, 16, 20])
def test_utterances_are_taken_evenly_of_every_kind(
    dataset: SpoofDataset, count: int
) -> None:
    """Every second one is bona fide: every second or fourth by number is all alike."""
    for part in (dataset.train, dataset.evaluation):
        kinds = [part.attacks[place] for place in part.spread(count)]
        assert abs(kinds.count("") - count / 2) <= 1


def test_another_process_reads_the_audio_anew(dataset: SpoofDataset) -> None:
    held = dataset.train.waves([0])
    again = pickle.loads(pickle.dumps(dataset.train))
    assert "_held" not in vars(again)
    assert np.array_equal(again.waves([0]), held)


def test_noise_is_as_far_below_as_said(dataset: SpoofDataset) -> None:
    loud = objective(dataset, own=Spoofing((10.0, 10.0)))
    waves = next(iter(loud.batches(1, 0)))[1].waves
    quiet = objective(dataset, own=Spoofing((200.0, 200.0)))
    plain = next(iter(quiet.batches(1, 0)))[1].waves
    ratio = (waves - plain).std(1) / plain.std(1)
    torch.testing.assert_close(
        ratio, torch.full((8,), 10 ** (-10 / 20)), rtol=0.02, atol=0
    )
    with pytest.raises(ValueError, match="give the lower one first"):
        Spoofing((20.0, 10.0))


def test_both_kinds_count_alike(dataset: SpoofDataset) -> None:
    """Of eight spoofs to one that is bona fide, as many as ASVspoof has."""
    spoofed = [one for one in dataset.train.utterances if one.attack]
    bona_fide = [one for one in dataset.train.utterances if not one.attack]
    part = SpoofPart((*spoofed[:8], bona_fide[0]))
    learned = objective(replace(dataset, train=part))
    logits = torch.zeros(9, 1)
    losses = [
        float(learned.loss(logits[some], learned.batch(some)))
        for some in (list(range(8)), [8])
    ]
    assert losses[0] == pytest.approx(losses[1])
    assert sum(losses) == pytest.approx(9 * np.log(2))


def test_scores_are_of_logits_that_are_higher_for_bona_fide(
    dataset: SpoofDataset,
) -> None:
    labels = dataset.evaluation.labels
    for logits, value in ((labels, 0.0), (-labels, 1.0)):
        found = scores_of(logits, dataset).measures
        assert list(found) == ["eer", "min_t_dcf", "min_dcf"]
        assert {one.value for one in found.values()} == {value}


def test_logits_that_are_no_numbers_are_a_fault(dataset: SpoofDataset) -> None:
    logits = dataset.evaluation.labels.copy()
    logits[dataset.evaluation.labels == 0] = np.nan
    found = scores_of(logits, dataset)
    assert found.faults["eer"].startswith("10 of 20 logits are NaN or infinite")
    assert found.measures["eer"].value == 0.0


def test_files_of_one_batch_size_score_all(dataset: SpoofDataset) -> None:
    shapes = []

    def run(waves: np.ndarray) -> np.ndarray:
        shapes.append(waves.shape)
        return waves.std(1)

    found = SPOOF.score(run, dataset, 16)
    assert set(shapes) == {(16, SAMPLES, 1)}
    expected = scores_of(dataset.evaluation.waves(range(20)).std(1), dataset)
    assert found.measures["eer"].value == pytest.approx(expected.measures["eer"].value)


def test_a_users_corpus_is_read(tmp_path: Path) -> None:
    write_asvspoof2019(tmp_path)
    found = SPOOF.dataset(SIZE, DataRequest("quick", tmp_path))
    assert found.name == "asvspoof2019-la-eval"
    dev = SPOOF.dataset(SIZE, DataRequest("quick", tmp_path, {"part": "dev"}))
    assert dev.name == "asvspoof2019-la-dev"
    assert found.evaluation.waves([0]).shape == (1, SAMPLES)


@pytest.mark.parametrize(
    ("profile", "options", "stated"),
    [
        ("paper", {}, "neither for the paper profile"),
        ("quick", {"part": "dev"}, "nor for part=dev"),
        ("quick", {"part": "test"}, "part=test: give eval or dev"),
    ],
)
def test_what_is_not_built_in_says_what_to_give(
    profile: str, options: dict[str, str], stated: str
) -> None:
    with pytest.raises(NotHereError, match=stated):
        SPOOF.dataset(SIZE, DataRequest(profile, None, options))


def test_a_training_learns_what_it_is_given(dataset: SpoofDataset) -> None:
    recipe = replace(SMALL, batch_size=8, epochs=8, own=Spoofing((60.0, 60.0)))
    job = Job(SPOOF, SIZE, recipe, replace(dataset, evaluation=dataset.train))
    epochs = [event for event in train(job) if event.kind == "epoch"]
    assert epochs[-1].loss is not None
    assert epochs[0].loss is not None
    assert epochs[-1].loss < 0.7 * epochs[0].loss
    assert epochs[-1].values["eer"] < 0.25


def test_the_recipe_is_the_papers_for_full_sizes(dataset: SpoofDataset) -> None:
    assert SPOOF.recipe(SIZES["leaf+ecapa-tdnn"], dataset) == FULL
    assert (FULL.batch_size, FULL.epochs) == (12, 100)
    assert SPOOF.recipe(SIZE, dataset) == SMALL


@pytest.mark.slow
@pytest.mark.parametrize("frontend", FRONT_LAYERS)
def test_a_file_has_as_many_layers_before_the_back_end(
    frontend: str, tmp_path: Path
) -> None:
    size = SIZES[f"{frontend}+x-vector-small"]
    path, frames = tmp_path / "model.onnx", SPOOF.example(size)
    model = SPOOF.deployed(SPOOF.model(size)).eval()
    export_onnx(model, torch.zeros(1, *frames), path, *SPOOF.onnx_names)
    shapes = [layer.shape for layer in layers_of(path)]
    assert shapes.index((64, 40, 1, 5)) == FRONT_LAYERS[frontend]
