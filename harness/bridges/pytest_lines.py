"""pytest glue: a line a case with its result, in place of pytest's dots.

`-q` has the dots and no lines; `-v` has pytest's own line of each case, with the result
behind PASSED. JUnit's XML has the result as a property of the case.
"""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from harness.bridges.progress import Display
from harness.bridges.pytest_selection import planned_of
from harness.record.schema import Record
from harness.report.case_line import result_text

PROPERTY = "speechmark"  # of a test's report: its result in words
PRINTED = pytest.StashKey[set[str]]()  # the cases whose line stands there already
Status = tuple[str, str, str | tuple[str, dict[str, bool]]]


def display(session: pytest.Session) -> Display:
    """What shows the cases of a session, as verbosely as its user asks for."""
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    verbosity = _verbosity(session.config)
    if reporter is None or verbosity < 0:
        return Display()
    if verbosity > 0:
        return Display(write=reporter.write_line, tells_results=False)
    if len(planned_of(session.items)) == len(session.items):
        reporter.showfspath = False  # nothing would stand behind a file's name
    return Display(write=reporter.write_line, columns=columns_of(reporter))


def columns_of(reporter: Any) -> int | None:
    """Of the terminal; None where the output is none."""
    return shutil.get_terminal_size().columns if reporter.isatty else None


def note_result(item: pytest.Item, record: Record) -> None:
    """For the report of this test, and whoever reads it."""
    item.user_properties.append((PROPERTY, result_text(record)))


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport, config: pytest.Config
) -> Status | None:
    if not isinstance(report, pytest.TestReport) or report.when != "call":
        return None
    result, verbosity = dict(report.user_properties).get(PROPERTY), _verbosity(config)
    if result is None or verbosity < 0:
        return None
    printed = config.stash.setdefault(PRINTED, set())
    if verbosity == 0 and report.nodeid not in printed:
        printed.add(report.nodeid)  # pytest asks again for its summary of failures
        return report.outcome, "", ""
    if verbosity > 0 and report.passed:
        return "passed", ".", (f"PASSED {result}", {"green": True})
    return None


def _verbosity(config: pytest.Config) -> int:
    return config.get_verbosity(pytest.Config.VERBOSITY_TEST_CASES)
