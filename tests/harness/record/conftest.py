"""A record to spoil."""

import pytest
from outcomes import TRAINING_CASE, point, record, target, training_outcome


@pytest.fixture
def plain():
    """A valid record of a training as plain values, for one thing to be spoilt."""
    ended = training_outcome(point(1, 0.9), targets=[target(0.5, None, None)])
    return record(ended, case=TRAINING_CASE).model_dump(mode="json")
