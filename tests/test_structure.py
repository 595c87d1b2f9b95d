"""How the house is built: who may import whom, and how long things may get."""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("basics", "harness", "workloads", "benchmarks", "tests")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
BASICS = [path for path in FILES if (ROOT / "basics") in path.parents]
HARNESS = [path for path in FILES if (ROOT / "harness") in path.parents]
WORKLOADS = [path for path in FILES if (ROOT / "workloads") in path.parents]
FILE_LINES = 400
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


def test_an_import_that_runs_is_set_apart_from_one_that_may_never():
    tree = ast.parse(
        "try:\n    import one\nexcept ImportError:\n    pass\n"
        "if TYPE_CHECKING:\n    import two\n"
        "def f():\n    import three\n"
        "class C:\n    from four.five import six\n"
    )
    assert list(imported(run_on_import(tree))) == ["one", "four"]


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def dotted_names(tree):
    """What import statements name, in functions and for types alone as well."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def circle(trees):
    """Modules of which each imports the next, from one back to itself; none where
    there is no such circle. `trees` has the syntax trees by the modules' names."""
    imports = {
        module: {target(name, trees) for name in dotted_names(tree)} - {None}
        for module, tree in trees.items()
    }
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def target(name, modules):
    """The module that is imported: "a.b" itself, or what "b" is taken from."""
    return next(
        (one for one in (name, name.rpartition(".")[0]) if one in modules), None
    )


def test_no_module_imports_itself_by_way_of_others():
    assert circle({module_of(path): parsed(path) for path in FILES}) == []


@pytest.mark.parametrize(
    "back",
    [
        "from a import one",
        "import a.one",
        "def f():\n    from a.one import f",
        "if TYPE_CHECKING:\n    from a.one import f",
    ],
)
def test_a_circle_is_found_wherever_the_import_stands(back):
    sources = {"a": "", "a.one": "from a.two import f", "a.two": "import b", "b": back}
    trees = {module: ast.parse(source) for module, source in sources.items()}
    found = circle(trees)
    assert found[0] == found[-1]
    assert set(found) == {"a.one", "a.two", "b"}
    assert circle(trees | {"b": ast.parse("from a import other")}) == []


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
