"""Shards are whole or absent, their damage is found and mended."""

import json
import multiprocessing
import re
import shutil

import numpy as np
import pytest
import torch
import torchaudio

from workloads.asr import feature_sources
from workloads.asr.feature_sources import (
    open_shards,
    shards_name,
    utterance_frames,
    write_shards,
)
from workloads.asr.input_pipeline import build_feed
from workloads.corpora import cache

EVERYTHING = range(70)


@pytest.fixture(scope="module")
def written(tones, tmp_path_factory):
    root = tmp_path_factory.mktemp("shards")
    build_feed(tones, root)
    return root


@pytest.fixture
def own(written, tmp_path):
    return shutil.copytree(written, tmp_path / "cache")


def folder_of(root):
    return next(root.rglob("train"))


def contents(root):
    paths = [path for path in root.rglob("*") if path.is_file()]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def test_a_shard_holds_sixty_four_utterances(tones, written):
    shards = sorted(folder_of(written).glob("*.f32"))
    frames = [utterance_frames(u) for u in tones.train]
    sizes = [shard.stat().st_size // (93 * 4) for shard in shards]
    assert sizes == [sum(frames[:64]), sum(frames[64:])]


def test_shards_are_written_once(tones, own, caplog):
    stamps = [p.stat().st_mtime_ns for p in sorted(own.rglob("*.f32"))]
    first = build_feed(tones, own)
    second = build_feed(tones, own)
    assert [p.stat().st_mtime_ns for p in sorted(own.rglob("*.f32"))] == stamps
    np.testing.assert_array_equal(first.normaliser.mean, second.normaliser.mean)
    assert not caplog.text


def test_the_folder_names_all_that_the_features_depend_on(tones, written, monkeypatch):
    (folder,) = written.iterdir()
    assert folder.name == shards_name(tones.checksum)
    monkeypatch.setattr(torchaudio, "__version__", "another")
    assert shards_name(tones.checksum) != folder.name
    monkeypatch.undo()
    monkeypatch.setattr(torch, "__version__", "another")
    assert shards_name(tones.checksum) != folder.name
    monkeypatch.undo()
    monkeypatch.setattr(feature_sources, "FORMAT", 99)
    assert shards_name(tones.checksum) != folder.name
    assert shards_name("of another corpus") not in folder.name


def cut_a_shard(folder):
    path = folder / "00000.f32"
    path.write_bytes(path.read_bytes()[:-8])


def change_a_shard(folder):
    path = folder / "00001.f32"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def remove_a_shard(folder):
    (folder / "00001.f32").unlink()


def cut_the_manifest(folder):
    path = folder / cache.MANIFEST
    path.write_bytes(path.read_bytes()[:50])


def remove_the_manifest(folder):
    (folder / cache.MANIFEST).unlink()


def take_another_manifest(folder):
    cache.write_manifest(folder, {"seed": 3})


def take_another_corpus_s_manifest(folder):
    known = json.loads((folder / cache.MANIFEST).read_text())
    cache.write_manifest(folder, known | {"corpus": "another"})


DAMAGE = [
    (cut_a_shard, r"00000\.f32 has \d+ bytes, expected \d+"),
    (change_a_shard, r"00001\.f32 is damaged"),
    (remove_a_shard, r"00001\.f32 is missing"),
    (cut_the_manifest, r"manifest\.json has SHA-256"),
    (remove_the_manifest, r"cannot read the manifest of .*train"),
    (take_another_manifest, r"manifest\.json has format None, not 2"),
    (take_another_corpus_s_manifest, r"manifest\.json has corpus another, not 0000"),
]


@pytest.mark.parametrize(("harm", "fault"), DAMAGE, ids=lambda x: str(x)[:30])
def test_damage_is_named_and_mended(tones, written, own, caplog, harm, fault):
    harm(folder_of(own))
    feed = build_feed(tones, own)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("speechmark", "WARNING")
    assert re.search(fault, record.message)
    assert "computed anew" in record.message
    assert contents(own) == contents(written)
    assert len(feed.train.read([63])[0]) == utterance_frames(tones.train[63])


def test_sets_too_large_to_hash_are_judged_by_size(tones, own, caplog, monkeypatch):
    monkeypatch.setattr(feature_sources, "HASHED_BYTES", 1000)
    change_a_shard(folder_of(own))
    build_feed(tones, own)
    assert not caplog.text
    cut_a_shard(folder_of(own))
    build_feed(tones, own)
    assert "00000.f32" in caplog.text


def test_a_shard_of_the_wrong_size_is_not_opened(tones, own):
    folder = folder_of(own)
    with pytest.raises(ValueError, match=r"00001\.f32 has .* bytes, expected"):
        open_shards(tones.train[:69], folder)
    remove_a_shard(folder)
    with pytest.raises(ValueError, match=r"00001\.f32 is missing: delete"):
        open_shards(tones.train, folder)


def test_a_shard_cut_while_it_is_in_use_is_named(tones, own):
    feed = build_feed(tones, own)
    cut_a_shard(folder_of(own))
    with pytest.raises(ValueError, match=r"00000\.f32 ends 2 numbers early"):
        feed.train.read([63])


def build_repeatedly(tones, root):
    """What another process does at the same time."""
    feed = build_feed(tones, root)
    for _ in range(20):
        feed.train.read(EVERYTHING)


@pytest.mark.parametrize("harm", [None, change_a_shard, remove_the_manifest])
def test_two_processes_may_build_at_once(tones, written, own, harm):
    if harm is None:
        shutil.rmtree(own)
    else:
        harm(folder_of(own))
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=build_repeatedly, args=(tones, own)) for _ in "ab"]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert contents(own) == contents(written)


def test_an_interrupted_build_leaves_nothing(tones, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache, "write_manifest", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_shards(tones.train, tmp_path / "train", tones.checksum, 1)
    assert not list(tmp_path.iterdir())
