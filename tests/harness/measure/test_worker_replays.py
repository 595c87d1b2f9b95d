"""Which cases have their primitives replayed."""

from types import SimpleNamespace

import pytest
import torch

from harness.measure import worker
from harness.observe.kernels import ONEDNN_LOG
from harness.profile import PAPER, QUICK, STANDARD


def replays(source, profile, step):
    kernels = None if source is None else SimpleNamespace(source=source)
    return worker._replays(kernels, step, SimpleNamespace(profile=profile))


def test_profiles_of_full_sizes_take_the_time(monkeypatch):
    monkeypatch.setattr("harness.observe.onednn.replay.turns.ROUNDS", 1)
    assert QUICK.replays_s == 0
    assert 0 < STANDARD.replays_s < PAPER.replays_s
    layer, x = torch.nn.Conv1d(16, 16, 3), torch.rand(2, 16, 50)
    found = replays(ONEDNN_LOG, STANDARD, lambda: layer(x))
    assert found.reproduced_percent == 100.0


@pytest.mark.parametrize(
    ("source", "profile"),
    [(ONEDNN_LOG, QUICK), ("OpenVINO's counters", STANDARD), (None, STANDARD)],
)
def test_others_do_not(source, profile):
    assert replays(source, profile, pytest.fail) is None
