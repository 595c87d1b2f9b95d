import contextlib
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch

from workloads.feeding.batching import padded_length
from workloads.recognition.batches import Batch, load_batch, stream

CPU = torch.device("cpu")
PLAN = [(0, 5, 69), (64, 2), (63, 65, 3, 1), (7,)]


def features_of(data):
    return [batch.features for batch in stream(data.train, data, PLAN, CPU)]


@pytest.mark.parametrize(("readers", "prefetch"), [(1, 1), (3, 2), (2, 40)])
def test_readers_and_prefetch_do_not_change_the_batches(spoken, readers, prefetch):
    other = replace(spoken, readers=readers, prefetch=prefetch)
    for a, b in zip(features_of(spoken), features_of(other), strict=True):
        assert a.equal(b)


@pytest.mark.parametrize(("readers", "prefetch"), [(0, 1), (1, 0)])
def test_no_reader_or_no_prefetch_is_refused(spoken, readers, prefetch):
    with pytest.raises(ValueError, match=f"readers {readers} and prefetch {prefetch}"):
        replace(spoken, readers=readers, prefetch=prefetch)


def test_no_more_batches_are_loaded_ahead_than_prefetch_says(spoken):
    loads = []

    class Counting:
        frames = spoken.train.frames

        def read(self, positions):
            loads.append(positions)
            return spoken.train.rows.read(positions)

    part = replace(spoken.train, rows=Counting())
    plan = [(i,) for i in range(30)]
    batches = stream(part, replace(spoken, prefetch=3), plan, CPU)
    for taken in range(1, 4):
        next(batches)
        assert len(loads) <= taken + 3
    batches.close()
    assert len(loads) <= 3 + 3


def test_peak_memory_is_that_of_the_batches_ahead_however_many_there_are(spoken):
    plan = [tuple(range(8))] * 80
    batch = load_batch(spoken.train, spoken.normaliser, plan[0]).features.nbytes
    ahead = replace(spoken, prefetch=2)
    tracemalloc.start()
    for _ in stream(spoken.train, ahead, plan, CPU):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Two wait, one comes next (as read and as padded), one is in use and one was.
    assert peak < 8 * batch


def test_a_batch_is_pinned_on_its_own_gpu(spoken, monkeypatch):
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
    batches = stream(spoken.train, spoken, PLAN, torch.device("cuda:1"))
    assert len(list(batches)) == 4
    assert pinned_on == [1] * 4


@pytest.mark.parametrize("kind", ["spoken", "letters"])
def test_a_batch_is_normalised_padded_with_zeros_and_labelled(kind, request):
    data = request.getfixturevalue(kind)
    part = data.train
    batch = load_batch(part, data.normaliser, (4, 9))
    frames = [part.frames[i] for i in (4, 9)]
    assert len(batch) == 2
    assert batch.lengths.tolist() == frames
    width = len(data.normaliser.mean)
    assert batch.features.shape == (2, padded_length(frames), width)
    short = int(np.argmin(frames))
    assert batch.features[short, frames[short] :].eq(0).all()
    (raw,) = part.rows.read([4])
    expected = (raw - data.normaliser.mean) / data.normaliser.std
    found = batch.features[0, : frames[0]].numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    labels = [part.alphabet.encode(part.texts[i]) for i in (4, 9)]
    assert batch.targets.tolist() == [*labels[0], *labels[1]]
    assert batch.target_lengths.tolist() == list(map(len, labels))


def test_normalised_training_features_have_mean_zero_and_deviation_one(spoken):
    everything = range(len(spoken.train.texts))
    batch = load_batch(spoken.train, spoken.normaliser, everything)
    true = torch.cat(
        [x[:n] for x, n in zip(batch.features, batch.lengths, strict=True)]
    )
    torch.testing.assert_close(true.mean(0), torch.zeros(93), rtol=0, atol=1e-3)
    torch.testing.assert_close(true.std(0), torch.ones(93), rtol=0, atol=1e-2)
