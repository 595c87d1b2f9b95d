import os

import pytest

from harness.observe.claims import judge
from harness.observe.onednn import capture as capture_module
from harness.observe.onednn.capture import capture


@pytest.mark.parametrize("steps", [1, 3])
def test_real_steps_are_captured(steps, capfd):
    import torch

    layer, frames = torch.nn.Conv1d(4, 8, 3), torch.rand(2, 4, 50)
    calls = []

    def step():
        calls.append(layer(frames))
        print("a step's own words")

    found = capture(step, steps)
    print("after")
    assert len(calls) == steps
    convolutions = [e for e in found.entries if e.primitive == "convolution"]
    assert [entry.dtypes for entry in convolutions] == ["f32,f32,f32"] * steps
    assert found.source == "oneDNN log"
    assert 0 < judge(found, steps).logged_s <= found.wall_s
    assert "onednn_verbose" not in capfd.readouterr().out


def test_an_error_in_a_step_gives_the_output_back(capfd):
    with pytest.raises(ZeroDivisionError):
        capture(lambda: 1 / 0)
    os.write(1, b"still here\n")
    assert "still here" in capfd.readouterr().out


def test_a_log_that_cannot_be_written_to_its_end_is_no_profile():
    with (
        open("/dev/full", "w") as full,
        pytest.raises(capture_module.ProfileCutShortError, match="No space left"),
    ):
        capture_module._check_whole(full, "a folder")


def test_a_filler_that_is_written_in_part_is_no_profile(monkeypatch, tmp_path):
    monkeypatch.setattr(capture_module.os, "write", lambda fd, data: 30_000)
    with (
        (tmp_path / "log").open("wb") as file,
        pytest.raises(capture_module.ProfileCutShortError, match="in a folder: no spa"),
    ):
        capture_module._check_whole(file, "a folder")


def test_a_log_is_written_to_a_file_as_it_is(tmp_path):
    import torch

    layer, frames = torch.nn.Conv1d(16, 16, 3), torch.rand(2, 16, 50)
    path = tmp_path / "log"
    wall_s = capture_module.write_log(path, lambda: layer(frames), 3)
    lines = path.read_bytes().splitlines(keepends=True)
    assert sum(b",exec," in line for line in lines) >= 3
    assert lines[-1].startswith(b"onednn_verbose")
    assert lines[-1].endswith(b"\n")
    assert wall_s > 0
