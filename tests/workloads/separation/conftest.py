"""Separators so small that a test can train them."""

import pytest
from separators import CONV, DPT, LSTM

from workloads.separation.sizes import (
    ConvTasNetSize,
    DptNetSize,
    LstmTasNetSize,
    Size,
)


@pytest.fixture(params=[CONV, LSTM, DPT], ids=lambda size: size.name)
def tiny(request: pytest.FixtureRequest) -> Size:
    """Each architecture in turn."""
    size: Size = request.param
    return size


@pytest.fixture(scope="session")
def conv() -> ConvTasNetSize:
    return CONV


@pytest.fixture(scope="session")
def lstm() -> LstmTasNetSize:
    return LSTM


@pytest.fixture(scope="session")
def dpt() -> DptNetSize:
    return DPT
