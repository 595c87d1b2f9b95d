from dataclasses import replace
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from workloads.asr.ds2 import DeepSpeech2Size
from workloads.asr.task import ASR
from workloads.corpora.faults import DataError
from workloads.recognition.batches import Batch, load_batch
from workloads.recognition.data import Part
from workloads.recognition.objective import (
    DECODED_SENTENCES,
    RecognitionObjective,
    mask,
)
from workloads.recognition.recipe import Recognition, SpecAugment
from workloads.training.loop import Job, train
from workloads.training.objective import ALONE, Rank
from workloads.training.recipe import Adam, Recipe
from workloads.wav2letter.arrays import ArrayRows
from workloads.wav2letter.sizes import Wav2LetterSize
from workloads.wav2letter.symbols import LETTERS
from workloads.wav2letter.task import WAV2LETTER

CPU = torch.device("cpu")
DS2 = DeepSpeech2Size("tiny", channels=16, hidden=16, layers=2)
SIZE = Wav2LetterSize("wav2letter-tiny", 8, 16, LETTERS, dropout=0.1)
MASKED = Recognition(SpecAugment(frequency_bands=4, time_frames=10))
RECIPE = Recipe(Adam(3e-3), batch_size=14, epochs=1, clip_norm=5.0, own=MASKED)
UNMASKED = Recognition()


def objective_of(data, rank=ALONE, own=UNMASKED, **changes):
    recipe = replace(RECIPE, own=own, **changes)
    return WAV2LETTER.objective(SIZE, recipe, data, CPU, rank)


def model_of(task=WAV2LETTER, size=SIZE):
    torch.manual_seed(0)
    return task.model(size)


def positions_of(objective, epoch=1, skip=0):
    return [batch.positions for _, batch in objective.batches(epoch, skip)]


def masked(augment, lengths, frames, seed):
    features = torch.ones(len(lengths), frames, 40)
    mask(features, lengths, augment, np.random.default_rng(seed))
    return features


def random_log_probs(*shape):
    torch.manual_seed(0)
    return torch.randn(*shape).log_softmax(-1)


def loss_of(log_probs, lengths, labels, blank=0):
    """The features of the batch play no part."""
    train = SimpleNamespace(alphabet=SimpleNamespace(blank=blank))
    task = SimpleNamespace(log_probabilities=lambda x: x, decoder=lambda *_: None)
    data = SimpleNamespace(train=train)
    counts = torch.tensor([len(one) for one in labels])
    flat = torch.tensor([label for one in labels for label in one])
    features = torch.zeros(len(labels), 1, 1)
    batch = Batch(tuple(range(len(labels))), features, counts, flat, counts)
    objective = RecognitionObjective(task, RECIPE, data, CPU, ALONE)
    return objective.loss((log_probs, torch.tensor(lengths)), batch)


def stretches(flags):
    """How many runs of True."""
    edges = torch.diff(flags.int(), prepend=torch.zeros(1, dtype=torch.int))
    return int(edges.eq(1).sum())


def test_a_frequency_mask_covers_bands_in_every_frame():
    augment = SpecAugment(frequency_bands=8, time_masks=0)
    widths = set()
    for seed in range(200):
        (features,) = masked(augment, [30], 30, seed)
        bands = features.eq(0).any(0)
        assert features[:, bands].eq(0).all()
        widths.add(int(bands.sum()))
        assert stretches(bands) <= 1
    assert widths == set(range(9))


def test_a_time_mask_covers_frames_in_every_band():
    augment = SpecAugment(frequency_masks=0, time_frames=5)
    widths = set()
    for seed in range(200):
        (features,) = masked(augment, [100], 100, seed)
        frames = features.eq(0).any(1)
        assert features[frames].eq(0).all()
        widths.add(int(frames.sum()))
        assert stretches(frames) <= 1
    assert widths == set(range(6))


def test_a_time_mask_covers_a_fifth_of_an_utterance_at_most():
    augment = SpecAugment(frequency_masks=0, time_frames=25)
    widths, covered = set(), torch.zeros(200, dtype=torch.bool)
    for seed in range(300):
        short, long = masked(augment, [42, 200], 200, seed).eq(0).any(2)
        widths.add(int(short.sum()))
        covered |= short
        assert long.sum() <= 25
    assert widths == set(range(9))  # 42 // 5 = 8
    assert covered.nonzero().flatten().tolist() == list(range(42))  # not the padding


def test_masks_are_as_many_as_asked_for():
    augment = SpecAugment(3, 2, 4, 3)
    found = [masked(augment, [100], 100, seed)[0].eq(0) for seed in range(100)]
    assert max(stretches(one.all(0)) for one in found) == 3
    assert max(stretches(one.all(1)) for one in found) == 4


def test_every_utterance_gets_masks_of_its_own():
    one, other = masked(SpecAugment(), [100, 100], 100, seed=1)
    assert not one.equal(other)


def test_batches_are_masked_anew_in_each_epoch_and_alike_for_one_seed(letters):
    def zeros(epoch, seed=0, own=MASKED):
        found = objective_of(letters, own=own, seed=seed, batch_size=70)
        ((_, batch),) = found.batches(epoch, 0)
        order = torch.tensor(batch.positions).argsort()
        return batch.features.eq(0)[order]

    assert zeros(1).equal(zeros(1))
    plain = zeros(1, own=UNMASKED)
    assert zeros(1).sum() > plain.sum()
    assert not zeros(1).equal(zeros(2))
    assert not zeros(1).equal(zeros(1, seed=1))


def test_an_epoch_that_is_taken_up_has_the_batches_that_were_left(letters):
    objective = objective_of(letters, own=MASKED)
    whole = list(objective.batches(2, 0))
    assert len(whole) == 5
    for (size, batch), (_, expected) in zip(
        objective.batches(2, 3), whole[3:], strict=True
    ):
        assert size == 14
        assert batch.positions == expected.positions
        assert batch.features.equal(expected.features)


def test_an_epoch_takes_every_utterance_once_in_another_order_each_time(letters):
    objective = objective_of(letters)
    first, second = (positions_of(objective, epoch) for epoch in (1, 2))
    for batches in (first, second):
        assert sorted(i for batch in batches for i in batch) == list(range(70))
    assert first != second


def test_the_shortest_may_come_first_in_the_first_epoch(letters):
    frames = letters.train.frames
    longest = {}
    for first in (True, False):
        objective = objective_of(letters, own=Recognition(shortest_first=first))
        for epoch in (1, 2):
            batches = positions_of(objective, epoch)
            longest[first, epoch] = [max(frames[i] for i in one) for one in batches]
    in_order = {key: lengths == sorted(lengths) for key, lengths in longest.items()}
    assert in_order[True, 1]
    assert not in_order[True, 2]
    assert longest[True, 2] == longest[False, 2]
    assert longest[True, 1] != longest[False, 1]


def test_ranks_share_each_batch_and_know_how_large_it_is(letters):
    alone = list(objective_of(letters).batches(1, 0))
    ranks = [objective_of(letters, Rank(number, 2)) for number in range(2)]
    shares = zip(*(rank.batches(1, 0) for rank in ranks), strict=True)
    for (size, whole), parts in zip(alone, shares, strict=True):
        assert [count for count, _ in parts] == [size, size]
        found = sorted(i for _, part in parts for i in part.positions)
        assert found == sorted(whole.positions)


def test_a_batch_with_too_few_utterances_for_all_ranks_is_left_out(letters):
    """Or those without one would wait for ever."""
    objective = objective_of(letters, Rank(0, 3), batch_size=17)  # 4 x 17 + 2
    assert [size for size, _ in objective.batches(1, 0)] == [17] * 4


@pytest.mark.parametrize(
    "change",
    [
        {"augment": None},
        {"augment": SpecAugment(frequency_masks=3)},
        {"augment": SpecAugment(frequency_bands=20)},
        {"augment": SpecAugment(time_masks=3)},
        {"augment": SpecAugment(time_frames=5)},
        {"shortest_first": True},
    ],
    ids=str,
)
def test_every_number_of_a_recogniser_s_recipe_matters(letters, change):
    """Masks of 25 frames are cut to a fifth of an utterance, some 20."""
    losses = []
    for own in (plain := Recognition(SpecAugment()), replace(plain, **change)):
        job = Job(WAV2LETTER, SIZE, replace(RECIPE, own=own), letters)
        events = (event for event in train(job) if event.kind == "epoch")
        losses += [event.loss for event in islice(events, 1)]
    assert np.isfinite(losses).all()
    assert losses[0] != losses[1]


def test_outputs_in_bf16_have_a_loss_in_fp32(spoken):
    objective = ASR.objective(DS2, RECIPE, spoken, CPU, ALONE)
    batch = objective.batch((3, 8, 11))
    outputs, lengths = objective.forward(model_of(ASR, DS2), batch)
    rounded = objective.loss((outputs.bfloat16(), lengths), batch)
    assert rounded.dtype == torch.float32
    exact = objective.loss((outputs.bfloat16().float(), lengths), batch)
    assert rounded.equal(exact)


@pytest.mark.parametrize(
    ("kind", "task", "size"),
    [("spoken", ASR, DS2), ("letters", WAV2LETTER, SIZE)],
    ids=["asr", "wav2letter"],
)
def test_an_evaluation_keeps_the_corpus_s_order(kind, task, size, request):
    data = request.getfixturevalue(kind)
    model, part = model_of(task, size), data.validation
    recipe = replace(RECIPE, own=UNMASKED)
    objective = task.objective(size, recipe, data, CPU, ALONE)
    found = objective.evaluate(model)
    assert not model.training
    decode, losses, texts = task.decoder(data.train, 1), [], []
    for position in range(len(part.texts)):
        batch = load_batch(part, data.normaliser, [position])
        with torch.no_grad():
            outputs, lengths = objective.forward(model, batch)
            losses.append(float(objective.loss((outputs, lengths), batch)))
        rows = task.log_probabilities(outputs)[0, : int(lengths[0])]
        texts.append(decode(rows.numpy()))
    if kind == "spoken":  # Wav2Letter's last frames see the padding, as in the paper
        assert found.scores.transcribed.hypotheses == texts
        assert found.loss == pytest.approx(sum(losses) / len(losses), rel=1e-4)
    assert found.scores.transcribed.references == list(part.texts)
    assert found.loss == pytest.approx(sum(losses) / len(losses), rel=0.2)


def test_an_evaluation_decodes_with_the_recipe_s_beam(spoken, monkeypatch):
    widths = []

    def decoder(self, train, beam_width, search=None):
        widths.append(beam_width)
        return lambda log_probs: "a cat"

    monkeypatch.setattr(type(ASR), "decoder", decoder)
    recipe = replace(RECIPE, own=Recognition(beam_width=64))
    found = ASR.objective(DS2, recipe, spoken, CPU, ALONE).evaluate(model_of(ASR, DS2))
    assert widths == [64]
    assert set(found.scores.transcribed.hypotheses) == {"a cat"}


def test_a_part_without_utterances_cannot_be_judged(letters):
    empty = Part(ArrayRows(()), (), (), LETTERS)
    objective = objective_of(replace(letters, validation=empty))
    with pytest.raises(DataError, match="no validation utterances: accuracy cannot"):
        objective.evaluate(model_of())


def test_samples_are_the_best_paths_of_a_few_utterances(letters):
    objective, model = objective_of(letters), model_of()
    positions = (4, 9, 30, 41, 50, 66)
    batch = objective.batch(positions)
    found = objective.samples(model, batch)
    texts = [letters.train.texts[i] for i in positions[:DECODED_SENTENCES]]
    assert [reference for reference, _ in found] == texts
    with torch.no_grad():
        log_probs = model.eval()(batch.features[:DECODED_SENTENCES])
    rows = zip(log_probs.numpy(), batch.lengths.tolist(), strict=False)
    best = [
        objective._decode(row[: WAV2LETTER.output_length(frames)])
        for row, frames in rows
    ]
    assert [text for _, text in found] == best


@pytest.mark.parametrize("blank", [0, 34])
def test_the_loss_is_torch_s_one_utterance_at_a_time(blank):
    log_probs, labels = random_log_probs(3, 12, 35), [[5, 6], [7], [8, 8, 9]]
    lengths = [12, 7, 10]
    expected = sum(
        F.ctc_loss(
            one[:length],
            torch.tensor(label),
            (length,),
            (len(label),),
            blank=blank,
            reduction="sum",
        )
        for one, length, label in zip(log_probs, lengths, labels, strict=True)
    )
    torch.testing.assert_close(loss_of(log_probs, lengths, labels, blank), expected)


def test_the_loss_does_not_depend_on_padding():
    log_probs, labels = random_log_probs(2, 9, 35), [[5, 6], [7]]
    expected = loss_of(log_probs, [9, 6], labels)
    longer = torch.cat([log_probs, torch.randn(2, 5, 35).log_softmax(-1)], dim=1)
    longer[1, 6:] = torch.randn(8, 35).log_softmax(-1)
    torch.testing.assert_close(loss_of(longer, [9, 6], labels), expected)
    assert not loss_of(longer, [14, 6], labels).isclose(expected)


def test_an_utterance_too_short_for_its_labels_counts_zero():
    log_probs = random_log_probs(2, 6, 35)
    alone = loss_of(log_probs[:1], [6], [[5, 6]])
    both = loss_of(log_probs, [6, 2], [[5, 6], [7, 8, 9]])
    torch.testing.assert_close(both, alone)
