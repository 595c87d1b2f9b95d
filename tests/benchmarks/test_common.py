"""What the benchmarks of any workload share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import common
from harness.case import Case
from workloads.corpora.utterance import Corpus, Utterance
from workloads.metrics.error_rates import ErrorRate

RATE = {"wer": ErrorRate("wer", (1, 0, 2, 0), (5, 5, 5, 5))}
WORSE = {"wer": ErrorRate("wer", (2, 1, 3, 1), (5, 5, 5, 5))}


def test_inputs_take_turns_and_begin_again() -> None:
    turn = common.Turn("ab")
    assert [turn.next() for _ in range(5)] == ["a", "b", "a", "b", "a"]


def test_error_rates_become_metrics_with_their_interval() -> None:
    metric = common.accuracy_of(RATE).metrics["wer"]
    assert (metric.value, metric.n) == (0.15, 4)
    assert metric.interval[0] <= 0.15 <= metric.interval[1]


def test_full_batches_lie_evenly_over_the_lengths() -> None:
    frames = list(range(100, 200))
    batches = common.full_batches(frames, size=16, count=3)
    assert [len(batch) for batch in batches] == [16, 16, 16]
    middles = sorted(sum(batch) / 16 for batch in batches)
    assert middles == pytest.approx([16, 50, 83], abs=12)
    assert max(map(max, common.full_batches(frames, 16, 100))) >= 97  # the longest too


def test_one_utterance_a_batch_takes_every_utterance_once() -> None:
    batches = common.full_batches([5, 3, 4], size=1, count=700)
    assert sorted(batches) == [(0,), (1,), (2,)]


def test_a_batch_larger_than_the_corpus_takes_it_whole() -> None:
    assert [sorted(b) for b in common.full_batches([5, 3, 4], 64, 8)] == [[0, 1, 2]]


def test_a_compressed_rate_is_gated_by_its_rise_over_the_baseline() -> None:
    metric = common.gated_metrics(WORSE, RATE, "fp32 case", gate=0.25)["wer"]
    assert (metric.value, metric.n, metric.baseline_case) == (7 / 20, 4, "fp32 case")
    assert metric.difference == pytest.approx(0.2)
    # Each utterance is worse by one of five words, whichever are drawn.
    assert metric.difference_interval == pytest.approx((0.2, 0.2))
    assert metric.passed is True
    metric = common.gated_metrics(WORSE, RATE, "fp32 case", gate=0.15)["wer"]
    assert metric.passed is False


def test_a_gate_may_be_of_some_metrics_only() -> None:
    distance = {"levenshtein": ErrorRate("levenshtein", (5, 2), (1, 1))}
    both = common.gated_metrics(
        WORSE | distance, RATE | distance, "fp32 case", {"levenshtein": 0.5}
    )
    assert both["levenshtein"].passed is True
    assert both["wer"].gate is None
    assert both["wer"].passed is None


def ranked(references: list[str], edits: tuple[int, ...]) -> list[tuple[str, str]]:
    """The rank of each telling transcript, and what was heard."""
    heard = [f"heard {reference}" for reference in references]
    distances = ErrorRate("levenshtein", edits, (1,) * len(edits))
    lengths = list(map(len, references))
    found = common.telling_transcripts(references, heard, distances, lengths)
    pairs = dict(zip(references, edits, strict=True))
    assert all(one.edits == pairs[one.reference] for one in found)
    assert all(one.hypothesis == f"heard {one.reference}" for one in found)
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


def test_a_case_is_compared_with_itself_in_fp32() -> None:
    options = (("beam", "4"),)
    case = Case("w", "m", "int8-static", "openvino", "cpu", 8, options)
    assert common.fp32_case(case) == "w/m/fp32/openvino/cpu/b8/beam=4"


def test_work_is_the_mean_of_the_steps() -> None:
    utterances = [Utterance(str(i), Path(), i, "", "") for i in range(5)]
    work = common.work_per_step(
        common.durations_s(utterances), [(1, 2), (4,)], 10, 300, 40
    )
    assert (work.items, work.audio_s) == (1.5, 3.5)
    assert (work.parameters, work.macs, work.model_bytes) == (10, 150, 40)
    assert common.work_per_step(common.durations_s(utterances), [(3,)]).macs is None


def test_the_details_of_a_corpus_tell_what_was_dropped() -> None:
    corpus = Corpus("speech", "abc", (), (), {"over 16.7 s": 2})
    expected = {"corpus": "speech", "corpus_checksum": "abc", "dropped: over 16.7 s": 2}
    assert common.corpus_details(corpus) == expected
    assert common.corpus_details(corpus, "def") == expected | {"weights_sha256": "def"}


def test_nothing_shared_loads_torch() -> None:
    script = "import sys, benchmarks.common; print('torch' in sys.modules)"
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "False"
