import pytest

from workloads.compression.known import parse
from workloads.separation.dataset import Separation
from workloads.separation.sizes import SIZES, is_small
from workloads.separation.task import FINE_TUNING, FROM_SCRATCH, SEPARATION
from workloads.training.recipe import Adam


def test_training_follows_the_paper(conv, pairs):
    recipe = SEPARATION.recipe(conv, pairs)
    assert recipe == FROM_SCRATCH == SEPARATION.timed_recipe(conv, pairs, "quick")
    assert recipe.optimizer == Adam(1e-3)
    assert (recipe.schedule.factor, recipe.schedule.threshold) == (0.5, 0.0)
    assert recipe.schedule.patience == 4  # and one: it is halved after five epochs
    assert (recipe.stop_after, recipe.clip_norm) == (30, 5.0)
    assert recipe.own == Separation(segment_s=4.0, remix=True)


def test_fine_tuning_is_short_and_slow(conv, pairs):
    recipe = SEPARATION.recipe(conv, pairs, parse("tucker-30"))
    assert recipe == FINE_TUNING
    assert recipe.epochs < 5
    assert recipe.optimizer.learning_rate < FROM_SCRATCH.optimizer.learning_rate
    assert recipe.own == FROM_SCRATCH.own


@pytest.mark.parametrize("name", SIZES)
def test_full_sizes_train_on_more(name):
    """40 minutes or 8 hours of mixtures."""
    seconds = SEPARATION.train_s(SIZES[name])
    assert seconds == (2_400 if is_small(SIZES[name]) else 28_800)


def test_no_length_of_stretches_is_refused():
    with pytest.raises(ValueError, match=r"^segment_s is 0: give more"):
        Separation(segment_s=0)
