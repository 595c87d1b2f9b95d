"""Shards are whole or absent, their damage is found and mended."""

import json
import multiprocessing
import pickle
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from workloads.corpora import cache
from workloads.corpora.faults import DataError
from workloads.feeding import shards
from workloads.feeding.mel import LogMel
from workloads.feeding.normaliser import RunningMoments
from workloads.feeding.shards import shard_folder, utterance_frames
from workloads.feeding.sources import OnTheFly, write_shards

EVERYTHING = range(70)
NAME, WIDTH = "logmel40", 40


def build(tones, root):
    return write_shards(tones, "train", LogMel(), root)


def find(corpus, root, split="train", width=WIDTH):
    folder = shard_folder(corpus, split, NAME, width, root)
    return None if folder.fault() else folder.open()


@pytest.fixture(scope="module")
def written(tones, tmp_path_factory):
    root = tmp_path_factory.mktemp("shards")
    build(tones, root)
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
    paths = sorted(folder_of(written).glob("*.f32"))
    frames = [utterance_frames(u) for u in tones.train]
    sizes = [path.stat().st_size // (40 * 4) for path in paths]
    assert sizes == [sum(frames[:64]), sum(frames[64:])]


def test_shards_are_written_once(tones, own, caplog):
    stamps = [p.stat().st_mtime_ns for p in sorted(own.rglob("*.f32"))]
    first, second = build(tones, own), build(tones, own)
    assert [p.stat().st_mtime_ns for p in sorted(own.rglob("*.f32"))] == stamps
    np.testing.assert_array_equal(first.normaliser.mean, second.normaliser.mean)
    assert not caplog.text


def test_what_is_read_is_what_the_extractor_gave(tones, written):
    found, expected = find(tones, written), OnTheFly(tones.train, LogMel())
    assert found.frames == expected.frames
    assert found.width == 40
    for read, made in zip(found.read([3, 64]), expected.read([3, 64]), strict=True):
        np.testing.assert_allclose(read, made, rtol=1e-4, atol=1e-4)
    moments = RunningMoments(WIDTH)
    for features in expected.read(EVERYTHING):
        moments.add(features)
    normaliser = moments.normaliser()
    np.testing.assert_allclose(found.normaliser.mean, normaliser.mean, rtol=1e-4)
    np.testing.assert_allclose(found.normaliser.std, normaliser.std, rtol=1e-4)


def test_each_split_has_its_own_shards(tones, own):
    assert find(tones, own, "validation") is None
    write_shards(tones, "validation", LogMel(), own)
    found = find(tones, own, "validation")
    assert found.frames == tuple(map(utterance_frames, tones.validation))
    assert len(found.read([9])[0]) == utterance_frames(tones.validation[9])


def test_the_folder_names_all_that_the_features_depend_on(
    tones, written, tmp_path, monkeypatch
):
    def names(corpus=tones, features=NAME):
        return shard_folder(corpus, "train", features, WIDTH, tmp_path).path.parts

    (folder,) = written.iterdir()
    assert folder.name in names()
    assert folder.name not in names(features="logmel41")
    assert folder.name not in names(replace(tones, checksum="another"))
    monkeypatch.setattr(shards, "FORMAT", 99)
    assert folder.name not in names()
    monkeypatch.undo()
    for changed in ("torch", "torchaudio"):
        real = shards.version
        monkeypatch.setattr(
            shards, "version", lambda x, c=changed, r=real: "9" if x == c else r(x)
        )
        assert folder.name not in names()
        monkeypatch.undo()


def test_nothing_is_found_where_nothing_whole_lies(tones, own):
    assert find(tones, own).frames == tuple(map(utterance_frames, tones.train))
    assert find(replace(tones, checksum="another"), own) is None
    assert find(tones, own, width=41) is None
    change_a_shard(folder_of(own))
    assert find(tones, own) is None
    shutil.rmtree(own)
    assert find(tones, own) is None


READ_WITHOUT_TORCH = """
import pickle, sys
from pathlib import Path
import workloads.corpora.builtin
from workloads.feeding import batching, normaliser, shards

tones = pickle.loads(sys.stdin.buffer.read())
folder = shards.shard_folder(tones, "train", "logmel40", 40, Path(sys.argv[1]))
assert folder.fault() is None
found = folder.open()
print(found.read([0])[0].shape == (found.frames[0], 40), found.normaliser.mean.shape)
print(sorted({"torch", "torchaudio", "soundfile", "scipy"} & set(sys.modules)))
"""


def test_shards_are_read_without_torch_in_memory(tones, written):
    command = [sys.executable, "-c", READ_WITHOUT_TORCH, written]
    given = pickle.dumps(tones)
    result = subprocess.run(command, check=True, capture_output=True, input=given)
    assert result.stdout.decode().splitlines() == ["True (40,)", "[]"]


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


def change_the_manifest(folder, **changes):
    known = json.loads((folder / cache.MANIFEST).read_text())
    cache.write_manifest(folder, known | changes)


def take_another_corpus_s_manifest(folder):
    change_the_manifest(folder, corpus="another")


def take_another_extractor_s_manifest(folder):
    change_the_manifest(folder, features="another")


def take_a_wider_extractor_s_manifest(folder):
    change_the_manifest(folder, width=41)


DAMAGE = [
    (cut_a_shard, r"00000\.f32 has \d+ bytes, expected \d+"),
    (change_a_shard, r"00001\.f32 is damaged"),
    (remove_a_shard, r"00001\.f32 is missing"),
    (cut_the_manifest, r"manifest\.json has SHA-256"),
    (remove_the_manifest, r"cannot read the manifest of .*train"),
    (take_another_manifest, r"manifest\.json has format None, not 3"),
    (take_another_corpus_s_manifest, r"manifest\.json has corpus another, not 0000"),
    (take_another_extractor_s_manifest, r"has features another, not logmel40"),
    (take_a_wider_extractor_s_manifest, r"has width 41, not 40"),
]


@pytest.mark.parametrize(
    ("harm", "fault"), DAMAGE, ids=lambda x: getattr(x, "__name__", "")
)
def test_damage_is_named_and_mended(tones, written, own, caplog, harm, fault):
    harm(folder_of(own))
    found = build(tones, own)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("speechmark", "WARNING")
    assert re.search(fault, record.message)
    assert "computed anew" in record.message
    assert contents(own) == contents(written)
    assert len(found.read([63])[0]) == utterance_frames(tones.train[63])


def test_sets_too_large_to_hash_are_judged_by_size(tones, own, caplog, monkeypatch):
    monkeypatch.setattr(shards, "HASHED_BYTES", 1000)
    change_a_shard(folder_of(own))
    build(tones, own)
    assert not caplog.text
    cut_a_shard(folder_of(own))
    build(tones, own)
    assert "00000.f32" in caplog.text


def test_a_shard_of_the_wrong_size_is_not_found(tones, own):
    fewer = replace(tones, train=tones.train[:69])
    folder = shard_folder(fewer, "train", NAME, WIDTH, own)
    assert re.search(r"00001\.f32 has .* bytes, expected", folder.fault())


def test_a_shard_cut_while_it_is_in_use_is_named(tones, own):
    found = build(tones, own)
    cut_a_shard(folder_of(own))
    with pytest.raises(DataError, match=r"00000\.f32 ends 2 numbers early"):
        found.read([63])


def build_repeatedly(tones, root):
    """What another process does at the same time."""
    found = build(tones, root)
    for _ in range(20):
        found.read(EVERYTHING)


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
        build(tones, tmp_path)
    (folder,) = tmp_path.iterdir()
    assert not list(folder.iterdir())
