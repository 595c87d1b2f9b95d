import pytest

from workloads.separation.recipe import FINE_TUNING, FROM_SCRATCH, Recipe


def test_training_follows_the_document():
    assert FROM_SCRATCH.learning_rate == 1e-3
    assert (FROM_SCRATCH.patience, FROM_SCRATCH.stop_after) == (5, 30)


def test_fine_tuning_is_short_and_slow():
    assert FINE_TUNING.epochs < 5
    assert FINE_TUNING.learning_rate < FROM_SCRATCH.learning_rate


@pytest.mark.parametrize(
    "field", ["batch_size", "epochs", "patience", "stop_after", "segment_s"]
)
def test_an_impossible_number_is_refused(field):
    with pytest.raises(ValueError, match=f"^{field} is 0: give more than 0$"):
        Recipe(**{field: 0})


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="precision 'int8' is unknown: use fp32 or bf"):
        Recipe(precision="int8")
