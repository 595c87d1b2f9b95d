from types import SimpleNamespace

import pytest

from harness.hardware import Hardware
from harness.measure.overhead import _alternate

CPU = Hardware.parse("cpu")


def worker(*messages):
    """A worker that sends these; `answered` counts the replies to it."""
    fake = SimpleNamespace(answered=0)

    def go_on():
        fake.answered += 1

    fake.messages, fake.go_on = lambda limit_s: iter(messages), go_on
    return fake


def test_stages_alone_are_answered():
    told = worker(
        {"kind": "warning", "text": "a damaged cache"},
        {"kind": "stage", "name": "bare"},
        {"kind": "result", "value": {"bare_s": [1.0]}},
    )
    assert _alternate(told, CPU, lambda done: None) == ({"bare_s": [1.0]}, [])
    assert told.answered == 1


def test_a_worker_that_fails_is_told_with_its_traceback():
    told = worker({"kind": "failed", "text": "Traceback: broken"})
    with pytest.raises(RuntimeError, match="Traceback: broken"):
        _alternate(told, CPU, lambda done: None)
