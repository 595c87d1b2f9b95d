"""Whichever corpus lies in a folder is recognised."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from written_corpora import write_libricss, write_librimix

from workloads.corpora.mixtures import on_disk
from workloads.corpora.mixtures.mixture import Mixture

Make = Callable[..., list[Mixture]]


def lay_out_librimix(root: Path, make: Make, sources: int = 2) -> None:
    for subset in ("train-100", "dev"):
        write_librimix(make(1, sources), root, subset, f"Libri{sources}Mix")


def lay_out_aishell(root: Path, make: Make) -> None:
    for subset in ("train", "dev"):
        write_librimix(make(1), root / "aishell1mix", subset, "Aishell1Mix2")


def lay_out_libricss(root: Path, make: Make) -> None:
    write_libricss(make(1, 8, 16_000, 24 * 16_000), root, "OV10")


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (lay_out_librimix, "libri2mix-wav8k-min-mix_both"),
        (lay_out_aishell, "aishell1mix2-wav8k-min-mix_both"),
        (lay_out_libricss, "libricss-OV10-clean-24s"),
    ],
)
def test_each_corpus_is_recognised(
    write: Callable[[Path, Make], None], name: str, make: Make, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    write(root, make)
    corpus = on_disk.load(root, 8_000)
    assert corpus.name == name
    assert len(corpus.validation) == 1


def test_the_number_of_sources_chooses_among_several(
    make: Make, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    lay_out_librimix(root, make)
    lay_out_librimix(root, make, sources=3)
    lay_out_libricss(root, make)
    found = [on_disk.load(root, 8_000, sources=n).name[:9] for n in (2, 3, 8)]
    assert found == ["libri2mix", "libri3mix", "libricss-"]
    with pytest.raises(
        ValueError, match=r"3 corpora of mixtures in .*Libri2Mix, .*Libri3Mix, .*: give"
    ):
        on_disk.load(root, 8_000)


def test_two_corpora_of_the_same_number_are_told_apart_by_their_folder(
    make: Make, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    lay_out_librimix(root, make)
    lay_out_aishell(root, make)
    with pytest.raises(
        ValueError, match=r"2 corpora of mixtures of 2 sources in .*: give one of"
    ):
        on_disk.load(root, 8_000, sources=2)
    corpus = on_disk.load(root / "aishell1mix" / "Aishell1Mix2", 8_000, sources=2)
    assert corpus.name.startswith("aishell1mix2")


def test_what_was_looked_for_is_listed(make: Make, tmp_path: Path) -> None:
    root = tmp_path / "data"
    (root / "music").mkdir(parents=True)
    with pytest.raises(
        ValueError,
        match=r"no corpus of mixtures in .*data, which holds music; found none, looked "
        r"for Libri2Mix, Libri3Mix, Aishell1Mix2, Aishell1Mix3, for_release \(LibriCSS",
    ):
        on_disk.load(root, 8_000)
    lay_out_librimix(root, make)
    with pytest.raises(
        ValueError,
        match=r"no corpus of mixtures of 8 sources in .*Mix \(2 sources\), looked",
    ):
        on_disk.load(root, 8_000, sources=8)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere, which is not there; found none"):
        on_disk.load(tmp_path / "nowhere", 8_000)


def test_options_reach_the_loader(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lay_out_librimix(tmp_path, make)
    steps: list[str] = []
    with caplog.at_level(logging.WARNING, logger="speechmark"):
        on_disk.load(tmp_path, 16_000, on_progress=lambda what, *_: steps.append(what))
    assert steps == ["train-100", "dev"]
    assert "the corpus is resampled" in caplog.text
    with pytest.raises(ValueError, match=r"has 8000 Hz, the model 16000 Hz: give"):
        on_disk.load(tmp_path, 16_000, may_resample=False)
    with pytest.raises(
        ValueError, match=r"'shorter than one window': 2.*: make the corpus anew, or"
    ):
        on_disk.load(tmp_path, 8_000, min_samples=4_001)
