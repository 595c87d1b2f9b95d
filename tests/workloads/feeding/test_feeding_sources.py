import subprocess
import sys

import pytest
import torch

from workloads.feeding.sources import OnTheFly, write_shards


class Halves:
    """An extractor that is no spectrum: its frames hold their utterance's length."""

    name, width = "halves", 2

    def __call__(self, waveforms):
        return [torch.full((1 + len(w) // 160, 2), len(w) / 2) for w in waveforms]


def test_any_extractor_s_features_are_read_by_position(tones):
    source = OnTheFly(tones.train, Halves())
    first, last = source.read([0, 69])
    for features, i in ((first, 0), (last, 69)):
        samples = round(16_000 * tones.train[i].duration_s)
        assert features.shape == (source.frames[i], 2)
        assert (features == samples / 2).all()


def test_every_utterance_is_written_in_order(tones, tmp_path):
    found = write_shards(tones, "train", Halves(), tmp_path)
    assert found.frames == OnTheFly(tones.train, Halves()).frames
    for features, one in zip(found.read(range(70)), tones.train, strict=True):
        assert (features == round(16_000 * one.duration_s) / 2).all()


def test_moments_weigh_every_frame_alike(tones, tmp_path):
    found = write_shards(tones, "train", Halves(), tmp_path)
    values = [round(16_000 * u.duration_s) / 2 for u in tones.train]
    total = sum(v * n for v, n in zip(values, found.frames, strict=True))
    mean = found.normaliser.mean
    assert mean == pytest.approx(total / sum(found.frames), rel=1e-6)


def test_readers_compute_on_one_thread_and_leave_the_others_theirs():
    """In a fresh process: torch decides when a thread first computes."""
    script = """
import threading, torch
from workloads.feeding.sources import reader_pool
torch.set_num_threads(2)
with reader_pool(3) as pool:
    print([pool.submit(torch.get_num_threads).result() for _ in range(3)])
    print(torch.get_num_threads())
    threading.Thread(target=lambda: print(torch.get_num_threads())).start()
"""
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert result.stdout.split("\n")[:3] == ["[1, 1, 1]", "2", "2"]
