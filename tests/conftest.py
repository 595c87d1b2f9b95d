"""Tests that start pytest anew: its benchmarks are no part of a run over processes."""

import os

# pytest-benchmark times nothing where it finds this, and children inherit it.
os.environ.pop("PYTEST_XDIST_WORKER", None)
