"""From scores to accuracies: intervals, gates, faults, transcripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from small_cases import SMALL

from basics.metric_kinds import MetricKind
from benchmarks.judging import judged, telling_transcripts
from workloads.metrics import kinds
from workloads.metrics.error_rates import ErrorRate
from workloads.metrics.scores import Scores, Transcribed
from workloads.metrics.separation import NAMES, Measure, SeparationScores
from workloads.recognition.data import Part
from workloads.separation.scoring import scores_of
from workloads.task import Gate
from workloads.wav2letter.arrays import ArrayRows
from workloads.wav2letter.symbols import LETTERS

KINDS = [kind for kind in vars(kinds).values() if isinstance(kind, MetricKind)]
RATE = ErrorRate("wer", (1, 0, 2, 0), (5, 5, 5, 5))
WORSE = ErrorRate("wer", (2, 1, 3, 1), (5, 5, 5, 5))


def test_scores_become_metrics_with_their_interval() -> None:
    metric = judged(Scores.of(RATE), KINDS).metrics["wer"]
    assert (metric.value, metric.n, metric.better) == (0.15, 4, "lower")
    assert metric.interval[0] <= 0.15 <= metric.interval[1]
    assert (metric.unit, metric.title) == ("%", "wer")
    assert metric.per_item == [(1, 5), (0, 5), (2, 5), (0, 5)]
    assert (metric.gate, metric.difference, metric.passed) == (None, None, None)


@pytest.mark.parametrize(("allowed", "passed"), [(0.25, True), (0.15, False)])
def test_a_compressed_rate_is_gated_by_its_rise_over_the_baseline(
    allowed: float, passed: bool
) -> None:
    gates = {"wer": Gate(allowed)}
    found = judged(Scores.of(WORSE), KINDS, Scores.of(RATE), "fp32 case", gates)
    metric = found.metrics["wer"]
    assert (metric.value, metric.n, metric.baseline_case) == (7 / 20, 4, "fp32 case")
    assert metric.difference == pytest.approx(0.2)
    # Each utterance is worse by one of five words, whichever are drawn.
    assert metric.difference_interval == pytest.approx((0.2, 0.2))
    assert (metric.gate, metric.passed) == (allowed, passed)


def test_a_measure_of_no_known_kind_keeps_its_name_and_direction() -> None:
    metric = judged(scores_of(improvements(9.0, 11.0)), ()).metrics["si_sdr"]
    assert (metric.title, metric.unit, metric.better) == ("si_sdr", "", "higher")


def test_a_gate_may_be_of_some_measures_only() -> None:
    distance = ErrorRate("levenshtein", (5, 2), (1, 1))
    rate = ErrorRate("wer", (1, 0), (5, 5))
    both = Scores.of(rate, distance)
    gates = {"levenshtein": Gate(0.5)}
    found = judged(both, KINDS, both, "fp32 case", gates).metrics
    assert found["levenshtein"].passed is True
    assert (found["wer"].gate, found["wer"].passed) == (None, None)
    assert found["wer"].baseline_case == "fp32 case"


def test_a_gate_that_is_a_share_is_one_of_the_baselines_value() -> None:
    gates = {"wer": Gate(0.02, is_share=True)}
    metric = judged(
        Scores.of(WORSE), KINDS, Scores.of(RATE), "fp32 case", gates
    ).metrics
    assert metric["wer"].gate == pytest.approx(0.02 * 0.15)


def improvements(*values_db: float) -> SeparationScores:
    si_sdr, improvement, rescaled = (Measure(name, values_db) for name in NAMES)
    return SeparationScores(si_sdr, improvement, rescaled)


@pytest.mark.parametrize(("lost_db", "passed"), [(0.49, True), (0.51, False)])
def test_a_twentieth_of_the_improvement_may_be_lost(
    lost_db: float, passed: bool
) -> None:
    before = scores_of(improvements(9.0, 11.0))
    after = scores_of(improvements(9.0 - lost_db, 11.0 - lost_db))
    gates = SMALL["separation"].task.gates
    metrics = judged(after, KINDS, before, "its baseline", gates).metrics
    assert metrics["si_sdr_improvement"].passed is passed
    assert metrics["snr_rescaled"].passed is None


@pytest.mark.parametrize("name", ["wer", "cer", "cer_max"])
@pytest.mark.parametrize(("more", "passed"), [(9, True), (11, False)])
def test_error_rates_of_recognition_may_rise_by_a_point(
    name: str, more: int, passed: bool
) -> None:
    before, after = (ErrorRate(name, (100 + n,), (1000,)) for n in (0, more))
    gates = SMALL["asr"].task.gates
    metric = judged(Scores.of(after), KINDS, Scores.of(before), "", gates).metrics[name]
    assert metric.gate == 0.01
    assert metric.difference == pytest.approx(more / 1000)
    assert metric.passed is passed


@pytest.mark.parametrize("baseline", [None, improvements(9.0, 11.0)])
def test_silence_in_place_of_speech_fails_whatever_the_numbers_say(
    baseline: SeparationScores | None, caplog: pytest.LogCaptureFixture
) -> None:
    quiet = replace(improvements(9.5, 11.5), silent_estimates=3)
    before = baseline and scores_of(baseline)
    gates = SMALL["separation"].task.gates
    metrics = judged(
        scores_of(quiet), KINDS, before, baseline and "fp32", gates
    ).metrics
    found = metrics["si_sdr_improvement"]
    assert found.passed is False
    assert found.fault is not None
    assert found.fault.startswith("3 estimates of sources that speak are silent")
    assert found.fault in caplog.text
    assert metrics["si_sdr"].fault is None


def test_what_was_understood_is_judged_utterance_by_utterance() -> None:
    texts = ("a cat", "dog", "bee")
    part = Part(ArrayRows(()), texts, (0.1,) * 3, LETTERS)
    task = SMALL["wav2letter"].task
    found = judged(task.scores_of(part, ["a cap", "dog", "x"]), task.measures)
    assert found.metrics["levenshtein"].value == pytest.approx(4 / 3)
    assert found.metrics["cer"].value == pytest.approx(4 / 11)
    assert found.edits_by_length == [(5, 1), (3, 0), (3, 3)]
    assert found.edit_unit == "character"
    assert [(one.rank, one.reference, one.edits) for one in found.transcripts] == [
        ("best", "dog", 0),
        ("middle", "a cat", 1),
        ("worst", "bee", 3),
    ]


def test_without_texts_there_are_no_transcripts() -> None:
    found = judged(Scores.of(RATE), KINDS)
    assert (found.transcripts, found.edits_by_length) == ((), ())


def ranked(references: list[str], edits: Sequence[int]) -> list[tuple[str, str]]:
    """The rank of each telling transcript, and its reference."""
    hypotheses = [f"found {reference}" for reference in references]
    lengths = list(map(len, references))
    found = telling_transcripts(Transcribed(references, hypotheses, edits, lengths))
    pairs = dict(zip(references, edits, strict=True))
    assert all(one.edits == pairs[one.reference] for one in found)
    assert all(one.hypothesis == f"found {one.reference}" for one in found)
    return [(one.rank, one.reference) for one in found]


def test_transcripts_are_ranked_by_edits_per_character() -> None:
    # 4 edits of 40 characters are better than 2 of 4, and these than 3 of 3.
    found = ranked(["four", "a" * 40, "yes"], (2, 4, 3))
    assert found == [("best", "a" * 40), ("middle", "four"), ("worst", "yes")]


def test_an_empty_reference_is_ranked_by_its_edits() -> None:
    found = ranked(["", "ab", "abcd"], (3, 1, 0))
    assert found == [("best", "abcd"), ("middle", "ab"), ("worst", "")]


def test_the_only_transcript_is_best_middle_and_worst() -> None:
    assert ranked(["ab"], (1,)) == [("best", "ab"), ("middle", "ab"), ("worst", "ab")]
