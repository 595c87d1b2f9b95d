"""pytest glue: options, cases as parameters, the worker's times in pytest-benchmark.

A benchmark module declares WORKLOADS and a test that asks for `planned` and `measure`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from harness import profile as profiles
from harness import run_session
from harness.bridges import pytest_lines, pytest_selection, pytest_table
from harness.bridges.progress import Display
from harness.bridges.pytest_options import add_options
from harness.bridges.pytest_selection import planned_of
from harness.bridges.result_json import write_result
from harness.case import Case
from harness.plan import Measure, Planned, declared, plan
from harness.record.journal import JournalError
from harness.record.result import document
from harness.record.schema import Record
from harness.report.summary import summary_text
from harness.run_session import RunSession
from harness.suite import other_checkout, other_checkout_text
from harness.workload_files import name_files

SESSION = pytest.StashKey[RunSession]()
DISPLAY = pytest.StashKey[Display]()


class SampleClock:
    """A timer that shows pytest-benchmark the samples that a worker drew.

    pytest-benchmark reads its timer before and after each round: 0, then the sample.
    """

    def __init__(self) -> None:
        self._now_s = 0.0

    def __call__(self) -> float:
        return self._now_s

    def reset(self) -> None:
        self._now_s = 0.0

    def show(self, sample_s: float) -> None:
        self._now_s = sample_s


CLOCK = SampleClock()


def pytest_addoption(
    parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager
) -> None:
    add_options(parser)
    for plugin in (pytest_selection, pytest_lines, pytest_table):
        pluginmanager.register(plugin)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Open the results folder before pytest-benchmark reads where to write."""
    try:
        name_files(config.getoption("workload") or ())
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    if not _measures(config):
        return
    _check_options(config)
    if other := other_checkout(config.rootpath):
        raise pytest.UsageError(other_checkout_text(other))
    try:
        session = run_session.begin(
            profile=config.getoption("profile"),
            hardware=config.getoption("hardware") or ["cpu"],
            data_root=config.getoption("data_root"),
            results=config.getoption("results"),
            resume=config.getoption("resume"),
            seed=config.getoption("seed"),
            env=config.getoption("env") or (),
            accuracy=config.getoption("accuracy"),
            result=config.option.benchmark_json,
        )
    except (ValueError, JournalError) as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[SESSION] = session
    config.option.benchmark_json = None  # written by `write_result`, whole


def _check_options(config: pytest.Config) -> None:
    """What pytest-benchmark would find out after the last case."""
    option = config.option
    if option.benchmark_compare_fail and not option.benchmark_compare:
        raise pytest.UsageError(
            "--benchmark-compare-fail compares with an earlier run: add "
            "--benchmark-compare"
        )
    if option.benchmark_histogram and find_spec("pygal") is None:
        raise pytest.UsageError(
            "--benchmark-histogram needs pygal: pip install pytest-benchmark[histogram]"
        )


def _measures(config: pytest.Config) -> bool:
    if config.option.collectonly or config.option.help or config.option.version:
        return False
    if hasattr(config, "workerinput") or getattr(config.option, "numprocesses", None):
        return False  # cases share the machine: they never run side by side
    return bool(config.getoption("benchmark_only")) or _only_benchmarks(config)


def _only_benchmarks(config: pytest.Config) -> bool:
    """Whether the user named benchmark files alone."""
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        return False
    here, root = config.invocation_params.dir, config.rootpath / "benchmarks"
    paths = [here / arg.split("::")[0] for arg in config.args]
    return all(path.is_relative_to(root) for path in paths)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`pytest` runs the tests; `pytest --benchmark-only` runs the benchmarks."""
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        return None
    unwanted = "tests" if config.getoption("benchmark_only") else "benchmarks"
    return True if collection_path == config.rootpath / unwanted else None


def pytest_report_header(config: pytest.Config) -> list[str]:
    return config.stash[SESSION].warnings() if SESSION in config.stash else []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "planned" not in metafunc.fixturenames:
        return
    profile = metafunc.config.getoption("profile")
    hardware = metafunc.config.getoption("hardware") or ["cpu"]
    try:
        profiles.find(profile)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    try:
        workloads = declared(metafunc.module)
    except AttributeError as error:
        raise pytest.Collector.CollectError(str(error)) from None
    cases = plan(workloads, profile, hardware)
    marks = [
        pytest.mark.benchmark(timer=CLOCK, group=planned.workload.name)
        for planned in cases
    ]
    metafunc.parametrize(
        "planned",
        [
            pytest.param(planned, id=planned.case.id, marks=mark)
            for planned, mark in zip(cases, marks, strict=True)
        ],
    )


def pytest_collection_finish(session: pytest.Session) -> None:
    ours = planned_of(session.items)
    planned = [one for _, one in ours]
    names = {one.case.id: item.nodeid for item, one in ours}
    if len(names) < len(ours):
        raise pytest.UsageError(_twice([one.case for one in planned]))
    if SESSION not in session.config.stash:
        return
    expected = session.config.stash[SESSION].expectations.planned(planned)
    display = session.config.stash[DISPLAY] = pytest_lines.display(session)
    display.begin(expected)
    try:
        session.config.stash[SESSION].plan(names)
    except JournalError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Before the first case: not where tests could not be collected."""
    stash = session.config.stash
    if SESSION not in stash or session.testsfailed:
        return
    planned = [one for _, one in planned_of(session.items)]
    said = stash[SESSION].make_ahead(planned, stash[DISPLAY].making)
    stash[DISPLAY].pause()
    reporter: Any = session.config.pluginmanager.getplugin("terminalreporter")
    for line in said if reporter is not None else ():  # -p no:terminal
        reporter.write_line(line)


def _twice(cases: list[Case]) -> str:
    """What to do about two workloads of one name."""
    names = {case.workload for case, count in Counter(cases).items() if count > 1}
    return (
        f"more than one workload is called {', '.join(sorted(names))}: rename that of "
        "--workload, or of the package beside the suite"
    )


@pytest.fixture
def measure(request: pytest.FixtureRequest, benchmark: Any) -> Measure:
    """Run one planned case, and show its samples to pytest-benchmark."""
    config = request.config
    if SESSION not in config.stash:
        pytest.skip("benchmarks run one at a time: use pytest --benchmark-only")

    def run(planned: Planned) -> None:
        capture = config.pluginmanager.getplugin("capturemanager")
        display = config.stash[DISPLAY]
        with capture.global_and_fixture_disabled():
            try:
                listener = display.listener(planned)
                record = config.stash[SESSION].record_of(planned, listener)
            except JournalError as error:
                display.pause()
                pytest.exit(str(error), returncode=pytest.ExitCode.INTERNAL_ERROR)
            display.end(record)
        pytest_lines.note_result(request.node, record)
        if record.status == "skipped":
            pytest.skip(record.reason or "")
        if record.status == "failed":
            pytest.fail(record.reason or "", pytrace=False)
        show_samples(benchmark, record)

    return run


def show_samples(benchmark: Any, record: Record) -> None:
    """As rounds of pytest-benchmark; the record goes into its JSON beside them."""
    assert record.timing is not None
    samples: Iterator[float] = chain.from_iterable(record.timing.samples_s)
    rounds = sum(map(len, record.timing.samples_s))
    benchmark.extra_info.update(record.model_dump(mode="json"))
    benchmark.params = {"case": record.case_id}  # else each holds its whole workload
    benchmark.pedantic(
        lambda: CLOCK.show(next(samples, 0.0)),  # --benchmark-cprofile calls it more
        setup=CLOCK.reset,
        rounds=rounds,
        iterations=1,
    )


def pytest_benchmark_update_machine_info(
    config: pytest.Config, machine_info: dict[str, Any]
) -> None:
    if SESSION in config.stash:
        machine_info["speechmark"] = config.stash[SESSION].machine_info


@pytest.hookimpl(trylast=True)
def pytest_benchmark_update_commit_info(
    config: pytest.Config, commit_info: dict[str, Any]
) -> None:
    """The suite's own: pytest-benchmark asks git about the working folder, and a hook
    may point git at any."""
    if SESSION in config.stash:
        found = config.stash[SESSION].machine_info
        if commit_info.get("id") != found.get("git_commit"):
            commit_info.clear()
        commit_info |= {"id": found.get("git_commit"), "dirty": found.get("git_dirty")}


def pytest_benchmark_update_json(
    config: pytest.Config, output_json: dict[str, Any]
) -> None:
    if SESSION in config.stash:
        session = config.stash[SESSION]
        output_json["speechmark"] = document(session.run_info, session.records)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Write the result, however pytest-benchmark ends."""
    stash = session.config.stash
    if DISPLAY in stash:
        stash[DISPLAY].pause()
    try:
        return (yield)
    finally:
        if SESSION in stash:
            ours = stash[SESSION]
            ours.finish(partial(write_result, session.config, ours))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: Any, config: pytest.Config
) -> Iterator[None]:
    """Below all that others have to say, also where that ends by an error: the last
    lines are what a user looks for."""
    try:
        return (yield)
    finally:
        if SESSION in config.stash:
            session = config.stash[SESSION]
            if session.records:
                columns = pytest_lines.columns_of(terminalreporter)
                if pytest_table.is_asked_for(config):
                    terminalreporter.write_line(pytest_table.DIFFERENCE)
                terminalreporter.write_line(summary_text(session.records, columns))
            for line in (*session.warnings(), session.closing_line()):
                terminalreporter.write_line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    if SESSION in config.stash:
        config.stash[SESSION].close()
