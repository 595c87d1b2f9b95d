"""What recognisers have in common, where the model is replaced by arithmetic."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from workloads.asr.ds2 import DS2_SMALL
from workloads.asr.task import ASR
from workloads.feeding.normaliser import Normaliser
from workloads.recognition.data import Part, Recordings
from workloads.recognition.recipe import Recognition
from workloads.recognition.task import BATCHES, CALIBRATION_UTTERANCES
from workloads.training.objective import ALONE
from workloads.training.recipe import Adam, Recipe
from workloads.wav2letter.arrays import ArrayRows
from workloads.wav2letter.sizes import WAV2LETTER_SMALL, output_length
from workloads.wav2letter.symbols import BLANK, LETTERS, PHONEMES
from workloads.wav2letter.task import WAV2LETTER

PLAIN = Normaliser(np.zeros(40, np.float32), np.ones(40, np.float32))
SMALL = WAV2LETTER_SMALL


def part_of(texts, alphabet=LETTERS, frames=None):
    """An utterance for each text, whose features all hold its number."""
    lengths = frames or [20] * len(texts)
    features = [np.full((n, 40), i, np.float32) for i, n in enumerate(lengths)]
    rows = ArrayRows(tuple(features))
    return Part(rows, tuple(texts), (0.2,) * len(texts), alphabet)


def recordings(texts, alphabet=LETTERS, frames=None, normaliser=PLAIN):
    """The same part to train on and to validate on."""
    part = part_of(texts, alphabet, frames)
    return Recordings("made up", "0" * 64, part, part, normaliser)


def spell(alphabet, text, confidence=0.99):
    """Log-probabilities (U, N): a blank after each label."""
    path = [x for label in alphabet.encode(text) for x in (label, BLANK)]
    probs = np.full((len(path), alphabet.outputs), (1 - confidence) / alphabet.outputs)
    probs[range(len(path)), path] += confidence
    return np.log(probs).astype(np.float32)


def test_outputs_come_in_the_corpus_s_order_without_those_of_padding():
    data = recordings("abcd", frames=[30, 11, 52, 11])
    shapes = []

    def run(features):
        shapes.append(features.shape)
        outputs = output_length(features.shape[1])
        return np.repeat(features[:, :1, :35], outputs, axis=1)

    found = WAV2LETTER.log_probs(run, data, batch_size=3)
    assert [len(one) for one in found] == [16, 6, 27, 6]  # not 17 and 29
    assert [one[0, 0] for one in found] == [0, 1, 2, 3]
    assert shapes == [(3, 32, 40), (1, 56, 40)]


def test_outputs_are_of_normalised_features():
    normaliser = Normaliser(np.full(40, 3, np.float32), np.full(40, 2, np.float32))
    data = recordings("ab", frames=[10, 10], normaliser=normaliser)
    found = WAV2LETTER.log_probs(lambda x: x[:, :8, :35], data, batch_size=2)
    assert [one[0, 0] for one in found] == [-1.5, -1]


def test_data_without_utterances_cannot_be_judged():
    with pytest.raises(ValueError, match="no utterances to validate on: accuracy"):
        WAV2LETTER.score(lambda x: x, recordings([]), 4)


@pytest.mark.parametrize(
    ("alphabet", "text"), [(LETTERS, "hello bee"), (PHONEMES, "HH AH L OW OW")]
)
def test_the_blank_of_the_loss_is_that_of_the_decoder(alphabet, text):
    data = recordings([text], alphabet)
    log_probs = spell(alphabet, text)
    assert WAV2LETTER.decoder(data.train, 1)(log_probs) == text
    recipe = Recipe(Adam(1e-3), 1, 1, 1.0, own=Recognition())
    objective = WAV2LETTER.objective(SMALL, recipe, data, torch.device("cpu"), ALONE)
    outputs = torch.from_numpy(log_probs)[None], torch.tensor([len(log_probs)])
    # 18 or fewer frames, each 0.99 sure: a loss of other blanks would be beyond 50.
    assert float(objective.loss(outputs, objective.batch([0]))) < 0.5


def test_a_model_is_scored_by_its_best_paths():
    texts = ["bee", "hello"]
    data = recordings(texts, frames=[40, 60])

    def run(features):
        (number,) = set(features[:, 0, 0])
        log_probs = spell(LETTERS, texts[int(number)])
        outputs = output_length(features.shape[1])
        quiet = np.tile(spell(LETTERS, "a")[1:], (outputs - len(log_probs), 1))
        return np.concatenate([log_probs, quiet])[None]

    scores = WAV2LETTER.score(run, data, batch_size=1)
    assert scores.measures["cer"].value == 0
    assert scores.transcribed.hypotheses == texts
    wrong = replace(data, validation=part_of(["bed", "hello"], frames=[40, 60]))
    assert WAV2LETTER.score(run, wrong, 1).measures["cer"].value == 1 / 8


def test_inputs_are_batches_of_like_length_evenly_over_the_lengths(letters):
    found = WAV2LETTER.inputs(SMALL, letters, 4, {})
    assert len(found) == 2  # of 10 utterances
    part = letters.validation
    lengths = sorted(length for one in found for length in one.lengths)
    assert set(lengths) <= set(part.frames)
    assert len(lengths) == 8
    for one in found:
        assert one.features.shape[::2] == (4, 40)
        assert max(one.lengths) <= one.features.shape[1] < max(one.lengths) + 8
        assert one.audio_s == pytest.approx(0.01 * sum(one.lengths), abs=0.05)


def test_inputs_of_one_length_are_joined_utterances(letters):
    found = WAV2LETTER.inputs(SMALL, letters, 2, {"frames": "30"})
    assert len(found) == BATCHES
    for one in found:
        assert one.features.shape == (2, 30, 40)
        assert one.lengths == (30, 30)
        assert one.audio_s == pytest.approx(0.6)  # hops of 10 ms
    assert WAV2LETTER.only_shape(SMALL, 2, {"frames": "30"}) == (2, 30, 40)
    assert WAV2LETTER.only_shape(SMALL, 2, {}) is None


def test_calibration_is_of_training_utterances_evenly_over_their_lengths(letters):
    frames = sorted(letters.train.frames)
    found = [len(one) for one in WAV2LETTER.calibration(letters)]
    assert len(found) == CALIBRATION_UTTERANCES
    assert found == sorted(found)
    assert (found[0], found[-1]) == (frames[0], frames[-1])
    few = replace(letters, train=letters.validation)
    assert len(WAV2LETTER.calibration(few)) == 10


def test_calibration_is_normalised():
    normaliser = Normaliser(np.full(40, 3, np.float32), np.full(40, 2, np.float32))
    data = recordings("ab", normaliser=normaliser)
    first, second = WAV2LETTER.calibration(data)
    assert (first[0, 0], second[0, 0]) == (-1.5, -1)


def test_the_normaliser_goes_with_the_weights(letters):
    constants = WAV2LETTER.constants(letters)
    assert set(constants) == {"normaliser.mean", "normaliser.std"}
    other = replace(letters, normaliser=PLAIN)
    found = WAV2LETTER.with_constants(other, constants)
    np.testing.assert_array_equal(found.normaliser.mean, letters.normaliser.mean)
    np.testing.assert_array_equal(found.normaliser.std, letters.normaliser.std)
    assert len(constants) == 2  # the caller's are left as they are


@pytest.mark.parametrize(
    ("kind", "task", "size"),
    [("spoken", ASR, DS2_SMALL), ("letters", WAV2LETTER, SMALL)],
    ids=["asr", "wav2letter"],
)
def test_the_work_of_a_training_is_that_of_its_utterances(kind, task, size, request):
    data = request.getfixturevalue(kind)
    part = data.train
    count, audio_s, macs = task.work_of(size, data)
    assert count == 70
    assert audio_s == pytest.approx(sum(part.durations_s))
    forward = sum(task.macs(size, frames, {}) for frames in part.frames)
    assert 2.7 * forward < macs <= 3 * forward
    some = task.work_of(size, data, (3, 5))
    assert some[0] == 2
    assert some[1] == pytest.approx(part.durations_s[3] + part.durations_s[5])
    one = task.training_macs(size, part.frames[3])
    assert some[2] == one + task.training_macs(size, part.frames[5])


def test_padding_is_a_fact_of_batches_and_epochs(letters):
    frames = letters.train.frames
    alike = WAV2LETTER.batch_facts(letters, [(3,)])["padding_percent"]
    padded = -(-frames[3] // 8) * 8
    assert alike == pytest.approx(100 * (1 - frames[3] / padded))
    recipe = Recipe(Adam(1e-3), 14, 1, 1.0, own=Recognition())
    of_epoch = WAV2LETTER.epoch_facts(letters, recipe)["padding_percent"]
    assert 0 < of_epoch < 100
    extremes = [int(np.argmin(frames)), int(np.argmax(frames))]
    unlike = WAV2LETTER.batch_facts(letters, [extremes])["padding_percent"]
    assert unlike > of_epoch


def test_typical_batches_lie_evenly_over_the_lengths(letters):
    frames = letters.train.frames
    found = WAV2LETTER.typical_batches(letters, 14, 3)
    assert [len(batch) for batch in found] == [14] * 3
    means = sorted(np.mean([frames[i] for i in batch]) for batch in found)
    assert means[0] < np.median(frames) < means[-1]
