"""A pytest entry point that explains one trap of folder options.

pytest looks for its root before it knows the options of a conftest.py, and takes the
value of an option it does not know for a test path if it exists: with
`--data-root DIR` the root becomes DIR, where nothing of this suite is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

OPTIONS = ("--data-root", "--results", "--workload")
PROJECT = Path(__file__).parents[2]


def pytest_load_initial_conftests(
    early_config: pytest.Config, args: Sequence[str]
) -> None:
    here = early_config.invocation_params.dir
    if here != PROJECT or early_config.rootpath == PROJECT:
        return
    for option, value in pairwise(args):
        if option in OPTIONS:
            raise pytest.UsageError(
                f"write {option}={value}, with '=' in place of the space: pytest takes "
                f"{value} for its root folder otherwise"
            )
