import torch

from workloads.asr import input as asr_input
from workloads.asr.input import recordings_for
from workloads.recognition.batches import stream
from workloads.task import DataRequest

CPU = torch.device("cpu")
PLAN = [(0, 5, 69), (64, 2), (63, 65, 3, 1), (7,)]
REQUEST = DataRequest("quick")


def test_shards_and_computing_on_the_fly_give_the_same_batches(
    tones, spoken, feature_cache, monkeypatch
):
    assert spoken.checksum == tones.checksum
    monkeypatch.setenv("SPEECHMARK_CACHE", str(feature_cache))
    monkeypatch.setattr(asr_input, "speech_of", lambda request: tones)
    ahead, now = (
        recordings_for(REQUEST, on_the_fly, readers=2, prefetch=3)
        for on_the_fly in (False, True)
    )
    for data in (ahead, now):
        assert (data.readers, data.prefetch) == (2, 3)
    assert ahead.train.rows.directory == spoken.train.rows.directory
    assert not hasattr(now.train.rows, "directory")
    batches = (stream(data.train, data, PLAN, CPU) for data in (ahead, now))
    for one, other in zip(*batches, strict=True):
        assert one.targets.equal(other.targets)
        torch.testing.assert_close(one.features, other.features, rtol=1e-4, atol=1e-4)
