"""The loop, over a task so small that training it takes no time."""

import json
from dataclasses import replace
from itertools import islice

import pytest
import tiny_task
import torch
from tiny_task import ERRORS, RECIPE, SIZE, STEPS, TINY, TinyTask, tiny_data

from workloads.metrics.error_rates import ErrorRate
from workloads.metrics.scores import Scores
from workloads.training import checkpoint
from workloads.training.events import Event
from workloads.training.loop import Job, train
from workloads.training.objective import ALONE, Evaluation
from workloads.training.recipe import AdaDelta, Adam, Cosine, Plateau

DATA = tiny_data()


def job(**others):
    """Of the tiny recipe, but for what `others` say."""
    names = ("checkpoint_dir", "resume_from", "model", "task")
    given = {name: others.pop(name) for name in names if name in others}
    return replace(Job(TINY, SIZE, replace(RECIPE, **others), DATA), **given)


def of_kind(events, kind):
    return [event for event in events if event.kind == kind]


def epochs(**others):
    return of_kind(train(job(**others)), "epoch")


@pytest.fixture(scope="module")
def whole():
    """The events of an uninterrupted training: 3 epochs of 5 steps."""
    return list(train(job()))


def judged_as(monkeypatch, *losses):
    """Let the epochs reach these validation losses, whatever is trained."""
    left = iter(losses)
    scores = Scores.of(ErrorRate(ERRORS, (1, 0), (1, 1)))

    def evaluate(*_):
        return Evaluation(next(left), scores)

    monkeypatch.setattr(tiny_task.TinyObjective, "evaluate", evaluate)


def test_the_first_event_comes_before_the_model_exists(monkeypatch):
    monkeypatch.setattr("workloads.training.loop.Training", None)
    first = next(train(job()))
    assert (first.kind, first.state, first.step) == ("state", "train", 0)


def test_steps_are_counted_on_from_epoch_to_epoch(whole):
    steps = [(event.epoch, event.step) for event in of_kind(whole, "step")]
    assert steps == [(1 + n // STEPS, 1 + n) for n in range(3 * STEPS)]


def test_states_follow_the_recipe_s_cadence(tmp_path):
    events = list(train(job(epochs=2, checkpoint_dir=tmp_path)))
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


def test_a_cadence_of_zero_is_never(tmp_path):
    never = {"decode_every_steps": 0, "checkpoint_every_steps": 0}
    events = train(job(epochs=2, checkpoint_dir=tmp_path, **never))
    found = [(e.step, e.state) for e in events if e.state in ("decode", "checkpoint")]
    assert found == [(5, "checkpoint"), (10, "checkpoint")]  # of each epoch's end


def test_decoded_samples_stand_beside_their_references(whole):
    decoded = [event.samples for event in whole if event.samples]
    assert [len(samples) for samples in decoded] == [2, 2, 2]
    assert {text for pair in decoded[0] for text in pair} <= {"0", "1", "2"}


def test_a_training_lowers_the_loss_and_the_errors(whole):
    found = of_kind(whole, "epoch")
    assert [event.epoch for event in found] == [1, 2, 3]
    assert found[-1].loss < 0.8 * found[0].loss
    assert found[-1].validation_loss < found[0].validation_loss
    first, last = (event.scores.measures[ERRORS] for event in (found[0], found[-1]))
    assert first.n == 12
    assert last.value < first.value


def test_the_loss_of_an_epoch_is_the_mean_over_its_items():
    """At its beginning: with a rate of next to nothing, that of the model as made."""
    (event,) = epochs(epochs=1, optimizer=Adam(1e-12))
    torch.manual_seed(RECIPE.seed)
    model = TINY.model(SIZE).train()
    objective = TINY.objective(SIZE, RECIPE, DATA, torch.device("cpu"), ALONE)
    with torch.no_grad():  # with other draws of the dropout than in training
        batch = objective.batch(range(len(DATA.train)))
        loss = float(objective.loss(model(batch.features), batch)) / len(batch)
    assert event.loss == pytest.approx(loss, rel=0.05)


@pytest.mark.parametrize("stop_after", [7, 10, 12])
def test_a_resumed_training_s_curve_is_the_uninterrupted_one(
    whole, tmp_path, stop_after
):
    """Killed after some step: between checkpoints, and at an epoch's end."""
    events = train(job(checkpoint_dir=tmp_path))
    for event in events:
        if event.kind == "step" and event.step > stop_after:
            break
    events.close()
    path = tmp_path / checkpoint.NAME
    before = checkpoint.read_curve(path)
    torch.manual_seed(12345)
    after = of_kind(train(job(resume_from=path)), "epoch")
    assert [*before, *after] == of_kind(whole, "epoch")


def test_a_resumed_training_gives_back_the_caller_s_notes(tmp_path):
    seconds = iter(range(100))
    saved = job(epochs=1, checkpoint_dir=tmp_path)
    list(train(saved, notes=lambda: {"clock_s": next(seconds)}))
    path = tmp_path / checkpoint.NAME
    events = train(job(epochs=2, resume_from=path))
    first, resumed = islice(events, 2)
    assert (first.kind, first.step) == ("state", 0)
    assert (resumed.kind, resumed.epoch, resumed.step) == ("resumed", 2, STEPS)
    assert resumed.notes == {"clock_s": 0}


def test_the_notes_hold_the_epoch_that_has_just_ended(tmp_path):
    """The caller has seen it before the checkpoint is written."""
    seen = []
    for event in train(
        job(epochs=1, checkpoint_dir=tmp_path), notes=lambda: {"epochs": len(seen)}
    ):
        if event.kind == "epoch":
            seen.append(event)
    content = checkpoint.load_checkpoint(tmp_path / checkpoint.NAME)
    assert content["notes"] == {"epochs": 1}


def test_resuming_with_another_recipe_names_what_changed(tmp_path):
    list(train(job(epochs=1, checkpoint_dir=tmp_path)))
    path = tmp_path / checkpoint.NAME
    with pytest.raises(ValueError, match=r"clip_norm was 5\.0 and is 4\.0\): resume"):
        list(train(job(clip_norm=4.0, resume_from=path)))
    assert [event.epoch for event in epochs(epochs=2, resume_from=path)] == [2]


def test_resuming_with_another_size_names_what_changed(tmp_path):
    list(train(job(epochs=1, checkpoint_dir=tmp_path)))
    path = tmp_path / checkpoint.NAME
    other = replace(job(resume_from=path), size=replace(SIZE, hidden=16))
    with pytest.raises(ValueError, match=r"another size \(hidden was 32 and is 16"):
        list(train(other))


def test_a_cosine_cannot_be_made_longer(tmp_path):
    """Its rates would not be those of a training that knew it from the beginning."""
    list(train(job(epochs=2, schedule=Cosine(), checkpoint_dir=tmp_path)))
    path = tmp_path / checkpoint.NAME
    with pytest.raises(ValueError, match="epochs was 2 and is 3"):
        list(train(job(epochs=3, schedule=Cosine(), resume_from=path)))


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"optimizer": Adam(1e-3)},
        {"optimizer": Adam(1e-2, weight_decay=0.1)},
        {"optimizer": AdaDelta()},
        {"clip_norm": 0.01},
        {"batch_size": 10},
        {"precision": "bf16"},
        {"warmup_steps": 3},
    ],
    ids=str,
)
def test_every_number_of_the_recipe_matters(whole, change):
    (first,) = epochs(epochs=1, **change)
    assert first.loss != of_kind(whole, "epoch")[0].loss


@pytest.mark.parametrize(
    "change", [{"learning_rate": 0.5}, {"rho": 0.8}, {"eps": 1e-3}], ids=str
)
def test_every_number_of_adadelta_matters(change):
    (plain,) = epochs(epochs=1, optimizer=AdaDelta())
    (other,) = epochs(epochs=1, optimizer=replace(AdaDelta(), **change))
    assert other.loss != plain.loss


def test_bf16_differs_by_its_precision_alone(whole):
    (found,) = epochs(epochs=1, precision="bf16")
    assert found.loss == pytest.approx(of_kind(whole, "epoch")[0].loss, rel=0.05)


def test_a_training_is_reproducible(whole):
    assert epochs(epochs=1) == of_kind(whole, "epoch")[:1]


def test_the_model_of_the_caller_is_trained_in_place():
    torch.manual_seed(0)
    model = TINY.model(SIZE)
    before = [p.detach().clone() for p in model.parameters()]
    list(train(job(epochs=1, model=model)))
    pairs = zip(model.parameters(), before, strict=True)
    assert not any(now.equal(then) for now, then in pairs)


def rates_of(found):
    return [event.learning_rate for event in found]


def test_the_rate_falls_after_patience_without_a_lower_loss(monkeypatch):
    judged_as(monkeypatch, 9, 8, 8, 9, 8, 8, 8, 8)
    plateau = Plateau(factor=0.1, patience=2)
    found = epochs(epochs=8, schedule=plateau, optimizer=Adam(1e-3))
    # From the second epoch's 8 on, three epochs are more than a patience of two.
    assert rates_of(found) == pytest.approx([1e-3] * 5 + [1e-4] * 3)


def test_a_loss_that_is_hardly_higher_is_not_a_lower_one(monkeypatch):
    """Of a negative loss, a share is no margin but its contrary."""
    losses = (-10, -9.9999, -9.9998, -9.9997)
    plateau = Plateau(factor=0.5, patience=2)
    judged_as(monkeypatch, *losses)
    assert rates_of(epochs(epochs=4, schedule=plateau)) == [1e-2] * 4
    judged_as(monkeypatch, *losses, -9.9996)
    assert rates_of(epochs(epochs=5, schedule=plateau)) == [1e-2] * 4 + [5e-3]


def test_the_threshold_is_a_share_of_what_was_reached(monkeypatch):
    rates = {}
    for threshold in (0.0, 0.2):
        judged_as(monkeypatch, 10, 9, 9)  # lower by a tenth
        plateau = Plateau(patience=0, threshold=threshold)
        rates[threshold] = rates_of(epochs(epochs=3, schedule=plateau))
    assert rates == {0.0: [1e-2] * 3, 0.2: [1e-2, 1e-2, 5e-3]}


def test_a_plateau_may_watch_a_measure(monkeypatch):
    """The scores stay as they are while the loss falls."""
    for watched, last in (("loss", 1e-2), (ERRORS, 5e-3)):
        judged_as(monkeypatch, 3, 2, 1)
        found = epochs(schedule=Plateau(watched, patience=0))
        assert rates_of(found)[-1] == last


def test_a_measure_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ValueError, match="'wer': expected one of loss, error_rate"):
        epochs(epochs=1, schedule=Plateau("wer"))


def test_lower_is_better_whatever_the_measure_s_own_direction():
    class Gain(ErrorRate):
        better = "higher"

    event = Event(
        "epoch",
        "evaluate",
        1,
        1,
        validation_loss=2.0,
        scores=Scores.of(Gain("gain", (3,), (4,)), ErrorRate("loss rate", (1,), (2,))),
    )
    found = [event.reached(name) for name in ("loss", "gain", "loss rate")]
    assert found == [2.0, -0.75, 0.5]


@pytest.mark.parametrize(
    ("schedule", "shares"), [(None, [1] * 4), (Cosine(), [1, 0.8536, 0.5, 0.1464])]
)
def test_a_cosine_lets_the_rate_fall_over_all_epochs(schedule, shares):
    """(1 + cos(pi n / N)) / 2 of it after n of N epochs."""
    found = epochs(epochs=4, schedule=schedule)
    assert [rate / 1e-2 for rate in rates_of(found)] == pytest.approx(shares, abs=1e-4)


def test_training_ends_after_so_many_epochs_without_a_lower_loss(monkeypatch):
    judged_as(monkeypatch, 9, 8, 8, 8.5, 8, 1)
    found = epochs(epochs=6, stop_after=3)
    assert [event.epoch for event in found] == [1, 2, 3, 4, 5]


def test_training_ends_where_the_loss_is_no_number(monkeypatch):
    judged_as(monkeypatch, 9, float("nan"), 8)
    assert len(epochs()) == 2


def test_a_training_that_explodes_ends_after_an_epoch():
    (found,) = epochs(optimizer=Adam(1e30))
    assert not found.validation_loss < 1e9


def test_a_task_s_word_on_its_losses_is_final():
    """What the tests of several ranks go by."""
    found = epochs(task=TinyTask(loss=3.0))
    assert [event.validation_loss for event in found] == [3.0] * 3


def test_events_survive_a_checkpoint(whole):
    for event in whole:
        plain = event.to_plain()
        assert Event.from_plain(plain) == event
        assert Event.from_plain(json.loads(json.dumps(plain))) == event
