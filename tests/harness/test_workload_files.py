"""Workloads of users' files and of other packages."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from basics import user_files
from basics.user_files import VARIABLE
from harness import workload_files
from harness.measure.worker import name_of, resolve
from harness.plan import modules_elsewhere
from harness.workload_files import GROUP, code_facts, module_of, name_files


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No workloads but those of a test, of which nothing stays loaded."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(user_files, "_files", {})
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]
    os.environ.pop(VARIABLE, None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "users_workload.py"
    path.write_text("WORKLOADS = ('theirs',)\n\n\ndef build(context): return context\n")
    return path


def names() -> list[str]:
    return [one for module in modules_elsewhere() for one in module.WORKLOADS]


def test_without_any_there_are_none() -> None:
    assert modules_elsewhere() == []


def test_a_named_file_is_found_once_here_and_by_child_processes(file: Path) -> None:
    name_files([file])
    name_files([file])
    assert names() == ["theirs"]
    assert os.environ[VARIABLE] == str(file)


@pytest.mark.parametrize("name", ["gone.py", "a_folder", "notes.txt"])
def test_what_is_no_python_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "a_folder").mkdir()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match=rf"--workload .*{name}: expected a Python f"):
        name_files([tmp_path / name])


def test_a_broken_file_is_named_with_its_line_and_leaves_the_others(
    file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken_workload.py"
    broken.write_text("import sys\n\nWORKLOADS = (undefined,)\n")
    name_files([broken, file])
    assert names() == ["theirs"]
    assert f"{broken}:3: NameError: name 'undefined' is not defined; correct it" in (
        caplog.text
    )


def test_a_files_name_must_be_no_other_modules(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "statistics.py"
    path.write_text("WORKLOADS = ()\n")
    name_files([path])
    assert modules_elsewhere() == []
    assert "is called statistics too: rename statistics.py" in caplog.text


def test_a_files_folder_hides_no_module(file: Path) -> None:
    file.with_name("this.py").write_text("raise RuntimeError('of the user')\n")
    module_of(str(file))
    assert sys.path[-1] == str(file.parent)
    assert "of the user" not in (module_of("this").__doc__ or "")


def test_another_process_finds_a_function_of_a_file_by_its_path(file: Path) -> None:
    build = module_of(str(file)).build
    name = name_of(build)
    assert name == f"{file}:build"
    assert resolve(name) is build


def test_a_record_tells_the_code_of_a_file_and_none_of_the_suites(file: Path) -> None:
    before = code_facts(str(file))
    assert set(before) == {"workload_sha256"}
    file.write_text("WORKLOADS = ()\n")
    assert code_facts(str(file)) != before
    assert code_facts("benchmarks.bench_separation") == {}


def test_a_package_names_its_workloads_by_an_entry_point(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    points = [
        EntryPoint("good", "users_workload", GROUP),
        EntryPoint("bad", "no_such_package.workload", GROUP),
    ]
    monkeypatch.setattr(workload_files, "entry_points", lambda group: points)
    monkeypatch.syspath_prepend(file.parent)
    assert names() == ["theirs"]
    assert f"bad of {GROUP} is left out, and nothing else: " in caplog.text
    assert name_of(module_of("users_workload").build) == "users_workload:build"
