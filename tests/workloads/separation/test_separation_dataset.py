"""Axes: `B` mixtures, `C` sources, `S` samples."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from workloads.corpora.faults import DataError
from workloads.corpora.mixtures import builtin
from workloads.corpora.mixtures import on_disk as disk
from workloads.corpora.mixtures.mixture import MixtureCorpus, Signals
from workloads.corpora.mixtures.scenes import MANDARIN, MEETING, TWO_SPEAKERS
from workloads.separation import dataset
from workloads.separation.dataset import (
    LEVEL_DB,
    MixtureSet,
    builtin_mixtures,
    of_corpus,
    on_disk,
    with_training,
)
from workloads.separation.sizes import CONV_TASNET, with_sources


def noisy(number, samples=400, sources=2):
    """Sources of noise, each at a level of its own, and softer noise over them."""
    rng = np.random.default_rng(number)
    levels = rng.uniform(0.1, 1, (sources, 1))
    said = (levels * rng.standard_normal((sources, samples))).astype(np.float32)
    noise = 0.01 * rng.standard_normal(samples).astype(np.float32)
    return Signals(said.sum(0) + noise, said)


def ramps(count, samples):
    """Mixture i counts up from 1000 (i + 1), its sources from the double and triple."""
    for number in range(1, count + 1):
        mixture = 1_000.0 * number + np.arange(samples)
        yield Signals(mixture, np.stack([2 * mixture, 3 * mixture]))


def batches(*asked, **options):
    """Mixtures (B, S) and sources (B, C, S) of each batch."""
    for batch in dataset.batches(*asked, **options):
        yield SimpleNamespace(
            mixtures=np.stack([one.mixture for one in batch]),
            sources=np.stack([one.sources for one in batch]),
        )


def drawn(held, batch_size=2, samples=400, seed=0, remix=False):
    rng = np.random.default_rng(seed)
    return list(batches(held, batch_size, samples, rng, remix))


def rms(audio):
    return np.sqrt((audio.astype(float) ** 2).mean(-1))


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"),
    [(6, 2, [2, 2, 2]), (7, 3, [3, 3]), (3, 5, [3]), (4, 1, [1, 1, 1, 1])],
)
def test_an_epoch_takes_each_mixture_once(count, batch_size, sizes):
    """The last ones, too few for a batch, are left out."""
    found = drawn(list(ramps(count, 10)), batch_size, 10)
    assert [len(batch.mixtures) for batch in found] == sizes
    firsts = [row[0] / 1_000 for batch in found for row in batch.mixtures]
    assert len(set(firsts)) == sum(sizes)
    assert set(firsts) <= set(range(1, count + 1))
    for batch in found:
        assert batch.sources.shape == (len(batch.mixtures), 2, 10)
        np.testing.assert_array_equal(batch.sources[:, 0], 2 * batch.mixtures)


def test_the_order_is_another_in_each_epoch_and_the_same_for_a_seed():
    held = list(ramps(12, 10))
    rng = np.random.default_rng(0)
    one, other = (next(batches(held, 12, 10, rng, False)) for _ in range(2))
    assert sorted(one.mixtures[:, 0]) == sorted(other.mixtures[:, 0])
    assert list(one.mixtures[:, 0]) != list(other.mixtures[:, 0])
    (again,) = drawn(held, 12, 10)
    np.testing.assert_array_equal(again.mixtures, one.mixtures)
    (otherwise,) = drawn(held, 12, 10, seed=1)
    assert list(otherwise.mixtures[:, 0]) != list(one.mixtures[:, 0])


def test_mixtures_are_cut_anywhere_and_their_sources_alike():
    starts = set()
    for seed in range(50):
        (batch,) = drawn(list(ramps(1, 13)), samples=10, seed=seed)
        (mixture,) = batch.mixtures
        starts.add(int(mixture[0]) - 1_000)
        np.testing.assert_array_equal(np.diff(mixture), np.ones(9))
        np.testing.assert_array_equal(batch.sources[0, 1], 3 * mixture)
    assert starts == {0, 1, 2, 3}


def test_mixtures_that_are_too_short_are_filled_up_with_zeros():
    (batch,) = drawn(list(ramps(1, 3)), samples=5)
    assert batch.mixtures.tolist() == [[1_000, 1_001, 1_002, 0, 0]]
    assert batch.sources[0, 0].tolist() == [2_000, 2_002, 2_004, 0, 0]


def test_remixing_keeps_the_noise():
    held = [noisy(number) for number in range(4)]
    noises = [one.mixture - one.sources.sum(0) for one in held]
    (batch,) = drawn(held, 4, remix=True)
    for mixture, sources in zip(batch.mixtures, batch.sources, strict=True):
        found = mixture - sources.sum(0)
        assert min(np.abs(found - noise).max() for noise in noises) < 1e-5


def test_remixing_takes_shifted_sources_at_nearly_the_levels_before():
    held, changes_db = noisy(0), []
    for seed in range(20):
        (batch,) = drawn([held], 1, seed=seed, remix=True)
        (found,) = batch.sources
        changes_db += list(20 * np.log10(rms(found) / rms(held.sources)))
        for row in found:
            assert likeness(row, held) == pytest.approx(1, abs=1e-4)
            assert min(np.abs(row - one).max() for one in held.sources) > 0.01
    assert np.abs(changes_db).max() < LEVEL_DB + 1e-3
    assert np.ptp(changes_db) > LEVEL_DB


def likeness(row, signals):
    """The largest cosine between the spectra of a row and of any source, which no
    shift and no level changes."""
    found = np.abs(np.fft.rfft(row))
    spectra = np.abs(np.fft.rfft(signals.sources))
    lengths = np.linalg.norm(spectra, axis=1) * np.linalg.norm(found)
    return (spectra @ found / lengths).max()


def test_remixing_joins_sources_of_several_mixtures():
    held = [noisy(number) for number in range(6)]
    (batch,) = drawn(held, 6, remix=True)
    for sources in batch.sources:
        first, second = (
            int(np.argmax([likeness(row, one) for one in held])) for row in sources
        )
        assert first != second


def test_remixing_is_another_in_each_epoch_and_the_same_for_a_seed():
    held = [noisy(number) for number in range(4)]
    one, again, other = (drawn(held, 4, seed=s, remix=True)[0] for s in (0, 0, 1))
    np.testing.assert_array_equal(one.mixtures, again.mixtures)
    assert np.abs(one.mixtures - other.mixtures).max() > 0.1


def test_remixing_leaves_what_is_held_as_it_was():
    held = [noisy(number) for number in range(4)]
    copies = [one.sources.copy() for one in held]
    drawn(held, remix=True)
    for one, copy in zip(held, copies, strict=True):
        np.testing.assert_array_equal(one.sources, copy)


def test_remixing_joins_mixtures_of_any_lengths():
    held = [noisy(0, 300), noisy(1, 500), noisy(2, 100)]
    (batch,) = drawn(held, 3, samples=200, remix=True)
    assert batch.sources.shape == (3, 2, 200)
    assert (rms(batch.sources) > 0.01).all()


def test_remixing_a_mixture_with_a_silent_source_leaves_it_silent():
    held = [noisy(0, sources=3), noisy(1, sources=3), noisy(2, sources=3)]
    for one in held:
        one.sources[1] = 0
    (batch,) = drawn(held, 3, remix=True)
    assert np.isfinite(batch.mixtures).all()
    assert (batch.sources[:, 1] == 0).all()


def test_a_part_is_read_at_its_own_rate(pairs):
    (first, *_) = pairs.train.mixtures
    assert len(pairs.train.held) == 12
    assert pairs.train.held is pairs.train.held  # kept in memory
    assert pairs.train.held[0].sources.shape == (2, first.samples)
    (halved,) = MixtureSet((first,), 4_000).held
    assert halved.mixture.shape == (first.samples // 2,)


def corpus_of(pairs):
    train, validation = pairs.train.mixtures, pairs.validation.mixtures
    return MixtureCorpus("pairs", "1" * 64, train, validation, {})


def test_a_corpus_is_read_at_the_models_rate(pairs):
    found = of_corpus(corpus_of(pairs), CONV_TASNET)
    assert (found.name, found.checksum) == ("pairs", "1" * 64)
    assert found.train == MixtureSet(pairs.train.mixtures, 16_000)
    assert found.validation == MixtureSet(pairs.validation.mixtures, 16_000)


def test_a_corpus_of_another_number_of_sources_is_refused(pairs):
    expected = "^pairs has mixtures of 2 sources, conv-tasnet-8 separates 8: use a"
    with pytest.raises(ValueError, match=expected):
        of_corpus(corpus_of(pairs), with_sources(CONV_TASNET, 8))


@pytest.mark.parametrize(
    ("sources", "given", "expected"),
    [(2, None, TWO_SPEAKERS), (8, None, MEETING), (2, MANDARIN, MANDARIN)],
)
def test_builtin_mixtures_are_those_of_the_sizes_sources(
    pairs, tmp_path, monkeypatch, sources, given, expected
):
    asked = []

    def load(size, cache_dir, rate_hz, scene, on_progress):
        asked.append((size.train, cache_dir, rate_hz, scene))
        mixtures = tuple(
            replace(one, sources=one.sources[:1] * sources)
            for one in pairs.train.mixtures
        )
        return MixtureCorpus(scene.name, "2" * 64, mixtures, mixtures, {})

    monkeypatch.setattr(builtin, "load_or_build", load)
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path))
    size = replace(CONV_TASNET, sources=sources)
    tiny = builtin.MixturesSize("tiny", 60, 6)
    found = builtin_mixtures(size, tiny, given)
    count = 10 if expected is MEETING else 60  # of 24 s in place of 4 s
    assert asked == [(count, tmp_path, 16_000, expected)]
    assert found.name == expected.name


def test_corpora_on_disk_are_looked_for_by_the_sizes_sources(tmp_path):
    with pytest.raises(ValueError, match="no corpus of mixtures of 8 sources in"):
        on_disk(tmp_path, with_sources(CONV_TASNET, 8))


def test_corpora_on_disk_are_loaded_as_the_size_needs_them(
    pairs, tmp_path, monkeypatch
):
    """Mixtures below one window are dropped there."""
    asked = []

    def load(*arguments):
        asked.append(arguments[:5])
        return corpus_of(pairs)

    monkeypatch.setattr(disk, "load", load)
    assert on_disk(tmp_path, CONV_TASNET, False).name == "pairs"
    assert asked == [(tmp_path, 16_000, 16, False, 2)]


def test_nothing_to_train_on_is_an_error():
    with pytest.raises(DataError, match="no mixtures to train on"):
        next(batches([], 4, 100, np.random.default_rng(0), remix=False))


def test_a_corpus_that_can_train_is_taken_as_it_is(pairs):
    assert with_training(pairs, lambda: pytest.fail("nothing is to be made")) is pairs


def test_a_corpus_without_a_training_part_borrows_one_and_is_another_by_checksum(pairs):
    theirs = replace(
        pairs, name="theirs", checksum="1" * 64, train=MixtureSet((), 8_000)
    )
    found = with_training(theirs, lambda: pairs)
    assert (found.name, found.is_whole) == ("pairs+theirs", False)
    assert found.train is pairs.train
    assert found.validation is theirs.validation
    again = with_training(theirs, lambda: replace(pairs, checksum="2" * 64))
    assert len({found.checksum, again.checksum, pairs.checksum, theirs.checksum}) == 4
