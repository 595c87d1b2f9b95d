import contextlib
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch

from workloads.asr.alphabet import encode
from workloads.asr.input_pipeline import Batch, build_feed, load_batch, stream
from workloads.feeding.batching import padded_length

CPU = torch.device("cpu")
PLAN = [(0, 5, 69), (64, 2), (63, 65, 3, 1), (7,)]


def features_of(feed):
    return [batch.features for batch in stream(feed.train, feed, PLAN, CPU)]


def test_shards_and_computing_on_the_fly_give_the_same_batches(tones, feed, tmp_path):
    on_the_fly = build_feed(tones, tmp_path, features="on-the-fly")
    assert not list(tmp_path.iterdir())
    for ahead, now in zip(features_of(feed), features_of(on_the_fly), strict=True):
        torch.testing.assert_close(ahead, now, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("readers", "prefetch"), [(1, 1), (3, 2), (2, 40)])
def test_readers_and_prefetch_do_not_change_the_batches(feed, readers, prefetch):
    other = replace(feed, readers=readers, prefetch=prefetch)
    for a, b in zip(features_of(feed), features_of(other), strict=True):
        assert a.equal(b)


def test_no_more_batches_are_loaded_ahead_than_prefetch_says(feed):
    loads = []

    class Counting:
        utterances = feed.train.utterances

        def read(self, positions):
            loads.append(positions)
            return feed.train.read(positions)

    plan = [(i,) for i in range(30)]
    batches = stream(Counting(), replace(feed, prefetch=3), plan, CPU)
    for taken in range(1, 4):
        next(batches)
        assert len(loads) <= taken + 3
    batches.close()
    assert len(loads) <= 3 + 3


def test_peak_memory_is_that_of_the_batches_ahead_however_many_there_are(feed):
    plan = [tuple(range(8))] * 80
    batch = load_batch(feed.train, feed.normaliser, plan[0]).features.nbytes
    ahead = replace(feed, prefetch=2)
    tracemalloc.start()
    for _ in stream(feed.train, ahead, plan, CPU):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Two wait, one comes next (as read and as padded), one is in use and one was.
    assert peak < 8 * batch


def test_a_batch_is_pinned_on_its_own_gpu(feed, monkeypatch):
    """The first GPU is not touched by readers that feed the second."""
    current, pinned_on = [0], []

    @contextlib.contextmanager
    def device(chosen):
        current.append(chosen.index)
        yield
        current.pop()

    def pin(batch):
        pinned_on.append(current[-1])
        return batch

    monkeypatch.setattr(torch.cuda, "device", device)
    monkeypatch.setattr(Batch, "pin", pin)
    monkeypatch.setattr(Batch, "to", lambda batch, _: batch)
    assert len(list(stream(feed.train, feed, PLAN, torch.device("cuda:1")))) == 4
    assert pinned_on == [1] * 4


def test_a_batch_is_normalised_padded_with_zeros_and_labelled(feed):
    batch = load_batch(feed.train, feed.normaliser, (4, 9))
    frames = [feed.train.frames[i] for i in (4, 9)]
    assert batch.lengths.tolist() == frames
    assert batch.features.shape == (2, padded_length(frames), 93)
    short = int(np.argmin(frames))
    assert batch.features[short, frames[short] :].eq(0).all()
    transcripts = [feed.train.utterances[i].transcript for i in (4, 9)]
    assert batch.targets.tolist() == [x for t in transcripts for x in encode(t)]


def test_normalised_training_features_have_mean_zero_and_deviation_one(feed):
    everything = range(len(feed.train.utterances))
    batch = load_batch(feed.train, feed.normaliser, everything)
    true = torch.cat(
        [x[:n] for x, n in zip(batch.features, batch.lengths, strict=True)]
    )
    torch.testing.assert_close(true.mean(0), torch.zeros(93), rtol=0, atol=1e-3)
    torch.testing.assert_close(true.std(0), torch.ones(93), rtol=0, atol=1e-2)


@pytest.mark.parametrize(("readers", "prefetch"), [(0, 1), (1, 0)])
def test_no_reader_or_no_prefetch_is_refused(tones, tmp_path, readers, prefetch):
    with pytest.raises(ValueError, match=f"readers {readers} and prefetch {prefetch}"):
        build_feed(tones, tmp_path, readers=readers, prefetch=prefetch)
