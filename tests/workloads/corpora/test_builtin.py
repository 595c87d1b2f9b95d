"""The built-in corpus is the same every time, and mends itself."""

import logging
import multiprocessing
import shutil
from pathlib import Path

import pytest

from basics.files import file_sha256
from workloads.corpora import builtin, cache, generated
from workloads.corpora.builtin import CorpusSize, load_or_build
from workloads.corpora.utterance import Corpus, read_audio

TINY = CorpusSize("tiny", train_s=12, validation_s=6)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds TINY; tests that change it copy it first."""
    folder = tmp_path_factory.mktemp("cache")
    load_or_build(TINY, folder)
    return folder


@pytest.fixture
def own_cache(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "cache"))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def sounds(corpus: Corpus) -> list[tuple[str, str, bytes]]:
    return [(u.id, u.transcript, u.path.read_bytes()) for u in corpus.train]


def test_the_published_sizes() -> None:
    sizes = builtin.SMOKE, builtin.QUICK, builtin.STANDARD
    assert [(s.name, s.train_s, s.validation_s) for s in sizes] == [
        ("smoke", 60, 15),
        ("quick", 1_800, 360),
        ("standard", 36_000, 1_200),
    ]


def test_each_part_ends_with_the_utterance_that_reaches_its_length(
    built: Path,
) -> None:
    corpus = load_or_build(TINY, built)
    for part, length_s in ((corpus.train, 12), (corpus.validation, 6)):
        durations_s = [utterance.duration_s for utterance in part]
        assert sum(durations_s[:-1]) < length_s <= sum(durations_s)


def test_the_corpus_says_what_it_is(built: Path) -> None:
    corpus = load_or_build(TINY, built)
    assert corpus.name == "builtin-tiny"
    assert corpus.dropped == {}
    folder = built / builtin.folder_name(TINY, seed=0)
    assert corpus.checksum == file_sha256(folder / "manifest.json")
    first = corpus.train[0]
    assert first.id == "train-000000"
    assert first.path == folder / "train" / first.speaker / "train-000000.wav"


def test_splits_share_neither_speakers_nor_sentences(built: Path) -> None:
    corpus = load_or_build(TINY, built)
    for field in ("speaker", "transcript", "id"):
        train = {getattr(utterance, field) for utterance in corpus.train}
        assert train.isdisjoint(getattr(u, field) for u in corpus.validation)


def test_every_utterance_can_be_read(built: Path) -> None:
    corpus = load_or_build(TINY, built)
    for utterance in corpus.train + corpus.validation:
        audio = read_audio(utterance)
        assert len(audio) == round(utterance.duration_s * 16_000)
        assert 0.05 < abs(audio).max() <= 0.99


def test_the_number_of_processes_changes_no_byte(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generated.os, "sched_getaffinity", lambda _: {0})
    load_or_build(TINY, tmp_path)
    assert contents(tmp_path) == contents(built)


def test_only_whole_corpora_are_left_behind(built: Path) -> None:
    assert [path.name for path in built.iterdir()] == [
        builtin.folder_name(TINY, seed=0)
    ]
    listed = {utterance.path for utterance in load_or_build(TINY, built).train}
    assert (
        set((built / builtin.folder_name(TINY, 0) / "train").rglob("*.wav")) == listed
    )


def test_a_longer_corpus_begins_with_the_shorter_one(
    built: Path, tmp_path: Path
) -> None:
    longer = load_or_build(CorpusSize("more", 20, 6), tmp_path)
    shorter = load_or_build(TINY, built)
    assert len(longer.train) > len(shorter.train)
    assert sounds(longer)[: len(shorter.train)] == sounds(shorter)


def test_another_seed_gives_another_corpus(built: Path, tmp_path: Path) -> None:
    other = load_or_build(TINY, tmp_path, seed=1)
    same = load_or_build(TINY, built)
    assert other.checksum != same.checksum
    assert other.train[0].transcript != same.train[0].transcript


def test_the_folder_name_holds_all_that_matters() -> None:
    names = {
        builtin.folder_name(size, seed)
        for size in (TINY, CorpusSize("a", 13, 6), CorpusSize("b", 12, 7))
        for seed in (0, 1)
    }
    assert len(names) == 6
    assert builtin.folder_name(CorpusSize("other", 12, 6), 0) in names


def test_a_second_load_makes_nothing(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generated, "make_pool", None)  # calling it would fail
    assert len(load_or_build(TINY, built).train) > 0


def test_progress_counts_seconds_up_to_the_length(tmp_path: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    load_or_build(
        CorpusSize("t", 3, 2),
        tmp_path,
        on_progress=lambda *step: heard.append(step),
    )
    assert [step for step in heard if step[1] == step[2]] == [
        ("train", 3, 3),
        ("validation", 2, 2),
    ]


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def test_damaged_files_are_named_and_made_anew(
    own_cache: Path, built: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train = load_or_build(TINY, own_cache).train
    kept_time_ns = train[3].path.stat().st_mtime_ns
    flip_a_byte(train[0].path)
    truncate(train[1].path)
    shutil.rmtree(train[2].path.parent)
    heard: list[tuple[str, int, int]] = []
    with caplog.at_level(logging.WARNING, logger="speechmark"):
        load_or_build(TINY, own_cache, on_progress=lambda *step: heard.append(step))
    for utterance, fault in zip(
        train[:3], ("damaged", "damaged", "missing"), strict=True
    ):
        assert f"{utterance.path} is {fault}: it is made anew" in caplog.text
    assert contents(own_cache) == contents(built)
    assert heard[-1] == ("mend", len(heard), len(heard))
    assert train[3].path.stat().st_mtime_ns == kept_time_ns


def test_a_damaged_manifest_makes_the_corpus_anew(
    own_cache: Path, built: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flip_a_byte(own_cache / builtin.folder_name(TINY, 0) / "manifest.json")
    load_or_build(TINY, own_cache)
    assert "the corpus is made anew" in caplog.text
    assert contents(own_cache) == contents(built)


def test_a_file_that_cannot_be_made_the_same_again_is_an_error(
    own_cache: Path,
) -> None:
    folder = own_cache / builtin.folder_name(TINY, 0)
    manifest, _ = cache.read_manifest(folder)
    manifest["utterances"][0]["sha256"] = "0" * 64  # as another numpy might have made
    cache.write_manifest(folder, manifest)
    with pytest.raises(ValueError, match=r"1 of 1 files made anew differ .* delete"):
        load_or_build(TINY, own_cache)


def silent(stage: str, done: int, total: int) -> None:
    """A listener at the module's top level, where a spawned process can find it."""


def test_two_processes_may_build_at_once(built: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    builders = [
        context.Process(target=load_or_build, args=(TINY, tmp_path, 0, silent))
        for _ in range(2)
    ]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    assert [builder.exitcode for builder in builders] == [0, 0]
    assert contents(tmp_path) == contents(built)


def test_utterances_that_are_too_long_are_dropped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        builtin, "reason_to_drop", lambda s: "over 3 s" if s > 48_000 else None
    )
    corpus = load_or_build(TINY, tmp_path)
    assert set(corpus.dropped) == {"over 3 s"}
    assert corpus.dropped["over 3 s"] > 0
    assert max(u.duration_s for u in corpus.train) <= 3
    folder = tmp_path / builtin.folder_name(TINY, 0)
    utterances = len(corpus.train) + len(corpus.validation)
    assert len(list(folder.rglob("*.wav"))) == utterances


@pytest.mark.parametrize("field", ["train_s", "validation_s"])
@pytest.mark.parametrize("length_s", [0, -1, float("nan"), float("inf")])
def test_a_length_that_is_no_length_is_refused(field: str, length_s: float) -> None:
    lengths_s = {"train_s": 1.0, "validation_s": 1.0, field: length_s}
    with pytest.raises(ValueError, match=f"{field} is {length_s}"):
        CorpusSize("odd", **lengths_s)
