from workloads.metrics.error_rates import ErrorRate
from workloads.metrics.scores import Scores
from workloads.metrics.separation import Measure
from workloads.training.events import Event


def test_an_epoch_s_scores_come_back_as_what_they_were():
    scores = Scores.of(ErrorRate("wer", (1,), (3,)), Measure("si_sdr", (1.5, -2.0)))
    event = Event("epoch", "evaluate", 2, 9, 1.0, 0.5, scores, 1e-3)
    plain = event.to_plain()
    assert isinstance(plain["scores"]["wer"], dict)
    found = Event.from_plain(plain)
    assert found == event
    assert found.scores.measures["wer"].rate == 1 / 3
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
