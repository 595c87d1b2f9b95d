import pickle

import pytest
import torch

from workloads.metrics.error_rates import ErrorRate
from workloads.metrics.scores import Scores
from workloads.training import checkpoint
from workloads.training.events import Event

CPU = torch.device("cpu")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / checkpoint.NAME


def test_what_is_saved_is_loaded(path):
    content = {"step": 3, "weights": torch.arange(3.0), "notes": {"clock_s": 1.5}}
    checkpoint.save_atomically(content, path)
    found = checkpoint.load_checkpoint(path)
    assert found["weights"].equal(content["weights"])
    assert (found["step"], found["notes"]) == (3, {"clock_s": 1.5})
    assert [file.name for file in path.parent.iterdir()] == [checkpoint.NAME]


def test_a_failed_write_leaves_the_last_checkpoint_whole(path, monkeypatch):
    checkpoint.save_atomically({"step": 1}, path)

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="no space"):
        checkpoint.save_atomically({"step": 2}, path)
    assert checkpoint.load_checkpoint(path)["step"] == 1


def test_an_unknown_format_is_refused(tmp_path):
    path = tmp_path / "old.pt"
    torch.save({"format": 0}, path)
    with pytest.raises(ValueError, match=f"format 0, expected {checkpoint.FORMAT}: it"):
        checkpoint.load_checkpoint(path)


def test_a_missing_checkpoint_is_named_with_a_remedy(path):
    with pytest.raises(ValueError, match=r"no checkpoint at .*: train from the begin"):
        checkpoint.load_checkpoint(path)


def test_a_checkpoint_holds_no_code(path):
    """A pickle of anything else than plain values could run whatever it liked."""
    path.parent.mkdir()
    torch.save({"format": checkpoint.FORMAT, "event": Event}, path)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        checkpoint.load_checkpoint(path)


def test_the_curve_is_that_of_the_epochs_before(path):
    scores = Scores.of(ErrorRate("wer", (1, 0), (3, 4)))
    epoch = Event("epoch", "evaluate", 1, 5, 2.0, validation_loss=3.0, scores=scores)
    checkpoint.save_atomically({"curve": [epoch.to_plain()]}, path)
    assert checkpoint.read_curve(path) == (epoch,)


def test_random_numbers_go_on_where_they_were():
    torch.manual_seed(7)
    torch.rand(3)
    state = checkpoint.random_state(CPU)
    expected = torch.rand(3)
    torch.manual_seed(8)
    checkpoint.set_random_state(state, CPU)
    assert torch.rand(3).equal(expected)
