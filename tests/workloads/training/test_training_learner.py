import copy
from dataclasses import replace

import pytest
import torch
from tiny_task import RECIPE, SIZE, TINY, tiny_data

from workloads.training.learner import SLOWEST, Learner
from workloads.training.objective import ALONE, Rank, autocast
from workloads.training.recipe import AdaDelta, Adam, Cosine, Plateau

CPU = torch.device("cpu")
DATA = tiny_data()


def learner_of(rank=ALONE, **changes):
    """From the same weights each time."""
    recipe = replace(RECIPE, **changes)
    torch.manual_seed(0)
    model = TINY.model(SIZE)
    objective = TINY.objective(SIZE, recipe, DATA, CPU, rank)
    return Learner(model, objective, recipe, CPU, rank)


@pytest.fixture
def batch():
    return learner_of().objective.batch(range(8))


def moved(learner, batch, count):
    """How far the farthest weight goes in so many steps."""
    before = [p.detach().clone() for p in learner.model.parameters()]
    for _ in range(count):
        learner.update(batch, len(batch))
    pairs = zip(learner.model.parameters(), before, strict=True)
    return max((now - then).abs().max().item() for now, then in pairs)


def test_a_learner_learns_its_batch(batch):
    learner = learner_of()
    losses = [float(learner.update(batch, 8)) for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]


def test_the_loss_is_summed_over_the_batch(batch):
    learner = learner_of()
    learner.model.dropout.p = 0.0
    logits = learner.model(batch.features)
    expected = torch.nn.functional.cross_entropy(logits, batch.labels)
    assert float(learner.update(batch, 8)) == pytest.approx(8 * expected.item())


def test_gradients_are_clipped_by_their_norm(batch):
    learner = learner_of(clip_norm=0.01)
    learner.update(batch, 8)
    gradients = [p.grad.flatten() for p in learner.model.parameters()]
    assert torch.cat(gradients).norm().item() == pytest.approx(0.01, rel=1e-3)


def test_gradients_are_the_mean_over_the_global_batch(batch):
    """A rank has half of it, and the ranks' gradients are averaged afterwards."""
    wide, narrow = (learner_of(clip_norm=1e9) for _ in range(2))
    narrow.ranks = 2
    for learner, global_size in ((wide, 8), (narrow, 16)):
        learner.model.dropout.p = 0.0
        learner.update(batch, global_size)
    pairs = zip(wide.model.parameters(), narrow.model.parameters(), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one.grad, other.grad)


def test_dropout_is_active_whatever_mode_the_model_was_left_in(batch):
    learner = learner_of()
    learner.model.eval()
    learner.update(batch, 8)
    assert learner.model.training


@pytest.mark.parametrize(
    ("chosen", "kind"), [(Adam(1e-3), "Adam"), (AdaDelta(0.5), "Adadelta")]
)
def test_the_optimizer_is_the_recipe_s(chosen, kind):
    learner = learner_of(optimizer=chosen)
    assert type(learner.optimizer).__name__ == kind
    assert learner.learning_rate == chosen.learning_rate


def test_adadelta_s_step_is_torch_s(batch):
    learner, other = learner_of(optimizer=AdaDelta(0.5, 0.9, 1e-4)), learner_of()
    for one in (learner, other):
        one.model.dropout.p = 0.0
    reference = torch.optim.Adadelta(
        other.model.parameters(), lr=0.5, rho=0.9, eps=1e-4
    )
    logits = other.model(batch.features)
    torch.nn.functional.cross_entropy(logits, batch.labels).backward()
    torch.nn.utils.clip_grad_norm_(other.model.parameters(), RECIPE.clip_norm)
    reference.step()
    learner.update(batch, 8)
    pairs = zip(learner.model.parameters(), other.model.parameters(), strict=True)
    for one, expected in pairs:
        torch.testing.assert_close(one, expected)


def test_the_rate_rises_over_the_warm_up(batch):
    learner, rates = learner_of(warmup_steps=4), []
    for _ in range(6):
        rates.append(learner.learning_rate)
        learner.update(batch, 8)
    shares = [SLOWEST + (1 - SLOWEST) * step / 4 for step in range(4)]
    assert rates == pytest.approx([1e-2 * share for share in [*shares, 1, 1]])


def test_the_first_steps_of_a_warm_up_hardly_move(batch):
    """As opposed to a rate that begins at its height."""
    at_once = moved(learner_of(), batch, 5)
    assert moved(learner_of(warmup_steps=1000), batch, 5) < 0.02 * at_once


def test_a_warm_up_does_not_raise_a_rate_that_fell(batch):
    learner = learner_of(warmup_steps=3, schedule=Plateau(factor=0.1, patience=0))
    for _ in range(4):
        learner.update(batch, 8)
    learner.end_epoch(5.0)
    learner.end_epoch(5.0)
    learner.update(batch, 8)
    assert learner.learning_rate == pytest.approx(1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": AdaDelta()},
        {"warmup_steps": 5},
        {"schedule": Cosine()},
        {"schedule": Plateau(patience=0), "warmup_steps": 2},
        {"precision": "bf16"},
    ],
    ids=str,
)
def test_a_learner_goes_on_where_another_was(batch, changes):
    """Its optimizer's moments, its warm-up and its schedule, too."""
    first, second = learner_of(**changes), learner_of(**changes)
    for learner in (first, second):
        learner.model.dropout.p = 0.0
    for _ in range(3):
        first.update(batch, 8)
    first.end_epoch(1.0)
    second.restore(copy.deepcopy(first.state()))
    for learner in (first, second):
        for _ in range(3):
            learner.update(batch, 8)
        learner.end_epoch(1.0)
        learner.update(batch, 8)
    assert second.learning_rate == first.learning_rate
    pairs = zip(first.model.parameters(), second.model.parameters(), strict=True)
    assert all(one.equal(other) for one, other in pairs)


def test_bf16_products_come_out_in_bf16_and_the_loss_in_fp32(batch):
    learner = learner_of(precision="bf16")
    kinds = []
    learner.model.last.register_forward_hook(lambda *call: kinds.append(call[2].dtype))
    assert learner.update(batch, 8).dtype == torch.float32
    assert kinds == [torch.bfloat16]


def test_fp16_without_cuda_is_refused():
    with pytest.raises(ValueError, match="fp16 trains on CUDA only, not on cpu: use"):
        autocast("fp16", CPU)


def test_one_rank_needs_no_process_group():
    assert learner_of(Rank(0, 1)).ranks == 1
    with pytest.raises(ValueError, match="process group"):
        learner_of(Rank(0, 2))
