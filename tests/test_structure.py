"""How the house is built: who may import whom, and how long things may get."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("basics", "harness", "workloads", "benchmarks", "tests")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
BASICS = [path for path in FILES if (ROOT / "basics") in path.parents]
HARNESS = [path for path in FILES if (ROOT / "harness") in path.parents]
WORKLOADS = [path for path in FILES if (ROOT / "workloads") in path.parents]
FILE_LINES = 500
FUNCTION_LINES = 60


@cache
def parsed(path):
    return ast.parse(path.read_text(), str(path))


def name(path):
    return str(path.relative_to(ROOT))


def imported(nodes):
    """The packages that import statements name, by their first word."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0]


def run_on_import(tree):
    """Every statement but those in functions and under TYPE_CHECKING."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from run_on_import(node)


def test_the_house_has_rooms():
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(PACKAGES)


@pytest.mark.parametrize("path", BASICS, ids=name)
def test_basics_know_nothing_of_the_project(path):
    assert not set(PACKAGES) & set(imported(ast.walk(parsed(path)))) - {"basics"}


@pytest.mark.parametrize("path", HARNESS, ids=name)
def test_the_harness_knows_no_workload(path):
    unwanted = {"workloads", "benchmarks", "tests"}
    assert not unwanted & set(imported(ast.walk(parsed(path))))


@pytest.mark.parametrize("path", WORKLOADS, ids=name)
def test_workloads_know_no_clock_no_pytest_and_no_harness(path):
    unwanted = {"harness", "benchmarks", "tests", "pytest", "time"}
    assert not unwanted & set(imported(ast.walk(parsed(path))))


@pytest.mark.parametrize("path", HARNESS, ids=name)
def test_the_harness_loads_no_torch_before_its_caps_are_set(path):
    assert not {"torch", "torchaudio"} & set(imported(run_on_import(parsed(path))))


def test_an_import_that_runs_is_told_from_one_that_may_never():
    tree = ast.parse(
        "try:\n    import one\nexcept ImportError:\n    pass\n"
        "if TYPE_CHECKING:\n    import two\n"
        "def f():\n    import three\n"
        "class C:\n    from four.five import six\n"
    )
    assert list(imported(run_on_import(tree))) == ["one", "four"]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_is_short_enough_to_read_at_once(path):
    assert len(path.read_text().splitlines()) <= FILE_LINES


@pytest.mark.parametrize("path", FILES, ids=name)
def test_functions_are_short_enough_to_hold_in_mind(path):
    functions = [
        node
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in functions}
    assert not {f: n for f, n in lengths.items() if n > FUNCTION_LINES}
