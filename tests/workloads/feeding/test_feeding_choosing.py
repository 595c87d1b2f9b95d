"""Which of many items are timed, and in which order."""

import pytest

from workloads.feeding.choosing import evenly, full_batches


def test_full_batches_lie_evenly_over_the_lengths() -> None:
    frames = list(range(100, 200))
    batches = full_batches(frames, size=16, count=3)
    assert [len(batch) for batch in batches] == [16, 16, 16]
    middles = sorted(sum(batch) / 16 for batch in batches)
    assert middles == pytest.approx([16, 50, 83], abs=12)
    assert max(map(max, full_batches(frames, 16, 100))) >= 97  # the longest too


def test_one_utterance_a_batch_takes_every_utterance_once() -> None:
    batches = full_batches([5, 3, 4], size=1, count=700)
    assert sorted(batches) == [(0,), (1,), (2,)]


def test_a_batch_larger_than_the_corpus_takes_it_whole() -> None:
    assert [sorted(b) for b in full_batches([5, 3, 4], 64, 8)] == [[0, 1, 2]]


def test_more_than_there_are_gives_all() -> None:
    assert evenly("abc", 9) == ["a", "b", "c"]
