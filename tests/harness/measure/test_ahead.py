"""What is made before the first case, by real processes, for the toy workload."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest
import toy

from harness.hardware import Machine
from harness.measure import ahead, made_before
from harness.measure.ahead import MakingProgress, make_ahead, makers_for
from harness.measure.run import Settings
from harness.plan import Planned, plan
from harness.profile import QUICK, SMOKE

MACHINE = Machine(tuple(os.sched_getaffinity(0)), isas=("avx2",), cuda_devices=0)
MAKING = replace(toy.WORKLOAD, make=toy.make)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(SMOKE, MACHINE, tmp_path / "run")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def cases(*models: str, hardware: Sequence[str] = ("cpu",)) -> list[Planned]:
    workload = replace(MAKING, points={"smoke": toy.points(*models)})
    return plan([workload], "smoke", hardware)


def said(
    planned: Sequence[Planned], settings: Settings, cache: Path | None
) -> list[str]:
    """All but the seconds that it took."""
    found = make_ahead(planned, settings, cache, lambda making: None)
    return [line.partition(" s")[0].rstrip("0123456789") for line in found]


def made(settings: Settings, model: str) -> list[str]:
    """Hardware and profile of each time that something was made."""
    path = settings.work_dir / "scratch" / f"made-{model}"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.partition(" ")[2] for line in lines]


def test_each_case_is_made_for_once_on_whatever_hardware_it_runs(
    settings: Settings, cache: Path
) -> None:
    planned = cases("good", "other", hardware=("cpu:threads=1", "cpu"))
    assert said(planned, settings, cache) == [
        "made ahead, or found, what 2 of 2 cases take: "
    ]
    assert made(settings, "good") == made(settings, "other") == ["cpu smoke"]


def test_what_was_made_is_not_asked_for_again(settings: Settings, cache: Path) -> None:
    said(cases("good"), settings, cache)
    assert said(cases("good"), settings, cache) == []
    said(cases("good", "other"), settings, cache)
    assert [len(made(settings, model)) for model in ("good", "other")] == [1, 1]


@pytest.mark.parametrize("change", ["seed", "profile", "code", "cache"])
def test_it_is_asked_for_again_where_something_else_is_to_be_made(
    settings: Settings, cache: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said(cases("good"), settings, cache)
    if change == "seed":
        settings = replace(settings, seed=1)
    elif change == "profile":
        settings = replace(settings, profile=QUICK)
    elif change == "code":
        monkeypatch.setattr(made_before, "code_digest", lambda: "other")
    else:
        shutil.rmtree(cache)
    said(cases("good"), settings, cache)
    assert len(made(settings, "good")) == 2


def test_nothing_is_known_of_a_users_corpus_which_may_change(
    settings: Settings, cache: Path, tmp_path: Path
) -> None:
    settings = replace(settings, data_root=tmp_path)
    for _ in range(2):
        said(cases("good"), settings, cache)
    assert len(made(settings, "good")) == 2


@pytest.mark.parametrize(
    ("model", "line"),
    [
        (
            "broken",
            "not made ahead: toy/broken/fp32/eager/cpu/b1: ValueError: the toy is "
            "broken on purpose",
        ),
        ("warns", "a damaged cache"),
        ("unsupported", None),
    ],
)
def test_a_fault_is_told_with_its_case_and_stops_no_other(
    settings: Settings, cache: Path, model: str, line: str | None
) -> None:
    count = 1 if model == "broken" else 2
    expected = [
        *([line] if line else []),
        f"made ahead, or found, what {count} of 2 cases take: ",
    ]
    assert said(cases(model, "good"), settings, cache) == expected
    assert made(settings, "good") == ["cpu smoke"]


def test_where_nothing_could_be_made_nobody_says_that_something_was(
    settings: Settings, cache: Path
) -> None:
    (line,) = make_ahead(cases("broken"), settings, cache, lambda making: None)
    assert line.startswith("not made ahead: toy/broken/")


def test_a_case_that_takes_too_long_is_given_up_and_no_other(
    settings: Settings, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "makers_for", lambda cases: 1)
    monkeypatch.setattr(ahead, "CASE_LIMIT_S", 10.0)
    planned = cases("endless", "good")
    found = make_ahead(planned, settings, cache, lambda making: None)
    assert found[0] == (
        "not made ahead: toy/endless/fp32/eager/cpu/b1: no end after 10 s"
    )
    assert made(settings, "good") == ["cpu smoke"]


def test_a_process_that_is_killed_is_replaced_and_its_case_named(
    settings: Settings, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "makers_for", lambda cases: 1)
    planned = cases("killed", "good")
    found = make_ahead(planned, settings, cache, lambda making: None)
    assert found[0].startswith(
        "not made ahead: toy/killed/fp32/eager/cpu/b1: the worker was killed by signal "
        "9 (SIGKILL)"
    )
    assert found[0].endswith("\nlast words of the toy")
    logs = sorted((settings.work_dir / "logs").iterdir())  # one of each process
    assert [log.name for log in logs] == ["made-ahead-0.log", "made-ahead-1.log"]
    assert "last words of the toy" in logs[0].read_text()
    assert made(settings, "good") == ["cpu smoke"]


def test_what_could_not_be_made_is_tried_again_in_the_next_run(
    settings: Settings, cache: Path
) -> None:
    for _ in range(2):
        (line,) = said(cases("broken"), settings, cache)
        assert "broken on purpose" in line


def test_what_is_made_is_shown_case_by_case(settings: Settings, cache: Path) -> None:
    shown: list[MakingProgress] = []
    make_ahead(cases("good", "other"), settings, cache, shown.append)
    assert [(one.done, one.total) for one in shown] == [(0, 2), (1, 2), (2, 2)]
    assert {one.what for one in shown[1:]} == {
        p.case.id for p in cases("good", "other")
    }


def test_a_run_of_workloads_that_make_nothing_starts_no_process(
    settings: Settings, cache: Path
) -> None:
    planned = plan([toy.WORKLOAD], "smoke", ["cpu"])
    assert said(planned, settings, cache) == []
    assert not (settings.work_dir / "logs").exists()


def test_ctrl_c_ends_what_is_being_made(settings: Settings, cache: Path) -> None:
    """At once: nobody waits for what would take for ever."""

    def interrupted(making: MakingProgress) -> None:
        raise KeyboardInterrupt

    began_s = monotonic()
    with pytest.raises(KeyboardInterrupt):
        make_ahead(cases("endless"), settings, cache, interrupted)
    assert monotonic() - began_s < toy.ENDLESS_S / 2
    assert not (cache / made_before.FOLDER).exists()


@pytest.mark.parametrize(
    ("free_gib", "wanted", "expected"),
    [(1, 9, 1), (7, 9, 2), (1000, 9, 4), (1000, 3, 3)],
)
def test_there_are_as_many_processes_as_cores_memory_and_cases_allow(
    free_gib: int, wanted: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "memory_available_bytes", lambda: free_gib << 30)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    assert makers_for(wanted) == expected
