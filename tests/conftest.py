"""Tests that start pytest anew, and tests beside others."""

import os
import sys

# pytest-benchmark times nothing where it finds this, and children inherit it.
IS_BESIDE_OTHERS = os.environ.pop("PYTEST_XDIST_WORKER", None) is not None


def pytest_runtest_setup() -> None:
    """Where there is a process for each core already, threads of theirs would only wait
    for one another."""
    torch = sys.modules.get("torch")
    if IS_BESIDE_OTHERS and torch is not None and torch.get_num_threads() > 1:
        torch.set_num_threads(1)
