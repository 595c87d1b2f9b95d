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
        capture_module._check_whole(full)
