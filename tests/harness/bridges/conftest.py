"""A project to measure in."""

from __future__ import annotations

import pytest
from measuring_runs import HASTE, lay_out


@pytest.fixture
def bench(pytester: pytest.Pytester) -> pytest.Pytester:
    lay_out(pytester.path)
    pytester.makeconftest(HASTE)
    return pytester
