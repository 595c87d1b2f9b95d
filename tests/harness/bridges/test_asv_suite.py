"""What asv finds in this project: its benchmarks and its configuration."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.plan import discover, plan

PROJECT = Path(__file__).parents[3]
DISCOVER = """
import sys
from asv_runner.discovery import list_benchmarks

with open(sys.argv[2], "w") as found:
    list_benchmarks(sys.argv[1], found)
"""
LOCKS = ("requirements.lock", "requirements-optional.lock")
TRACKED = ("joules_per_audio_hour", "model_bytes", "peak_rss_bytes")
PATHS = sorted((PROJECT / "benchmarks").glob("bench_*.py"))
MODULES = [import_module(f"benchmarks.{path.stem}") for path in PATHS]
FOLLOWED = {
    one.__name__.split(".")[1]: one for one in MODULES if "Tracked" in vars(one)
}


def metrics_of(module: ModuleType) -> set[str]:
    """What its file asks to be tracked of the accuracy."""
    names = {name for name in dir(module.Tracked) if name.startswith("track_")}
    return {name.removeprefix("track_") for name in names} - set(TRACKED)


EXPECTED = {
    f"{name}.{benchmark}"
    for name, module in FOLLOWED.items()
    for benchmark in (
        *("Steady.time_per_item", "Plain.time_cycle", "Plain.peakmem_cycle"),
        *(f"Tracked.track_{metric}" for metric in (*TRACKED, *metrics_of(module))),
    )
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """As asv discovers them: in a process of its own, from the working tree."""
    pytest.importorskip("asv_runner")  # asv is left out where it cannot be compiled
    path = tmp_path_factory.mktemp("asv") / "found.json"
    command = [sys.executable, "-c", DISCOVER, str(PROJECT / "benchmarks"), str(path)]
    subprocess.run(command, check=True, cwd=path.parent)
    return json.loads(path.read_text())


def configuration() -> dict[str, Any]:
    """asv.conf.json, which may hold lines of comment."""
    lines = (PROJECT / "asv.conf.json").read_text().splitlines()
    return json.loads("\n".join(x for x in lines if not x.lstrip().startswith("//")))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_asv_finds_these_benchmarks_and_no_other(found: list[dict[str, Any]]) -> None:
    names = [benchmark["name"] for benchmark in found]
    assert sorted(names) == sorted(EXPECTED)


@pytest.mark.parametrize("name", FOLLOWED)
def test_an_accuracy_is_tracked_where_there_is_one(name: str) -> None:
    workload = FOLLOWED[name].Tracked.workload
    has_accuracy = workload.stage == "infer" and workload.tells_errors
    assert bool(metrics_of(FOLLOWED[name])) is has_accuracy


def test_each_workload_has_a_cache_of_its_own(found: list[dict[str, Any]]) -> None:
    keys = {
        benchmark["name"].partition(".")[0]: benchmark["setup_cache_key"]
        for benchmark in found
        if "Tracked" in benchmark["name"]
    }
    assert len(set(keys.values())) == len(FOLLOWED)


def test_only_what_needs_the_cache_waits_for_it(found: list[dict[str, Any]]) -> None:
    cached = {b["name"].split(".")[1] for b in found if b.get("setup_cache_key")}
    assert cached == {"Tracked"}


def test_every_benchmark_has_one_threshold(found: list[dict[str, Any]]) -> None:
    thresholds = configuration()["regressions_thresholds"]
    for benchmark in found:
        matching = [x for x in thresholds if re.match(x, benchmark["name"])]
        assert len(matching) == 1, benchmark["name"]


def locked() -> dict[str, str]:
    """The pins of both locks."""
    texts = [(PROJECT / name).read_text() for name in LOCKS]
    pins = re.findall(r"^([\w.-]+)==(\S+)", "\n".join(texts), re.MULTILINE)
    return {normal(name): version for name, version in pins}


def test_the_environment_holds_what_the_project_needs_as_it_is_locked() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    runtimes = project["optional-dependencies"]["runtimes"]
    needed = {
        normal(re.match(r"[\w.-]+", text)[0])  # type: ignore[index]
        for text in (*project["dependencies"], *runtimes)
    }
    pins = locked()
    matrix = configuration()["matrix"]["req"]
    assert {normal(name): versions[0] for name, versions in matrix.items()} == {
        name: pins[name] for name in needed
    }


@pytest.mark.parametrize(
    ("python", "flashlight"),
    [("3.11", "0.0.7"), ("3.12", "0.0.7"), ("3.13", None), ("3.14", None)],
)
def test_each_python_has_one_environment_with_what_has_wheels_for_it(
    python: str, flashlight: str | None
) -> None:
    environment = pytest.importorskip("asv.environment")
    conf = pytest.importorskip("asv.config").Config.from_json(configuration())
    (only,) = environment.iter_matrix("virtualenv", [python], conf)
    assert only.get(("req", "flashlight-text")) == flashlight
    assert only[("req", "kaldi-decoder")] == locked()["kaldi-decoder"]


def test_a_switch_of_commits_installs_nothing_but_the_project() -> None:
    settings = configuration()
    (build,), (install,) = settings["build_command"], settings["install_command"]
    assert {"--no-deps", "--no-build-isolation"} <= set(build.split())
    assert {"--no-deps", "--force-reinstall", "{wheel_file}"} <= set(install.split())
    assert settings["launch_method"] == "spawn"


def test_only_results_are_committed() -> None:
    settings = configuration()
    ignored = (PROJECT / ".gitignore").read_text().split()
    assert ".asv/" in ignored
    assert settings["env_dir"].startswith(".asv/")
    assert settings["html_dir"].startswith(".asv/")
    assert settings["results_dir"] == "results/asv"


def test_committed_results_time_cases_of_the_profile_commit() -> None:
    """All that there were at their commits: later ones have no history yet."""
    cases = {planned.case.id for planned in plan(discover(), "commit", ["cpu"])}
    files = sorted((PROJECT / "results" / "asv").glob("*/*-env-*.json"))
    assert len(files) >= 2
    for file in files:
        results = json.loads(file.read_text())["results"]
        for kind in ("Steady.time_per_item", "Plain.time_cycle"):
            timed = {
                ast.literal_eval(case): seconds
                for name, columns in results.items()
                if name.endswith(kind)
                for case, seconds in zip(columns[1][0], columns[0], strict=True)
            }
            assert timed.keys() <= cases, (file.name, kind)
            assert len(timed) >= 5
            assert all(seconds > 0 for seconds in timed.values())
