"""What was made before, kept from run to run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.case import Case
from harness.measure.made_before import FOLDER, MadeCases
from harness.profile import SMOKE

CASE = Case("toy", "good", "fp32", "eager", "cpu:threads=1", 1)
NAME = "toy/good/fp32/eager/cpu/b1"


def test_what_was_added_is_known_to_the_next_run(tmp_path: Path) -> None:
    before = MadeCases.kept(SMOKE, 0, tmp_path)
    before.add(CASE)
    before.save()
    assert MadeCases.kept(SMOKE, 0, tmp_path).names == {NAME}
    assert MadeCases.kept(SMOKE, 1, tmp_path).names == set()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", set()),
        ('["toy/', set()),
        (json.dumps({NAME: 1.0}), set()),
        (json.dumps([NAME, 7, None]), {NAME}),
    ],
)
def test_a_damaged_or_foreign_file_tells_nothing(
    tmp_path: Path, text: str, names: set[str]
) -> None:
    before = MadeCases.kept(SMOKE, 0, tmp_path)
    before.save()
    (path,) = (tmp_path / FOLDER).iterdir()
    path.write_text(text)
    assert MadeCases.kept(SMOKE, 0, tmp_path).names == names


def test_a_cache_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    cache = tmp_path / "file"
    cache.write_text("no folder")
    before = MadeCases.kept(SMOKE, 0, cache)
    before.add(CASE)
    before.save()
    assert before.names == {NAME}
    assert cache.read_text() == "no folder"
