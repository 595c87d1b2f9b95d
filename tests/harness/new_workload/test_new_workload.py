"""A workload that the command wrote is one that runs, is judged, and is clean."""

from __future__ import annotations

import os
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import cli
from harness.new_workload.command import LONGEST, TEMPLATES
from harness.record.result import load
from workloads.corpora.faults import AbsentError
from workloads.task import DataRequest

PROJECT = Path(__file__).parents[3]
PACKAGES = ("basics", "harness", "workloads", "benchmarks")
NAME, MODULE = "keyword-spotting", "keyword_spotting"
NAMES = (NAME, "a", "z" * LONGEST)
# Of ruff, and what it says where nothing is wrong.
CHECKS = [
    (("check",), "All checks passed"),
    (("format", "--check"), "already formatted"),
]
WRITTEN = {path.format(module=MODULE) for path in TEMPLATES.values()}


def invoke(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli.main, ["new-workload", *map(str, arguments)])
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the suite, into which workloads of several names were written."""
    copy = tmp_path_factory.mktemp("checkout")
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / package, copy / package, ignore=ignored)
    for file in ("pyproject.toml", "conftest.py"):
        shutil.copy(PROJECT / file, copy)
    for name in NAMES:
        status, printed = invoke(name, "--into", copy)
        assert status == 0, printed
    return copy


def run(folder: Path, cache: Path, *arguments: object, **more: str) -> str:
    """What a command of Python prints in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "SPEECHMARK_CACHE": str(cache), **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_smoke(folder: Path, cache: Path, *options: str) -> None:
    """Its smoke cases are measured, and the trained model is judged."""
    smoke = ("pytest", "--benchmark-only", "--profile=smoke", "-k", NAME)
    run(folder, cache, *smoke, f"--results={cache}", *options)
    (path,) = cache.glob("*.json")
    records = {record.workload: record for record in load(path).records}
    assert set(records) == {NAME, f"{NAME}-training"}
    assert all(record.status == "ok" for record in records.values()), records
    accuracy = records[NAME].accuracy
    assert accuracy is not None
    assert accuracy.metrics["error_rate"].value < 0.3
    tta = records[f"{NAME}-training"].tta
    assert tta is not None
    assert tta.targets[0].reached


def test_a_workload_is_a_benchmark_file_a_folder_and_its_test(checkout: Path) -> None:
    found = {path for path in WRITTEN if (checkout / path).is_file()}
    assert found == WRITTEN
    assert (checkout / "benchmarks" / "bench_a.py").is_file()


def test_what_is_to_be_replaced_is_marked_in_each_file(checkout: Path) -> None:
    for path in WRITTEN:
        assert "replace" in (checkout / path).read_text().lower(), path


def test_it_trains_is_measured_and_judged_as_written(
    checkout: Path, tmp_path: Path
) -> None:
    train = ("workloads.train", "--model", f"{NAME}-small", "--ship")
    printed = run(checkout, tmp_path, *train)
    weights = checkout / "workloads" / MODULE / "weights" / f"{NAME}-small.safetensors"
    assert printed.splitlines()[-1] == str(weights)
    check_smoke(checkout, tmp_path)


def test_its_own_tests_pass(checkout: Path, tmp_path: Path) -> None:
    printed = run(checkout, tmp_path, "pytest", "-q", f"tests/workloads/{MODULE}")
    assert "4 passed" in printed


@pytest.mark.parametrize(("check", "found"), CHECKS)
def test_it_is_clean_whatever_its_name(
    checkout: Path, tmp_path: Path, check: Sequence[str], found: str
) -> None:
    """Lines are as long and imports in such an order as the name makes them."""
    assert found in run(checkout, tmp_path, "ruff", *check, ".")


@pytest.mark.slow
def test_its_types_are_right(checkout: Path, tmp_path: Path) -> None:
    code = sorted(path for path in WRITTEN if not path.startswith("tests"))
    assert "no issues found in" in run(checkout, tmp_path, "mypy", *code)


@pytest.mark.parametrize(("check", "found"), CHECKS)
def test_a_file_of_ones_own_is_clean(
    tmp_path: Path, check: Sequence[str], found: str
) -> None:
    file = tmp_path / "own_spotting.py"
    assert invoke(NAME, "--file", file)[0] == 0
    assert found in run(PROJECT, tmp_path, "ruff", *check, file)


@pytest.mark.slow
def test_a_file_of_ones_own_trains_and_is_measured_beside_the_suite(
    tmp_path: Path,
) -> None:
    file, cache = tmp_path / "own_spotting.py", tmp_path / "cache"
    status, printed = invoke(NAME, "--file", file)
    assert status == 0, printed
    cache.mkdir()
    train = ("workloads.train", "--model", f"{NAME}-small")
    run(PROJECT, cache, *train, SPEECHMARK_WORKLOADS=str(file))
    check_smoke(PROJECT, cache, f"--workload={file}")


def test_the_next_commands_stand_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    train = f"python -m workloads.train --model {NAME}-small"
    _, printed = invoke(NAME, "--file", file)
    assert printed.splitlines() == [
        f"wrote {file}",
        "next:",
        f"    SPEECHMARK_WORKLOADS={file} {train}",
        f"    pytest --benchmark-only --profile=quick -k {NAME} --workload={file}",
        f"    speechmark plan -k {NAME} --workload={file}",
    ]


def test_a_path_with_spaces_is_one_word_of_the_next_commands(tmp_path: Path) -> None:
    file = tmp_path / "my workloads" / "own.py"
    _, printed = invoke(NAME, "--file", file)
    commands = [shlex.split(line) for line in printed.splitlines()[2:]]
    assert commands[0][0] == f"SPEECHMARK_WORKLOADS={file}"
    assert [words[-1] for words in commands[1:]] == [f"--workload={file}"] * 2


def test_a_checkout_beside_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    status, printed = invoke(NAME, "--file", file, "--into", tmp_path)
    assert status == 2
    assert "--file says where: leave out --into" in printed
    assert not file.exists()


def test_other_sounds_have_another_checksum_and_no_corpus_is_read(
    tmp_path: Path,
) -> None:
    """Else weights that were trained on the sounds of before would be loaded."""
    file = tmp_path / "own.py"
    invoke(NAME, "--file", file)
    louder = file.with_name("louder.py")
    louder.write_text(file.read_text().replace("NOISE = 2.0", "NOISE = 3.0"))
    own, again, other = (
        runpy.run_path(str(path))["sounds"]().checksum for path in (file, file, louder)
    )
    assert own == again != other
    task = runpy.run_path(str(file))["TASK"]
    with pytest.raises(AbsentError, match="and --data-root is mine: leave it out"):
        task.dataset(None, DataRequest("quick", Path("mine")))


@pytest.mark.parametrize(
    "name", ["Spotting", "key_word", "2mix", "-a", "a--b", "a-", "class", "b" * 25, ""]
)
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    status, printed = invoke("--file", tmp_path / "own.py", "--", name)
    assert status == 2
    assert "lower-case letters, digits and single hyphens" in " ".join(printed.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "taken"),
    [("separation", "separation"), ("asr", "asr-training"), ("ds2", "ds2-small")],
)
def test_a_name_of_the_suite_is_refused(tmp_path: Path, name: str, taken: str) -> None:
    status, printed = invoke(name, "--file", tmp_path / "own.py")
    assert status == 2
    assert f"a workload or a model {taken}: give another" in " ".join(printed.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("there", [f"workloads/{MODULE}.py", *sorted(WRITTEN)])
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    kept = tmp_path / there
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("mine\n")
    before = sorted(tmp_path.rglob("*"))
    status, printed = invoke(NAME, "--into", tmp_path)
    assert status == 1
    assert " exists: give another name" in printed
    assert kept.read_text() == "mine\n"
    assert sorted(tmp_path.rglob("*")) == before


def test_outside_of_a_checkout_a_file_is_proposed(tmp_path: Path) -> None:
    status, printed = invoke(NAME, "--into", tmp_path)
    assert status == 1
    assert f"{tmp_path} is no checkout of the suite, for it has no benchm" in printed
    assert f"--file {MODULE}.py" in printed


@pytest.mark.parametrize("file", ["own.txt", "my-own.py"])
def test_a_file_that_is_no_module_is_refused(tmp_path: Path, file: str) -> None:
    status, printed = invoke(NAME, "--file", tmp_path / file)
    assert status == 2
    assert f"give the name of a module, such as {MODULE}.py" in printed


def test_an_installed_suite_has_the_templates() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    data = settings["tool"]["setuptools"]["package-data"]["harness.new_workload"]
    folder = PROJECT / "harness" / "new_workload"
    kept = {path.name for pattern in data for path in folder.glob(pattern)}
    others = {path.name for path in folder.iterdir() if path.is_file()}
    assert kept >= set(TEMPLATES)
    assert {name for name in others - kept if not name.endswith(".py")} == set()
