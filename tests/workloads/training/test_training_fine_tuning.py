"""Training after a compression, on pairs of tones."""

from dataclasses import replace

import pytest
import torch
from separators import CONV, DPT, LSTM
from tiny_task import ERRORS, RECIPE, SIZE, TINY, tiny_data
from torch import nn

from workloads.compression.known import parse
from workloads.compression.pruning.prune import Schedule
from workloads.compression.steps.prune import Prune
from workloads.metrics.error_rates import ErrorRate
from workloads.metrics.scores import Scores
from workloads.separation.channels import channel_groups
from workloads.separation.dataset import Separation
from workloads.separation.objective import SeparationObjective
from workloads.separation.task import SEPARATION
from workloads.task import parameters_of
from workloads.training import fine_tuning, loop
from workloads.training.events import Event
from workloads.training.fine_tuning import CompressionError, FineTuning
from workloads.training.loop import Job, evaluation_loss, train
from workloads.training.objective import Evaluation
from workloads.training.recipe import Adam, Recipe
from workloads.training.weights import untrained

CPU = torch.device("cpu")
SHORT = Recipe(
    Adam(1e-2), batch_size=4, epochs=1, clip_norm=5.0, own=Separation(segment_s=0.05)
)
TWO_ROUNDS = Schedule(rounds=2, worst=100.0)
# Wide enough that factors are smaller than what they stand for.
WIDE = replace(CONV, hidden=40, bottleneck=30)
SCORES = Scores.of(ErrorRate("wer", (1, 3), (4, 4)))


@pytest.fixture
def said():
    return []


@pytest.fixture
def tuning(pairs, said):
    job = Job(SEPARATION, CONV, SHORT, pairs)
    return FineTuning(job, TWO_ROUNDS, said.append)


def with_rate(tuning, rate):
    recipe = replace(SHORT, optimizer=Adam(rate))
    return replace(tuning, job=replace(tuning.job, recipe=recipe))


def made(size):
    return untrained(SEPARATION, size)


def loss_of(tuning, model):
    return evaluation_loss(tuning.job, model)


def weights_of(model):
    return [p for p in model.parameters() if p.ndim > 1]


def judged_as(monkeypatch, *losses):
    """Let the model before, then each round's, have these validation losses."""
    left = iter(losses)

    def evaluate(*_):
        return Evaluation(next(left), SCORES)

    monkeypatch.setattr(SeparationObjective, "evaluate", evaluate)


def epoch(number, validation_loss):
    return Event(
        "epoch",
        "evaluate",
        number,
        number,
        loss=-9.876,
        validation_loss=validation_loss,
        scores=SCORES,
        learning_rate=5e-4,
    )


@pytest.mark.parametrize("criterion", ["l1", "gradient"])
def test_pruned_weights_stay_zero_through_all_rounds(tuning, said, criterion):
    before = made(CONV)
    tuned = tuning.of(before, parse(f"prune-{criterion}-unstructured-50"))
    for old, new in zip(weights_of(before), weights_of(tuned.model), strict=True):
        assert int((new == 0).sum()) == round(old.numel() / 2)
        assert not new[new != 0].equal(old[new != 0])  # the others were trained
    assert tuned.warning == ""
    assert tuned.reached == loss_of(tuning, tuned.model)
    rounds = [text for text in said if text.startswith("round")]
    assert rounds == ["round 1 of 2", "round 2 of 2"]
    assert said[1].startswith("epoch 1: loss ")


@pytest.mark.parametrize("size", [CONV, LSTM, DPT], ids=lambda size: size.name)
def test_whole_channels_stay_zero_and_can_be_taken_out(tuning, size):
    compression = parse("prune-l2-structured-50")
    other = replace(tuning, job=replace(tuning.job, size=size))
    tuned = other.of(made(size), compression)
    small = compression.steps[0].ready(SEPARATION, tuned.model)
    # a quarter of each matrix and half of each vector stays, one output apart
    assert parameters_of(small) < 0.45 * parameters_of(tuned.model)
    assert len(channel_groups(small)) == len(channel_groups(tuned.model))
    assert loss_of(tuning, small) == pytest.approx(tuned.reached, abs=1e-3)


def test_the_model_before_is_left_as_it_was(tuning):
    before, same = made(WIDE), made(WIDE)
    for name in ("prune-l1-structured-50", "tucker-50", "int8-qat"):
        tuning.of(before, parse(name))
    pairs = zip(before.parameters(), same.parameters(), strict=True)
    assert all(one.equal(other) for one, other in pairs)


def test_a_round_that_is_worse_is_rolled_back(tuning, monkeypatch):
    judged_as(monkeypatch, -10.0, -9.6, -9.4)
    strict = replace(tuning, schedule=Schedule(rounds=2, worst=0.05))
    tuned = strict.of(made(CONV), parse("prune-l1-unstructured-75"))
    zeros = sum(int((p == 0).sum()) for p in weights_of(tuned.model))
    total = sum(p.numel() for p in weights_of(tuned.model))
    assert zeros / total == pytest.approx(0.5, abs=0.01)
    assert tuned.reached == -9.6  # of the round that was kept
    assert "in place of 75 %: round 2, at 75.0 %, had a validation" in tuned.warning
    assert "above the -9.5 allowed; the state of round 1 was kept" in tuned.warning


def test_a_first_round_that_is_worse_leaves_the_model_as_it_was(tuning, monkeypatch):
    judged_as(monkeypatch, -10.0, -5.0)
    before = made(CONV)
    strict = replace(tuning, schedule=Schedule(worst=0.05))
    tuned = strict.of(before, parse("prune-l1-unstructured-50"))
    state = tuned.model.state_dict()
    assert state.keys() == before.state_dict().keys()
    assert all(one.equal(state[name]) for name, one in before.state_dict().items())
    assert tuned.reached == -10.0


def test_a_pruning_whose_training_explodes_is_rolled_back(tuning):
    tuned = with_rate(tuning, 1e30).of(made(CONV), parse("prune-l1-unstructured-50"))
    assert "the state of the unpruned model was kept" in tuned.warning
    assert all(p.isfinite().all() for p in tuned.model.parameters())


@pytest.mark.parametrize(("method", "factor"), [("cp", 0.1), ("tucker", 1.0)])
def test_cp_is_trained_at_a_tenth_of_the_rate(tuning, monkeypatch, method, factor):
    rates = []

    def watched(job, device):
        rates.append(job.recipe.optimizer.learning_rate)
        return train(job, device)

    monkeypatch.setattr(loop, "train", watched)
    before = made(WIDE)
    tuned = tuning.of(before, parse(f"{method}-50"))
    assert rates == [pytest.approx(factor * 1e-2)]
    assert parameters_of(tuned.model) < 0.7 * parameters_of(before)


def test_a_factorization_that_changes_nothing_is_refused(tuning):
    expected = (
        "^tsvd-30 changes no layer of this model, the first because tsvd changes only "
        "nn.Linear: there is nothing to fine-tune$"
    )
    with pytest.raises(CompressionError, match=expected):
        tuning.of(made(CONV), parse("tsvd-30"))


def test_training_for_int8_rounds_and_leaves_plain_weights(tuning):
    before = made(CONV)
    tuned = tuning.of(before, parse("int8-qat"))
    assert tuned.model.state_dict().keys() == before.state_dict().keys()
    assert not any(m._forward_pre_hooks for m in tuned.model.modules())
    weight = tuned.model.get_parameter("bottleneck.weight")
    assert not weight.equal(before.get_parameter("bottleneck.weight"))
    plainly = loss_of(tuning, tuned.model)
    assert plainly != tuned.reached  # which is that of rounded ones
    assert plainly == pytest.approx(tuned.reached, abs=1)


@pytest.mark.parametrize("name", ["fp16", "int8-static"])
def test_what_leaves_weights_as_they_are_is_refused(tuning, name):
    expected = f"^{name} leaves weights as they are: there is nothing to fine-tune$"
    with pytest.raises(CompressionError, match=expected):
        tuning.of(made(CONV), parse(name))


def test_training_that_diverges_is_refused(tuning):
    expected = "^training diverged at a learning rate of 1e.30: give a lower one$"
    with pytest.raises(CompressionError, match=expected):
        with_rate(tuning, 1e30).of(made(WIDE), parse("tucker-50"))


def test_the_epoch_with_the_lowest_loss_is_kept(tuning, monkeypatch):
    """Even if a later one is worse."""

    def judged(job, _):
        for number, loss in enumerate((-1.0, -3.0, -2.0), 1):
            nn.init.constant_(job.model.prelu.weight, number)
            yield epoch(number, loss)

    monkeypatch.setattr(loop, "train", judged)
    tuned = tuning.of(made(WIDE), parse("tucker-50"))
    assert tuned.reached == -3.0
    assert tuned.model.get_parameter("prelu.weight").item() == 2


def test_the_epoch_that_is_kept_is_the_best_by_the_recipe_s_measure(monkeypatch):
    """And so is what was reached."""
    recipe = replace(RECIPE, best_by=ERRORS)
    job = Job(TINY, SIZE, recipe, tiny_data())

    def judged(job, _):
        for number, errors in enumerate((2, 1, 3), 1):
            for parameter in job.model.parameters():
                nn.init.constant_(parameter, number)
            scores = Scores.of(ErrorRate(ERRORS, (errors,), (4,)))
            yield replace(epoch(number, -float(number)), scores=scores)

    monkeypatch.setattr(loop, "train", judged)
    tuning = FineTuning(job, TWO_ROUNDS, print)
    tuned = tuning.of(untrained(TINY, SIZE), parse("tsvd-50"))
    assert tuned.reached == 1 / 4
    assert all(bool((p == 2).all()) for p in tuned.model.parameters())


def test_a_model_is_judged_by_its_recipe_s_measure():
    model, data = untrained(TINY, SIZE), tiny_data()
    evaluation = TINY.objective(SIZE, RECIPE, data, CPU, None).evaluate(model)
    for best_by, expected in (
        ("loss", evaluation.loss),
        (None, evaluation.loss),
        (ERRORS, evaluation.scores.measures[ERRORS].value),
    ):
        job = Job(TINY, SIZE, replace(RECIPE, best_by=best_by), data)
        assert evaluation_loss(job, model) == expected


def test_gradients_are_taken_of_so_many_mixtures(tuning, monkeypatch):
    counts, take = [], Prune.choice

    def watched(step, task, model, sample):
        counts.append(len(sample))
        return take(step, task, model, sample)

    monkeypatch.setattr(Prune, "choice", watched)
    monkeypatch.setattr(fine_tuning, "GRADIENT_ITEMS", 3)
    for criterion in ("gradient", "l1"):
        tuning.of(made(CONV), parse(f"prune-{criterion}-structured-30"))
    assert counts == [3, 0]


def test_training_is_on_the_device_and_the_model_comes_back(tuning, monkeypatch):
    asked = []

    def train_there(job, device):
        asked.append(device)
        job.model.to(torch.bfloat16)  # as if it were elsewhere
        yield epoch(1, float("inf"))

    monkeypatch.setattr(loop, "train", train_there)
    there = replace(tuning, device="cuda:1")
    tuned = there.of(made(CONV), parse("prune-l1-structured-50"))
    assert asked == ["cuda:1"]
    assert {p.device.type for p in tuned.model.parameters()} == {"cpu"}
