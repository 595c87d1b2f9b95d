from itertools import chain

import numpy as np
import pytest

from workloads.corpora.faults import DataError
from workloads.feeding.batching import (
    padded_length,
    padding_percent,
    plan_epoch,
    share_of_rank,
    sorted_batches,
)

LENGTHS = np.random.default_rng(0).integers(60, 600, 1000).tolist()


@pytest.mark.parametrize("batch_size", [8, 32, 64])
def test_at_most_a_tenth_of_the_frames_is_padding(batch_size):
    for epoch in (1, 2, 3):
        plan = plan_epoch(LENGTHS, batch_size, seed=0, epoch=epoch)
        assert padding_percent(LENGTHS, plan) <= 10.0


def test_the_padding_is_counted_by_hand():
    # padded to 2 x 16 and 2 x 8 frames
    assert padding_percent([16, 12, 4, 4], [(0, 1), (2, 3)]) == pytest.approx(
        100 * 12 / 48
    )


def test_batches_are_padded_to_a_grid_so_that_shapes_recur():
    lengths = {padded_length([frames]) for frames in range(11, 1671)}
    assert lengths == set(range(16, 1673, 8))


def test_every_utterance_is_in_one_batch_and_one_batch_is_short():
    plan = plan_epoch(LENGTHS, 32, seed=0, epoch=1)
    assert sorted(chain.from_iterable(plan)) == list(range(1000))
    sizes = sorted(map(len, plan))
    assert sizes == [8] + [32] * 31


def test_epochs_and_seeds_differ_and_are_reproducible():
    plans = [plan_epoch(LENGTHS, 32, s, e) for s, e in [(0, 1), (0, 2), (1, 1)]]
    assert len(set(map(tuple, plans))) == 3
    assert plan_epoch(LENGTHS, 32, 0, 1) == plans[0]


def test_shortest_first_orders_batches_by_length():
    plan = plan_epoch(LENGTHS, 32, seed=0, epoch=1, shortest_first=True)
    means = [np.mean([LENGTHS[i] for i in batch]) for batch in plan]
    assert means == sorted(means)
    shuffled = plan_epoch(LENGTHS, 32, seed=0, epoch=1)
    assert sorted(plan) == sorted(shuffled)
    assert plan != shuffled


def test_ranks_share_a_batch_without_overlap():
    shares = [share_of_rank((5, 3, 9, 7, 1), rank, 2) for rank in range(2)]
    assert shares == [(5, 9, 1), (3, 7)]


def test_sorted_batches_hold_every_utterance_once_in_order_of_length():
    batches = sorted_batches(LENGTHS, 64)
    assert [len(batch) for batch in batches] == [64] * 15 + [40]
    in_turn = list(chain.from_iterable(batches))
    assert in_turn == sorted(range(1000), key=LENGTHS.__getitem__)


def test_an_empty_corpus_is_refused():
    with pytest.raises(DataError, match="training set is empty"):
        plan_epoch([], 32, seed=0, epoch=1)
