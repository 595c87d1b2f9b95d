import torch

from workloads.metrics.error_rates import ErrorRate
from workloads.metrics.scores import Scores
from workloads.metrics.separation import Measure
from workloads.training.events import Event

EPOCH = Event(
    "epoch",
    "evaluate",
    3,
    3,
    loss=-9.876,
    validation_loss=-8.5,
    scores=Scores.of(ErrorRate("wer", (1, 3), (4, 4))),
    learning_rate=5e-4,
)


def test_an_epoch_s_scores_come_back_as_what_they_were():
    scores = Scores.of(ErrorRate("wer", (1,), (3,)), Measure("si_sdr", (1.5, -2.0)))
    event = Event("epoch", "evaluate", 2, 9, 1.0, 0.5, scores, 1e-3)
    plain = event.to_plain()
    assert isinstance(plain["scores"]["wer"], dict)
    found = Event.from_plain(plain)
    assert found == event
    assert found.scores.measures["wer"].value == 1 / 3
    assert found.scores.measures["si_sdr"].better == "higher"


def test_samples_and_notes_come_back():
    event = Event(
        "state", "train", 1, 4, samples=(("a cat", "cat"),), notes={"clock_s": 2.5}
    )
    assert Event.from_plain(event.to_plain()) == event


def test_an_event_without_scores_comes_back_without():
    event = Event("step", "train", 1, 1)
    assert event.to_plain()["scores"] is None
    assert Event.from_plain(event.to_plain()) == event


def test_an_epoch_s_line_has_losses_measures_and_the_rate():
    assert EPOCH.line == (
        "epoch 3: loss -9.88, validation loss -8.50, wer 0.5, learning rate 0.0005"
    )


def test_the_facts_of_an_epoch_are_its_number_and_what_it_reached():
    assert EPOCH.facts == {
        "epoch": "3",
        "validation_loss": "-8.500",
        "wer": "0.5000",
        "torch": torch.__version__,
    }
