"""The built-in mixtures are the same every time, and are made anew when damaged."""

import hashlib
import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from workloads.corpora import cache, generated
from workloads.corpora.mixtures import builtin
from workloads.corpora.mixtures.builtin import (
    MixturesSize,
    folder_name,
    load_or_build,
    render_mixture,
)
from workloads.corpora.mixtures.mixture import Mixture, MixtureCorpus, read
from workloads.corpora.mixtures.scenes import MANDARIN, MEETING, TWO_SPEAKERS, Scene
from workloads.corpora.render import Split

TINY = MixturesSize("tiny", train=2, validation=1)
BRIEF = replace(TWO_SPEAKERS, name="brief", duration_s=1.0)
SCENES = [TWO_SPEAKERS, MANDARIN, MEETING]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> object:
    """Processes take a second to start; what they make is the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generated, "make_pool", lambda: ThreadPoolExecutor(1))
        yield


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds all scenes; tests that change it copy it first."""
    folder = tmp_path_factory.mktemp("cache")
    for scene in (*SCENES, BRIEF):
        load_or_build(TINY, folder, 8_000, scene)
    return folder


@pytest.fixture
def own_cache(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "cache"))


def sounds(mixtures: tuple[Mixture, ...]) -> list[bytes]:
    tracks = [track for m in mixtures for track in (m.mixture, *m.sources)]
    return [track.path.read_bytes() for track in tracks]


def test_the_published_sizes() -> None:
    sizes = builtin.SMOKE, builtin.QUICK, builtin.STANDARD
    assert [(s.name, s.train, s.validation) for s in sizes] == [
        ("smoke", 8, 4),
        ("quick", 32, 32),
        ("standard", 32, 300),
    ]
    assert (builtin.QUICK.of(Split.TRAIN), TINY.of(Split.VALIDATION)) == (32, 1)


def test_a_scene_of_longer_mixtures_has_as_many_fewer() -> None:
    assert builtin.STANDARD.fitted(MEETING) == MixturesSize("standard", 6, 50)
    assert builtin.SMOKE.fitted(MEETING) == MixturesSize("smoke", 2, 1)
    assert builtin.QUICK.fitted(TWO_SPEAKERS) == builtin.QUICK


@pytest.mark.parametrize("field", ["train", "validation"])
def test_a_size_of_nothing_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} is 0: give 1 mixture or more"):
        MixturesSize("none", **{"train": 1, "validation": 1, field: 0})


def test_two_speakers_of_seed_0_sound_as_ever() -> None:
    """What the shipped weights were trained on: other audio needs another version."""
    mixture, _, speakers = render_mixture(TWO_SPEAKERS, 0, Split.TRAIN, 0)
    assert speakers == ["en-us-annie-p35", "en-us-alex-p35"]
    some = [-0.02801, 0.14517, -0.07814, 0.01323, 0.01196]
    np.testing.assert_allclose(mixture[20_000:24_000:800], some, atol=1e-4)


def test_the_folder_of_two_speakers_keeps_its_name() -> None:
    assert folder_name(builtin.QUICK, TWO_SPEAKERS, 0) == (
        "mixtures-v1-two-speakers-espeak1.52.0-seed0-train32-validation32"
    )


def test_the_folder_name_holds_all_that_matters() -> None:
    names = {
        folder_name(size, scene, seed)
        for size in (TINY, replace(TINY, train=3), replace(TINY, validation=2))
        for scene in (*SCENES, BRIEF, replace(BRIEF, duration_s=2.0))
        for seed in (0, 1)
    }
    assert len(names) == 3 * 5 * 2


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
@pytest.mark.parametrize("rate_hz", [8_000, 16_000])
def test_mixtures_have_the_lengths_and_sources_of_their_scene(
    built: Path, scene: Scene, rate_hz: int
) -> None:
    corpus = load_or_build(TINY, built, rate_hz, scene)
    assert corpus.name == f"builtin-{scene.name}-tiny"
    first = corpus.validation[0]
    assert (first.sample_rate_hz, len(first.sources)) == (rate_hz, scene.sources)
    assert corpus.dropped == {}
    for mixture in corpus.train + corpus.validation:
        signals = read(mixture, rate_hz)
        assert mixture.samples == scene.duration_s * rate_hz
        assert signals.mixture.shape == (scene.duration_s * rate_hz,)
        assert signals.sources.shape == (scene.sources, scene.duration_s * rate_hz)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_mixture_is_its_sources_and_noise_15_to_30_db_below(
    built: Path, scene: Scene
) -> None:
    corpus = load_or_build(TINY, built, 16_000, scene)
    for mixture in corpus.validation:
        signals = read(mixture, 16_000)
        both = signals.sources.sum(axis=0)
        noise = signals.mixture - both
        ratio_db = 10 * np.log10(np.square(noise).mean() / np.square(both).mean())
        assert -30.5 < ratio_db < -14.5


def test_splits_share_no_speakers(built: Path) -> None:
    manifest, _ = cache.read_manifest(built / folder_name(TINY, MANDARIN, 0))
    by_split: dict[str, set[str]] = {"train": set(), "validation": set()}
    for entry in manifest["mixtures"]:
        by_split[entry["split"]] |= set(entry["speakers"])
    assert by_split["train"].isdisjoint(by_split["validation"])


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_mixture_is_the_same_alone_and_among_others(
    built: Path, scene: Scene, tmp_path: Path
) -> None:
    size = TINY.fitted(scene)
    manifest, _ = cache.read_manifest(built / folder_name(size, scene, 0))
    entry = manifest["mixtures"][-1]
    split = Split[entry["split"].upper()]
    alone = builtin.write_mixture(scene, 0, tmp_path, split, entry["index"])
    assert alone == entry
    for name, digest in alone["files"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest


def test_more_mixtures_begin_with_the_same_ones(built: Path, tmp_path: Path) -> None:
    shorter = load_or_build(TINY, built, 8_000, BRIEF)
    longer = load_or_build(MixturesSize("more", 3, 2), tmp_path, 8_000, BRIEF)
    assert len(longer.train) > len(shorter.train)
    few = sounds(shorter.train)
    assert sounds(longer.train)[: len(few)] == few
    few = sounds(shorter.validation)
    assert sounds(longer.validation)[: len(few)] == few


def test_another_seed_gives_other_mixtures(built: Path, tmp_path: Path) -> None:
    other = load_or_build(TINY, tmp_path, 8_000, BRIEF, seed=1)
    same = load_or_build(TINY, built, 8_000, BRIEF)
    assert other.checksum != same.checksum
    assert sounds(other.train)[0] != sounds(same.train)[0]


def test_the_mixtures_of_both_rates_sound_alike(built: Path) -> None:
    low, high = (load_or_build(TINY, built, hz, BRIEF) for hz in (8_000, 16_000))
    assert low.checksum == high.checksum
    narrow = read(low.train[0], 8_000).sources
    np.testing.assert_allclose(read(high.train[0], 8_000).sources, narrow, atol=1e-4)


def test_a_second_load_makes_nothing(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generated, "make_pool", None)  # calling it would fail
    assert len(load_or_build(TINY, built, 8_000).train) == 2


def test_progress_counts_the_mixtures_of_each_split(tmp_path: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    size = MixturesSize("t", 5, 1)
    load_or_build(size, tmp_path, 8_000, BRIEF, on_progress=lambda *s: heard.append(s))
    assert heard == [
        ("train mixtures", 16, 20),
        ("train mixtures", 20, 20),
        ("validation mixtures", 4, 4),
    ]


def test_other_rates_than_8_and_16_khz_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"have \(8000, 16000\) Hz, not 44100 Hz"):
        load_or_build(TINY, tmp_path, 44_100)


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "told"), [(damage, "is damaged"), (Path.unlink, "is missing")]
)
def test_damaged_and_missing_files_are_made_anew_with_a_warning(
    harm: object, told: str, own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = load_or_build(TINY, own_cache, 8_000, BRIEF)
    whole = sounds(before.train)
    harm(before.train[0].sources[1].path)  # type: ignore[operator]
    with caplog.at_level(logging.WARNING, logger="speechmark"):
        after = load_or_build(TINY, own_cache, 8_000, BRIEF)
    assert f"000000.wav {told}: it is made anew" in caplog.text
    assert sounds(after.train) == whole
    assert after == before


def test_a_damaged_manifest_is_made_anew_with_a_warning(
    own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = load_or_build(TINY, own_cache, 8_000, BRIEF)
    name = folder_name(TINY.fitted(BRIEF), BRIEF, 0)
    damage(own_cache / name / cache.MANIFEST)
    with caplog.at_level(logging.WARNING, logger="speechmark"):
        after: MixtureCorpus = load_or_build(TINY, own_cache, 8_000, BRIEF)
    assert "has SHA-256" in caplog.text
    assert after == before


def test_meetings_are_kept_as_flac_and_pairs_as_wav(built: Path) -> None:
    for scene, kind in ((MEETING, "FLAC"), (TWO_SPEAKERS, "WAV")):
        track = load_or_build(TINY, built, 8_000, scene).train[0].sources[0]
        info = soundfile.info(track.path)
        assert (info.format, info.subtype) == (kind, "PCM_16")
