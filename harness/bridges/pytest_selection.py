"""pytest glue: the option `--cases`, and what is said where no case is selected."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.plan import Planned
from harness.selection import Selection, SelectionError

KNOWN = pytest.StashKey[list[str]]()  # the ids of all cases, selected or not


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("speechmark").addoption(
        "--cases",
        action="append",
        default=[],
        metavar="GLOB",
        help="only cases whose whole id matches: 'asr-decoding/*beam=64*'; give it "
        "again for more (-k takes expressions, which hold no '=')",
    )


def pytest_configure(config: pytest.Config) -> None:
    try:
        _selection(config).check()
    except SelectionError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Before pytest's `-k`, so that all cases are known."""
    cases = planned_of(items)
    config.stash[KNOWN] = [planned.case.id for _, planned in cases]
    globs = Selection(globs=_selection(config).globs)
    if not globs.globs:
        return
    kept = [item for item, one in cases if globs.takes(one.case.id)]
    left_out = [item for item in items if item not in kept]
    items[:] = kept
    try:
        _check(globs, config)
    except pytest.UsageError:
        items.clear()  # pytest calls the next hook all the same
        raise
    config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish(session: pytest.Session) -> None:
    """pytest itself would say no more than how many are deselected."""
    if session.config.stash.get(KNOWN, []) and not session.items:
        _check(_selection(session.config), session.config)


def planned_of(items: Sequence[pytest.Item]) -> list[tuple[pytest.Item, Planned]]:
    """The items that are cases, with these."""
    calls = [(item, getattr(item, "callspec", None)) for item in items]
    return [(i, c.params["planned"]) for i, c in calls if c and "planned" in c.params]


def _selection(config: pytest.Config) -> Selection:
    return Selection(config.option.keyword, tuple(config.getoption("cases")))


def _check(selection: Selection, config: pytest.Config) -> None:
    known: list[str] = config.stash[KNOWN]
    try:
        selection.of(known, str, config.getoption("profile"))
    except SelectionError as error:
        raise pytest.UsageError(str(error)) from None
