"""pytest glue: one table of what was measured, the suite's own.

pytest-benchmark's is of single samples, whatever input they are of, and would show
other numbers of the same cases beside it. Whoever asks for it by one of its options has
it, with a line that says how the two differ. It keeps benchmarks that are no cases.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Generator
from typing import Any

import pytest

from harness.bridges.result_json import is_ours

ASK_FOR_IT = frozenset(
    f"--benchmark-{name}"
    for name in (
        *("columns", "sort", "group-by", "name", "time-unit", "histogram"),
        *("compare", "compare-fail", "cprofile", "verbose"),
    )
)
DIFFERENCE = (
    "above: pytest-benchmark's tables, of single samples; below: ms/step is the median "
    "over passes through all inputs of the mean step, averaged over processes"
)

Groups = list[tuple[str | None, list[dict[str, Any]]]]


@pytest.hookimpl(wrapper=True)
def pytest_benchmark_group_stats(
    config: pytest.Config,
) -> Generator[None, Groups, Groups]:
    groups = yield
    if is_asked_for(config):
        return groups
    others = [
        (name, [one for one in some if not is_ours(one["extra_info"])])
        for name, some in groups
    ]
    return [(name, some) for name, some in others if some]


def is_asked_for(config: pytest.Config) -> bool:
    """On the command line, or where pytest takes further options from."""
    given = (
        *map(str, config.invocation_params.args),
        *shlex.split(os.environ.get("PYTEST_ADDOPTS", "")),
        *config.getini("addopts"),
    )
    return any(one.partition("=")[0] in ASK_FOR_IT for one in given)
