"""Which code is the suite, what its digest holds, and that workers run exactly it."""

import ast
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from harness import suite
from harness.suite import SUITE, LoadedCode


def lay_out(folder):
    """A small suite."""
    for name in ("harness/report", "harness/measure", "workloads/a/weights"):
        (folder / name).mkdir(parents=True)
    for name in ("harness", "workloads", "benchmarks"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "__init__.py").touch()
    (folder / "harness" / "measure" / "run.py").write_text("x = 1\n")
    (folder / "harness" / "report" / "page.py").write_text("x = 1\n")
    (folder / "workloads" / "a" / "weights" / "a.safetensors").write_bytes(b"\x00\r\n")
    (folder / "README.md").write_text("read me\n")
    return folder


@pytest.fixture
def small(tmp_path):
    return lay_out(tmp_path / "small")


def digest(folder):
    return suite.digest_of(suite.file_digests(folder))


@pytest.mark.parametrize(
    "name", ["README.md", "tests/test_x.py", "harness/report/page.py", "harness/a.pyc"]
)
def test_what_measures_nothing_leaves_the_digest_as_it_was(small, name):
    before = digest(small)
    (small / name).parent.mkdir(exist_ok=True)
    (small / name).write_text("changed\n")
    assert digest(small) == before


@pytest.mark.parametrize(
    "name",
    [
        "harness/measure/run.py",
        "harness/new.py",
        "benchmarks/bench_a.py",
        "workloads/a/words.txt",
        "workloads/a/weights/a.safetensors",
    ],
)
def test_any_code_or_data_that_measures_changes_the_digest(small, name):
    before = digest(small)
    (small / name).write_text("changed\n")
    assert digest(small) != before


def test_a_renamed_file_changes_the_digest(small):
    before = digest(small)
    path = small / "harness" / "measure" / "run.py"
    path.rename(path.with_name("ran.py"))
    assert digest(small) != before


def test_line_ends_of_code_are_no_difference_and_those_of_data_are(small):
    before = digest(small)
    (small / "harness" / "measure" / "run.py").write_bytes(b"x = 1\r\n")
    assert digest(small) == before
    (small / "workloads/a/weights/a.safetensors").write_bytes(b"\x00\n")
    assert digest(small) != before


def test_a_copy_of_the_suite_elsewhere_has_its_digest(tmp_path):
    for name in suite.PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(SUITE / name, tmp_path / name, ignore=ignored)
    assert digest(tmp_path) == suite.code_digest()


def test_all_that_is_left_out_is_there():
    assert [name for name in suite.LEFT_OUT if not (SUITE / name).exists()] == []


# Measuring modules import these all the same: asv's classes stand in the files of
# cases, and pytest's bridge selects cases, draws progress, and tables once all is
# measured.
SHOWN = {
    "harness/bridges/asv.py",
    "harness/bridges/progress.py",
    "harness/bridges/pytest_lines.py",
    "harness/bridges/pytest_selection.py",
    "harness/bridges/pytest_table.py",
    "harness/report/summary.py",
}


def names_in(tree):
    """Dotted names that a module imports, or has others import by an entry's name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            entry = re.fullmatch(
                r"((?:harness|benchmarks|workloads)\.[\w.]+):\w+", node.value
            )
            if entry:
                yield entry[1]


def modules_of(path):
    """The suite's modules that a file imports, as paths under the suite."""
    for name in set(names_in(ast.parse(path.read_text()))):
        base = SUITE / name.replace(".", "/")
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.is_file() and SUITE in file.parents:
                yield file.relative_to(SUITE).as_posix()


def test_no_measuring_module_imports_one_that_is_left_out():
    measuring = {name for name in suite.file_digests() if name.endswith(".py")}
    imported = {name: set(modules_of(SUITE / name)) for name in measuring}
    unseen = {name: found - measuring - SHOWN for name, found in imported.items()}
    assert {name: found for name, found in unseen.items() if found} == {}
    assert "harness/measure/watch.py" in imported["harness/measure/run.py"]
    assert "harness/observe/roofline.py" in imported["harness/measure/run.py"]


def test_what_shows_results_is_imported_by_whom_it_is_excused_for_alone():
    by = {
        name
        for name in suite.file_digests()
        if name.endswith(".py") and SHOWN & set(modules_of(SUITE / name))
    }
    cases = {name for name in by if name.startswith("benchmarks/bench_")}
    assert by - cases == {"harness/bridges/pytest.py"}


@pytest.mark.parametrize(
    "name",
    [
        "harness/beside/held.py",
        "harness/measure/neighbour.py",
        "harness/measure/power.py",
        "harness/measure/sensing.py",
        "harness/measure/tool_turns.py",
        "harness/observe/look.py",
        "harness/record/host.py",
    ],
)
def test_trials_of_the_measuring_and_tables_are_no_other_work(name):
    assert (SUITE / name).is_file()
    assert name not in suite.file_digests()


def test_every_kind_of_data_that_workloads_ship_is_in_the_digest():
    project = tomllib.loads((SUITE / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["workloads"]
    assert all(fnmatch.filter(suite.SUFFIXES, p.rpartition("*")[2]) for p in patterns)


def test_a_process_imports_the_suite_that_it_is_stated_and_nothing_from_where_it_stands(
    small, tmp_path
):
    here = tmp_path / "here"
    lay_out(here)
    (here / "statistics.py").write_text("raise RuntimeError('a stranger')\n")
    environment = {**os.environ, **suite.python_environment(small, {"PYTHONPATH": ":"})}
    code = "import statistics, harness, workloads; print(harness.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=here,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()) == small / "harness" / "__init__.py"


def test_of_a_users_import_path_stays_what_holds_no_suite(small, tmp_path):
    paths = ("", "relative", str(tmp_path), str(lay_out(tmp_path / "other")))
    found = suite.python_environment(small, {"PYTHONPATH": os.pathsep.join(paths)})
    assert found["PYTHONPATH"].split(os.pathsep) == [str(small), str(tmp_path)]


def test_an_installed_suite_does_not_come_before_the_standard_library(monkeypatch):
    monkeypatch.setattr(suite, "_site_folders", lambda: {"/site-packages"})
    found = suite.python_environment(Path("/site-packages"), {})
    assert found["PYTHONPATH"] == ""


def ran(**changes):
    """The code of a worker that ran this suite's, but for the changes."""
    return replace(LoadedCode(str(SUITE), suite.code_digest()), **changes)


def test_a_worker_that_ran_this_code_is_believed():
    assert suite.other_code(ran()) is None
    assert suite.other_code(suite.loaded()) is None


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"folder": "/other"}, "ran code in /other, not the suite's in"),
        ({"elsewhere": ("/x",)}, f"ran code in {SUITE}, /x, not the suite's in"),
        ({"digest": "0" * 16}, "was changed during the run (digest 0000000000000000"),
    ],
)
def test_a_worker_that_ran_other_code_is_found(changes, text):
    assert text in suite.other_code(ran(**changes))


def test_modules_from_another_suite_are_found(small, monkeypatch):
    from types import ModuleType

    for name, file in (
        ("workloads.a", "workloads/a/__init__.py"),
        ("workloads.b", "workloads/b.py"),
    ):
        module = ModuleType(name)
        module.__file__ = str(small / file)
        monkeypatch.setitem(sys.modules, name, module)
    assert suite.loaded_elsewhere() == [str(small)]


def test_a_folder_in_another_checkout_is_set_apart_from_one_in_this(small, tmp_path):
    assert suite.other_checkout(small / "workloads" / "a") == small
    assert suite.other_checkout(SUITE / "harness") is None
    assert suite.other_checkout(tmp_path) is None
