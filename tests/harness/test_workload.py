"""What the harness hands to a workload."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.case import Case
from harness.hardware import Hardware
from harness.measure.channel import Channel
from harness.measure.jobs import TurnsTask
from harness.measure.worker import context_of
from harness.profile import SMOKE
from harness.workload import Context, UnsupportedError

CASE = Case("toy", "good", "fp32", "eager", "cpu", 1, (("beam", "4"),))
SEVERAL = replace(CASE, options=(*CASE.options, ("instances", "2")))


def context(case: Case, folder: Path) -> Context:
    hardware = Hardware.parse("cpu")
    return Context(case, SMOKE, hardware, 0, folder, None, lambda *_: None)


def test_a_single_worker_passes_for_no_more_than_it_is(tmp_path: Path) -> None:
    assert context(CASE, tmp_path).case == CASE
    with pytest.raises(UnsupportedError, match="here one worker runs"):
        context(SEVERAL, tmp_path)


def test_a_turn_of_a_comparison_is_of_a_single_worker(tmp_path: Path) -> None:
    task = TurnsTask(
        build="toy:build",
        case_id=SEVERAL.id,
        hardware="cpu",
        profile=SMOKE,
        seed=0,
        scratch_dir=str(tmp_path),
        data_root=None,
        block_s=1.0,
    )
    channel = object.__new__(Channel)
    with pytest.raises(UnsupportedError, match="leave the option instances out"):
        context_of(task, channel)
    whole = replace(task, case_id=CASE.id)
    assert context_of(whole, channel).case == CASE
