from dataclasses import replace
from itertools import islice

import pytest
import torch
from torch.nn import functional as F

from workloads.asr import checkpoint
from workloads.asr.alphabet import BLANK
from workloads.asr.decoding import GreedyDecoder
from workloads.asr.ds2 import DS2_PAPER, DeepSpeech2, DeepSpeech2Size
from workloads.asr.evaluation import error_rates, evaluate
from workloads.asr.events import from_plain, to_plain
from workloads.asr.input_pipeline import load_batch
from workloads.asr.recipe import Recipe, autocast
from workloads.asr.training import train
from workloads.asr.training_step import Learner, ctc_loss_sum

TINY = DeepSpeech2Size("tiny", channels=16, hidden=16, layers=2)
RECIPE = Recipe(
    batch_size=16,
    max_epochs=3,
    decode_every_steps=4,
    checkpoint_every_steps=7,
    beam_width=4,
)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def whole(feed):
    """The events of an uninterrupted training: 3 epochs of 5 steps."""
    return list(train(TINY, RECIPE, feed))


def of_kind(events, kind):
    return [event for event in events if event.kind == kind]


def test_the_first_event_comes_before_the_model_exists(feed, monkeypatch):
    monkeypatch.setattr("workloads.asr.training.Training", None)
    events = train(TINY, RECIPE, feed)
    first = next(events)
    assert (first.kind, first.state, first.step) == ("state", "train", 0)


def test_steps_are_counted_on_from_epoch_to_epoch(whole):
    steps = [(event.epoch, event.step) for event in of_kind(whole, "step")]
    assert steps == [(1 + n // 5, 1 + n) for n in range(15)]


def test_states_follow_the_recipe_s_cadence(feed, tmp_path):
    recipe = replace(RECIPE, max_epochs=2)
    events = list(train(TINY, recipe, feed, checkpoint_dir=tmp_path))
    states = [(e.step, e.state) for e in of_kind(events, "state")]
    assert states == [
        (0, "train"),
        (4, "decode"),
        (4, "train"),
        (5, "evaluate"),
        (5, "checkpoint"),
        (5, "train"),
        (7, "checkpoint"),
        (7, "train"),
        (8, "decode"),
        (8, "train"),
        (10, "evaluate"),
        (10, "checkpoint"),
    ]


def test_decoded_sentences_stand_beside_their_references(whole, feed):
    decoded = [event.samples for event in whole if event.samples]
    assert len(decoded) == 3
    transcripts = {u.transcript for u in feed.train.utterances}
    assert all(reference in transcripts for reference, _ in decoded[0])


def test_an_epoch_has_losses_and_pooled_errors(whole, feed):
    epochs = of_kind(whole, "epoch")
    assert [event.epoch for event in epochs] == [1, 2, 3]
    assert epochs[-1].loss < epochs[0].loss
    words = sum(len(u.transcript.split()) for u in feed.validation.utterances)
    assert sum(epochs[0].errors["wer"].lengths) == words
    assert set(epochs[0].errors) == {"wer", "cer", "cer_max"}


@pytest.mark.parametrize("stop_after", [7, 10, 12])
def test_a_resumed_training_s_curve_is_the_uninterrupted_one(
    feed, whole, tmp_path, stop_after
):
    """Killed after some step: between checkpoints, and at an epoch's end."""
    events = train(TINY, RECIPE, feed, checkpoint_dir=tmp_path)
    for event in events:
        if event.kind == "state" and event.step == stop_after + 1:
            break
        if event.kind == "step" and event.step > stop_after:
            break
    events.close()
    path = tmp_path / checkpoint.NAME
    before = checkpoint.read_curve(path)
    torch.manual_seed(12345)
    after = of_kind(train(TINY, RECIPE, feed, resume_from=path), "epoch")
    assert [*before, *after] == of_kind(whole, "epoch")


def test_resuming_with_another_recipe_names_what_changed(feed, tmp_path):
    recipe = replace(RECIPE, max_epochs=1)
    list(train(TINY, recipe, feed, checkpoint_dir=tmp_path))
    path = tmp_path / checkpoint.NAME
    other = replace(recipe, rho=0.9)
    with pytest.raises(ValueError, match=r"rho was 0\.95 and is 0\.9"):
        list(train(TINY, other, feed, resume_from=path))
    longer = train(TINY, replace(recipe, max_epochs=2), feed, resume_from=path)
    assert [event.epoch for event in of_kind(longer, "epoch")] == [2]


def test_a_failed_write_leaves_the_last_checkpoint_whole(tmp_path, monkeypatch):
    path = tmp_path / checkpoint.NAME
    checkpoint.save_atomically({"step": 1}, path)

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="no space"):
        checkpoint.save_atomically({"step": 2}, path)
    assert checkpoint.load_checkpoint(path)["step"] == 1


def test_an_unknown_checkpoint_format_is_refused(tmp_path):
    path = tmp_path / "old.pt"
    torch.save({"format": 0}, path)
    with pytest.raises(ValueError, match="format 0, expected 2"):
        checkpoint.load_checkpoint(path)


def test_events_survive_a_checkpoint(whole):
    for event in whole:
        assert from_plain(to_plain(event)) == event


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"learning_rate": 0.5},
        {"rho": 0.8},
        {"eps": 1e-3},
        {"clip_norm": 0.1},
        {"batch_size": 8},
        {"precision": "bf16"},
        {"shortest_first": False},
    ],
)
def test_every_number_of_the_recipe_matters(feed, whole, change):
    recipe = replace(RECIPE, **change)
    events = islice(train(TINY, recipe, feed), 40)
    first = next(event for event in events if event.kind == "epoch")
    assert first.loss != of_kind(whole, "epoch")[0].loss


def test_a_training_is_reproducible(feed, whole):
    again = train(TINY, replace(RECIPE, max_epochs=1), feed)
    assert of_kind(again, "epoch") == of_kind(whole, "epoch")[:1]


def test_the_loss_is_torch_s_one_utterance_at_a_time(feed):
    batch = load_batch(feed.train, feed.normaliser, (3, 8, 11))
    logits, lengths = DeepSpeech2(TINY)(batch.features, batch.lengths)
    total = ctc_loss_sum(logits.bfloat16(), lengths, batch)
    assert total.dtype == torch.float32
    single = 0.0
    targets = batch.targets.split(batch.target_lengths.tolist())
    for i, target in enumerate(targets):
        log_probs = F.log_softmax(logits[i, : lengths[i]].bfloat16().float(), 1)
        size = torch.tensor(len(target))
        single += F.ctc_loss(
            log_probs, target, lengths[i], size, BLANK, reduction="sum"
        )
    torch.testing.assert_close(total, single)


def test_bf16_agrees_with_fp32_within_its_precision(feed):
    batch = load_batch(feed.train, feed.normaliser, range(8))
    model = DeepSpeech2(TINY).eval()
    logits = {}
    for precision in ("fp32", "bf16"):
        with torch.no_grad(), autocast(precision, CPU):
            logits[precision] = model(batch.features, batch.lengths)[0]
    assert logits["bf16"].dtype == torch.bfloat16
    difference = (logits["bf16"].float() - logits["fp32"]).abs().max()
    assert 0 < difference < 0.1 * logits["fp32"].abs().max()


def test_fp16_without_cuda_is_refused():
    with pytest.raises(ValueError, match="fp16 trains on CUDA only"):
        autocast("fp16", CPU)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"precision": "int4"}, "int4"), ({"batch_size": 0}, "batch_size 0")],
)
def test_an_impossible_recipe_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**change)


def test_a_learner_learns_its_batch(feed):
    batch = load_batch(feed.train, feed.normaliser, range(8))
    torch.manual_seed(0)
    learner = Learner(TINY, Recipe(), CPU)
    losses = [float(learner.update(batch, 8)) for _ in range(30)]
    assert losses[-1] < 0.7 * losses[0]


def test_one_step_changes_all_weights_of_the_published_size(feed):
    batch = load_batch(feed.train, feed.normaliser, range(2))
    learner = Learner(DS2_PAPER, Recipe(), CPU)
    before = {n: p.detach().clone() for n, p in learner.model.named_parameters()}
    loss = learner.update(batch, 2)
    assert 0 < float(loss) < float("inf")
    for name, parameter in learner.model.named_parameters():
        assert not parameter.equal(before[name]), name


def test_evaluation_keeps_the_corpus_s_order(feed):
    torch.manual_seed(0)
    model = DeepSpeech2(TINY)
    found = evaluate(model, feed, GreedyDecoder())
    for position in (0, 9):
        batch = load_batch(feed.validation, feed.normaliser, [position])
        with torch.no_grad():
            alone = GreedyDecoder().decode(*model(batch.features, batch.lengths))
        assert [found.hypotheses[position]] == alone


def test_error_rates_are_pooled_from_counts():
    rates = error_rates(["a cat", "cool"], ["a cat", "cooling"])
    assert rates["wer"].rate == 1 / 3
    assert rates["cer"].rate == 3 / 9
    assert rates["cer_max"].rate == 3 / 12
