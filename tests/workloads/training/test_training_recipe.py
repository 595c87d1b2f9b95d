"""What a recipe refuses."""

from dataclasses import replace

import pytest
from tiny_task import RECIPE

from workloads.training.recipe import PRECISIONS


@pytest.mark.parametrize("precision", PRECISIONS)
def test_known_precisions_are_taken(precision):
    assert replace(RECIPE, precision=precision).precision == precision


def test_an_unknown_precision_is_refused_with_those_that_are_known():
    expected = "^precision 'int8' is unknown: use fp32, bf16, fp16$"
    with pytest.raises(ValueError, match=expected):
        replace(RECIPE, precision="int8")


@pytest.mark.parametrize("field", ["batch_size", "epochs", "clip_norm"])
@pytest.mark.parametrize("value", [0, -1])
def test_an_impossible_number_is_refused(field, value):
    with pytest.raises(ValueError, match=f"^{field} is {value}: give more than 0$"):
        replace(RECIPE, **{field: value})
