"""Equal weights on equal utterances have equal accuracy, on whatever machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from recorded import CASE, DETAILS, accuracy, metric, record, result_file, training

from harness.record.schema import Record
from harness.report.compare.reading.gather import gather
from harness.report.compare.reading.match import Match, match

FP32 = "asr-inference/ds2-small/fp32/eager"


@pytest.fixture
def compared(tmp_path: Path) -> Callable[..., Match]:
    """The match of these records, each the only one of its machine: a, b, ..."""

    def of(*records: Record, names: str = "abc", allow: Any = ()) -> Match:
        given = [
            f"{name}={result_file(tmp_path / f'{place}.json', one)}"
            for place, (name, one) in enumerate(zip(names, records, strict=False))
        ]
        return match(gather(given), allow)

    return of


def wer(value: float = 0.2, **changes: Any) -> dict[str, Any]:
    """A WER on 1000 utterances, to within 4 points."""
    interval = [value - 0.04, value + 0.04]
    return metric(value, **({"n": 1000, "interval": interval} | changes))


def stated(step_s: float = 1.0, **metrics: dict[str, Any]) -> Record:
    return record([step_s], accuracy=accuracy(**metrics))


def test_a_faster_machine_whose_every_word_is_wrong_did_other_work(
    compared: Callable[..., Match],
) -> None:
    found = compared(stated(wer=wer(0.2)), stated(0.8, wer=wer(0.95)))
    assert not found.works[0].same
    (mismatch,) = found.mismatches
    assert (mismatch.what, mismatch.allowed) == ("accuracy", False)
    assert mismatch.found == {
        "a": "wer 20.0 % (16.0 % to 24.0 %, n = 1000)",
        "b": "wer 95.0 % (91.0 % to 99.0 %, n = 1000)",
    }


def test_other_accuracy_that_is_allowed_is_labelled(
    compared: Callable[..., Match],
) -> None:
    found = compared(stated(wer=wer(0.2)), stated(wer=wer(0.95)), allow=["accuracy"])
    (work,) = found.works
    assert (work.same, work.labels) == (True, ("accuracy differs",))


@pytest.mark.parametrize(
    ("mine", "theirs", "same"),
    [
        # A quarter of an interval of eight points is what rounding is granted.
        ({"wer": wer(0.2)}, {"wer": wer(0.219)}, True),
        ({"wer": wer(0.2)}, {"wer": wer(0.221)}, False),
        ({"wer": wer(0.221)}, {"wer": wer(0.2)}, False),
        # Intervals need not be disjoint: utterances are the same.
        ({"wer": wer(0.2)}, {"wer": wer(0.25)}, False),
        # A gate wider than that grants as much.
        (
            {"wer": wer(0.2, gate=0.03, difference=0.0)},
            {"wer": wer(0.225, gate=0.03, difference=0.0)},
            True,
        ),
        # One edit in one of sixteen utterances moves their mean by a sixteenth, ...
        (
            {"levenshtein": metric(2.0, n=16, interval=[1.95, 2.1])},
            {"levenshtein": metric(2.0625, n=16, interval=[1.95, 2.15])},
            True,
        ),
        (
            {"levenshtein": metric(2.0, n=16, interval=[1.95, 2.1])},
            {"levenshtein": metric(2.07, n=16, interval=[1.95, 2.15])},
            False,
        ),
        # ... but no pooled rate, and no level in dB.
        (
            {"wer": metric(0.05, n=16, interval=[0.04, 0.08])},
            {"wer": metric(0.07, n=16, interval=[0.06, 0.09])},
            False,
        ),
        (
            {"si_sdr": metric(9.0, n=16, interval=[8.95, 9.1], better="higher")},
            {"si_sdr": metric(9.06, n=16, interval=[8.95, 9.15], better="higher")},
            False,
        ),
        # Intervals that have nothing in common, whatever else would be granted.
        (
            {"wer": metric(0.05, n=16, interval=[0.04, 0.06])},
            {"wer": metric(0.11, n=16, interval=[0.10, 0.12])},
            False,
        ),
        (
            {"wer": metric(0.05, interval=[0.04, 0.06], gate=0.2, difference=0.0)},
            {"wer": metric(0.11, interval=[0.10, 0.12], gate=0.2, difference=0.0)},
            False,
        ),
        (
            {"levenshtein": metric(2.0, n=4, interval=[1.9, 2.1])},
            {"levenshtein": metric(2.24, n=4, interval=[2.15, 2.3])},
            False,
        ),
        # A single utterance has no interval: its figure is as good as equal, or not.
        (
            {"si_sdr": metric(9.0, n=1, interval=[9.0, 9.0], better="higher")},
            {"si_sdr": metric(9.001, n=1, interval=[9.001, 9.001], better="higher")},
            True,
        ),
        (
            {"wer": metric(1.0, n=2, interval=[1.0, 1.0])},
            {"wer": metric(0.5, n=2, interval=[0.5, 0.5])},
            False,
        ),
        ({"wer": wer(n=1000)}, {"wer": wer(n=999)}, False),
        ({"wer": wer()}, {"wer": wer(), "cer": wer()}, False),
        ({"wer": wer()}, {"cer": wer()}, False),
        # Whichever way is better, and whether it got better or worse.
        (
            {"si_sdr": wer(9.0, better="higher")},
            {"si_sdr": wer(9.5, better="higher")},
            False,
        ),
        (
            {"si_sdr": wer(9.0, better="higher")},
            {"si_sdr": wer(8.99, better="higher")},
            True,
        ),
    ],
)
def test_rounding_may_move_an_accuracy_and_nothing_else(
    compared: Callable[..., Match],
    mine: dict[str, Any],
    theirs: dict[str, Any],
    same: bool,
) -> None:
    assert compared(stated(**mine), stated(**theirs)).works[0].same is same


def test_no_accuracy_beside_one_is_other_accuracy(
    compared: Callable[..., Match],
) -> None:
    none = {"metrics": None, "reason": "no decoder"}
    silent, slower = (record([step_s], accuracy=none) for step_s in (0.8, 0.9))
    (mismatch,) = compared(stated(wer=wer()), silent).mismatches
    assert (mismatch.what, mismatch.found["b"]) == ("accuracy", "no accuracy")
    assert compared(silent, slower).works[0].same


def test_accuracies_each_like_the_next_are_not_all_alike(
    compared: Callable[..., Match],
) -> None:
    """b is between a and c, which are further apart than rounding explains."""
    a, b, c = (stated(wer=wer(value)) for value in (0.2, 0.215, 0.23))
    for order in ((a, b, c), (b, a, c), (c, b, a)):
        assert not compared(*order).works[0].same
    assert compared(a, b).works[0].same
    assert compared(b, c).works[0].same


@pytest.mark.parametrize("kind", ["weights", "corpus"])
def test_other_weights_or_speech_are_stated_as_what_they_are(
    compared: Callable[..., Match], kind: str
) -> None:
    name = {"weights": "weights_sha256", "corpus": "corpus_checksum"}[kind]
    other = record(
        [0.8], accuracy=accuracy(wer=wer(0.95)), details=DETAILS | {name: "e" * 64}
    )
    found = compared(stated(wer=wer(0.2)), other)
    assert [one.what for one in found.mismatches] == [kind]


def test_runs_of_one_machine_are_held_to_the_same(
    compared: Callable[..., Match],
) -> None:
    good, bad = stated(wer=wer(0.2)), stated(0.8, wer=wer(0.95))
    found = compared(good, bad, stated(2.0, wer=wer(0.2)), names="aab")
    assert [one.what for one in found.mismatches] == ["accuracy"]
    (work,) = found.works
    figures = [one.extract.figures for one in work.attempts["a"]]
    assert [one.processes[0].step_s for one in figures if one] == [1.0]


def test_hardware_settings_of_one_machine_are_held_to_the_same(tmp_path: Path) -> None:
    capped = replace(CASE, hardware="cpu:isa=avx2")
    wrong = record([0.8], case=capped, accuracy=accuracy(wer=wer(0.95)))
    path = result_file(tmp_path / "a.json", stated(wer=wer()), wrong)
    found = match(gather([str(path)]))
    assert set(found.mismatches[0].found) == {"alpha cpu", "alpha cpu:isa=avx2"}


def test_a_training_makes_weights_of_its_own(compared: Callable[..., Match]) -> None:
    reached = [training(2.0, accuracy=accuracy(wer=wer(value))) for value in (0.2, 0.4)]
    assert compared(*reached).works[0].same


def test_another_baseline_is_another_gate(compared: Callable[..., Match]) -> None:
    def gated(baseline: str) -> Record:
        return stated(wer=wer(gate=0.01, difference=0.0, baseline_case=baseline))

    one, other = gated(f"{FP32}/cpu/b1"), gated(f"{FP32}/cpu:threads=1/b1")
    assert compared(one, other).works[0].same
    (mismatch,) = compared(one, gated(f"{FP32}/cpu/b16")).mismatches
    assert (mismatch.what, mismatch.found["b"]) == (
        "gate",
        f"wer 0.01, wer to {FP32}/b16",
    )
