"""A few faulty files are left out with a warning, more than 1 % are an error."""

import logging
from pathlib import Path

import pytest

from workloads.corpora.faults import Fault, Inspection
from workloads.corpora.progress import no_progress

FOLDER = Path("corpus")


def faulty(count: int) -> list[Fault]:
    return [Fault("unreadable", f"file-{number}.wav") for number in range(count)]


def finish(faults: list[Fault], sound: int, what: str) -> None:
    inspection = Inspection(no_progress)
    inspection.faults, inspection.sound = faults, sound
    inspection.finish(what, FOLDER)


def test_no_faults_are_no_news(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="speechmark"):
        finish([], 5, "mixtures")
        finish([], 0, "mixtures")
    assert caplog.text == ""


def test_one_in_100_is_a_warning_that_names_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, logger="speechmark"):
        finish(faulty(1), 99, "mixtures")
    assert (
        "1 of 100 mixtures of corpus are faulty and are left out: 1 unreadable: "
        "file-0.wav" in caplog.text
    )


def test_more_are_an_error_that_lists_the_first_three() -> None:
    with pytest.raises(
        ValueError, match=r"1 of 99 sessions of corpus are faulty, expected at most 1%"
    ):
        finish(faulty(1), 98, "sessions")
    with pytest.raises(ValueError, match=r"unpack the corpus anew$") as caught:
        finish(faulty(7), 0, "mixtures")
    assert [f"file-{n}." in str(caught.value) for n in (0, 2, 3)] == [True, True, False]
