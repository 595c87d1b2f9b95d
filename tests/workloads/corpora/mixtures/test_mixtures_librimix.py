"""LibriMix and Aishell1Mix are read as they lie on disk, and faults are named."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from written_corpora import write_librimix

from workloads.corpora import faults
from workloads.corpora.mixtures import on_disk
from workloads.corpora.mixtures.mixture import Mixture, MixtureCorpus, read

RATE_HZ = 8_000
Make = Callable[..., list[Mixture]]


@pytest.fixture
def root(make: Make, tmp_path: Path) -> Path:
    """Three mixtures to train on, two to validate on, at 8 kHz."""
    folder = tmp_path / "data"
    write_librimix(make(3), folder, "train-100")
    write_librimix(make(2, seed=1), folder, "dev")
    return folder


def heard(mixtures: tuple[Mixture, ...] | list[Mixture]) -> list[bytes]:
    signals = [read(mixture, mixture.sample_rate_hz) for mixture in mixtures]
    return [array.tobytes() for one in signals for array in (one.mixture, one.sources)]


def subset(root: Path, name: str = "train-100") -> Path:
    return root / "Libri2Mix" / "wav8k" / "min" / name


def csv_of(root: Path, name: str = "train-100") -> Path:
    return subset(root).parent / "metadata" / f"mixture_{name}_mix_both.csv"


def test_what_was_written_is_read_back(root: Path, make: Make) -> None:
    corpus = on_disk.load(root, RATE_HZ)
    assert heard(corpus.train) == heard(make(3))
    assert heard(corpus.validation) == heard(make(2, seed=1))
    assert [mixture.id for mixture in corpus.validation] == ["m1-0000", "m1-0001"]
    assert corpus.name == "libri2mix-wav8k-min-mix_both"
    assert corpus.dropped == {}


@pytest.mark.parametrize("below", ["", "LibriMix"])
def test_the_folder_itself_or_what_holds_it_may_be_given(
    root: Path, below: str, tmp_path: Path
) -> None:
    expected = on_disk.load(root, RATE_HZ)
    moved = tmp_path / "moved" / below
    moved.parent.mkdir(exist_ok=True)
    root.rename(moved)
    outer = on_disk.load(tmp_path / "moved", RATE_HZ)
    assert outer == on_disk.load(moved / "Libri2Mix", RATE_HZ)
    assert outer.checksum == expected.checksum


@pytest.mark.parametrize("separator", ["/", "\\"])
def test_paths_of_another_machine_are_looked_for_here(
    root: Path, separator: str
) -> None:
    before = on_disk.load(root, RATE_HZ)
    for name in ("train-100", "dev"):
        path = csv_of(root, name)
        elsewhere = str(subset(root).parent).replace("/", separator)
        text = path.read_text().replace(str(subset(root).parent), "Z:/gone")
        assert elsewhere not in text
        path.write_text(text.replace("/", separator))
    assert on_disk.load(root, RATE_HZ) == before


def test_three_sources_lie_in_a_folder_of_their_own(root: Path, make: Make) -> None:
    for name in ("train-360", "dev"):
        write_librimix(make(1, sources=3), root, name, "Libri3Mix")
    corpus = on_disk.load(root, RATE_HZ, sources=3)
    assert len(corpus.validation[0].sources) == 3
    assert corpus.train[0].sources[2].path.parent.name == "s3"
    assert len(on_disk.load(root, RATE_HZ, sources=2).train[0].sources) == 2


def test_all_training_subsets_that_are_there_are_used(root: Path, make: Make) -> None:
    write_librimix(make(4, seed=5), root, "train-360")
    assert len(on_disk.load(root, RATE_HZ).train) == 7
    csv_of(root).unlink()
    assert len(on_disk.load(root, RATE_HZ).train) == 4


def test_the_folder_of_the_models_rate_is_preferred(root: Path, make: Make) -> None:
    for name in ("train-100", "dev"):
        write_librimix(make(1, sample_rate_hz=16_000), root, name)
    assert on_disk.load(root, 16_000).train[0].sample_rate_hz == 16_000
    assert on_disk.load(root, 8_000).train[0].sample_rate_hz == 8_000
    assert on_disk.load(root, 12_000).train[0].sample_rate_hz == 16_000  # loses nothing
    assert on_disk.load(root, 24_000).train[0].sample_rate_hz == 16_000


def test_another_rate_is_a_warning_or_an_error(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="speechmark"):
        on_disk.load(root, 8_000)
        assert caplog.text == ""
        corpus = on_disk.load(root, 16_000)
    assert "has 8000 Hz, the model 16000 Hz: the corpus is resampled" in caplog.text
    assert read(corpus.train[0], 16_000).mixture.shape == (8_000,)
    with pytest.raises(ValueError, match=r"mix_both has 8000 Hz, the model 16000 Hz"):
        on_disk.load(root, 16_000, may_resample=False)


def test_mixtures_shorter_than_a_window_are_dropped_and_counted(
    root: Path, make: Make
) -> None:
    write_librimix(make(2, samples=100, seed=7), root, "train-360")
    assert on_disk.load(root, RATE_HZ, min_samples=100).dropped == {}
    corpus = on_disk.load(root, RATE_HZ, min_samples=101)
    assert corpus.dropped == {"shorter than one window": 2}
    assert len(corpus.train) == 3
    double = on_disk.load(root, 2 * RATE_HZ, min_samples=200)  # of the model's
    assert double.dropped == {}
    with pytest.raises(
        ValueError,
        match=r"no mixture to train on is left in .*min \(.*window': 7\} dropped",
    ):
        on_disk.load(root, RATE_HZ, min_samples=4_001)
    write_librimix(make(3, samples=9_000, seed=8), root, "train-100")
    with pytest.raises(ValueError, match=r"no mixture to validate on is left in .*min"):
        on_disk.load(root, RATE_HZ, min_samples=4_001)


def test_progress_counts_the_mixtures_of_each_subset(root: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    on_disk.load(root, RATE_HZ, on_progress=lambda *step: steps.append(step))
    assert steps == [("train-100", 3, 3), ("dev", 2, 2)]


def test_the_checksum_follows_audio_ids_and_lengths(root: Path, make: Make) -> None:
    before = on_disk.load(root, RATE_HZ).checksum
    assert on_disk.load(root, RATE_HZ).checksum == before
    write_librimix(make(3, seed=8), root, "train-100")
    assert on_disk.load(root, RATE_HZ).checksum != before
    write_librimix(make(3), root, "train-100")
    assert on_disk.load(root, RATE_HZ).checksum == before
    source = subset(root) / "s2" / "m0-0002.wav"
    soundfile.write(source, np.zeros(4_000), RATE_HZ)
    assert on_disk.load(root, RATE_HZ).checksum != before


def remove(path: Path) -> str:
    path.unlink()
    return "no audio"


def scribble(path: Path) -> str:
    path.write_text("not audio at all")
    return "unreadable"


def empty(path: Path) -> str:
    path.write_bytes(b"")
    return "unreadable"


def cut_in_half(path: Path) -> str:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return "another length"


@pytest.mark.parametrize(
    "harm", [remove, scribble, empty, cut_in_half], ids=lambda harm: harm.__name__
)
@pytest.mark.parametrize("track", ["mix_both", "s2"])
def test_a_faulty_mixture_among_many_is_left_out_and_named(
    harm: Callable[[Path], str],
    track: str,
    root: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(faults, "MAX_FAULTY_SHARE", 0.2)
    path = subset(root) / track / "m0-0001.wav"
    reason = harm(path)
    with caplog.at_level(logging.WARNING, logger="speechmark"):
        corpus = on_disk.load(root, RATE_HZ)
    assert corpus.dropped == {reason: 1}
    assert [mixture.id for mixture in corpus.train] == ["m0-0000", "m0-0002"]
    assert "1 of 5 mixtures of" in caplog.text
    assert f"{reason}: {path}" in caplog.text


def test_more_than_one_in_100_is_an_error_that_lists_the_first(root: Path) -> None:
    remove(subset(root) / "s1" / "m0-0001.wav")
    with pytest.raises(
        ValueError, match=r"1 of 5 mixtures of .*wav8k/min are faulty.* at most 1%"
    ) as caught:
        on_disk.load(root, RATE_HZ)
    assert "no audio: " in str(caught.value)
    assert "s1/m0-0001.wav" in str(caught.value)


def test_audio_of_another_rate_than_its_folder_is_an_error(root: Path) -> None:
    path = subset(root) / "s1" / "m0-0001.wav"
    soundfile.write(path, np.zeros(4_000), 16_000)
    with pytest.raises(ValueError, match=r"has 16000 Hz, expected 8000 Hz"):
        on_disk.load(root, RATE_HZ)


def test_what_is_missing_is_named_with_what_is_there(root: Path) -> None:
    csv_of(root, "dev").rename(csv_of(root, "test"))
    with pytest.raises(
        ValueError,
        match=r"no mixture_dev_mix_both.csv in .*metadata, which holds mixture_test_",
    ):
        on_disk.load(root, RATE_HZ)
    csv_of(root).unlink()
    with pytest.raises(
        ValueError,
        match=r"no mixture_train-100_mix_both.csv or mixture_train-360_mix_both.csv "
        r"in .*metadata, which holds mixture_test_mix_both.csv: make",
    ):
        on_disk.load(root, RATE_HZ)
    shutil.rmtree(csv_of(root).parent)
    with pytest.raises(ValueError, match=r"metadata, which is not there"):
        on_disk.load(root, RATE_HZ)


def test_a_folder_without_rates_is_named(tmp_path: Path) -> None:
    (tmp_path / "Libri2Mix" / "storage").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"no folder wav8k or wav16k in .* storage"):
        on_disk.load(tmp_path, RATE_HZ)


def test_columns_and_values_that_are_missing_are_named(root: Path) -> None:
    path = csv_of(root)
    text = path.read_text()
    path.write_text(text.replace("source_2_path", "other").replace("length", "long"))
    with pytest.raises(
        ValueError,
        match=r"lacks the columns source_2_path, length and has mixture_ID, mixture_pa",
    ):
        on_disk.load(root, RATE_HZ)
    path.write_text("")
    with pytest.raises(ValueError, match=r"lacks the columns mixture_ID, .* has none"):
        on_disk.load(root, RATE_HZ)
    path.write_text(text.replace(",4000", ",unknown", 1))
    with pytest.raises(ValueError, match=r"both.csv:2: .* has not id, paths and l"):
        on_disk.load(root, RATE_HZ)


def test_lengths_may_be_written_as_fractions(root: Path) -> None:
    before = on_disk.load(root, RATE_HZ)
    path = csv_of(root)
    path.write_text(path.read_text().replace(",4000", ",4000.0"))
    assert on_disk.load(root, RATE_HZ) == before


def write_aishell(root: Path, make: Make, sources: int = 2) -> MixtureCorpus:
    for name in ("train", "dev"):
        mixtures = make(2, sources=sources)
        write_librimix(mixtures, root, name, f"Aishell1Mix{sources}")
    return on_disk.load(root, RATE_HZ, sources=sources)


def test_aishell1mix_is_read_back_from_its_own_layout(
    make: Make, tmp_path: Path
) -> None:
    corpus = write_aishell(tmp_path / "aishell1mix", make)
    assert corpus.name == "aishell1mix2-wav8k-min-mix_both"
    assert heard(corpus.train) == heard(make(2))
    assert corpus.train[0].mixture.path == (
        tmp_path / "aishell1mix/Aishell1Mix2/wav8k/min/train/mix_both/m0-0000.wav"
    )
    assert on_disk.load(tmp_path, RATE_HZ) == corpus
    three = write_aishell(tmp_path, make, sources=3)
    assert len(three.train[0].sources) == 3


def test_what_aishell1mix_lacks_is_named(make: Make, tmp_path: Path) -> None:
    write_librimix(make(1), tmp_path, "dev", "Aishell1Mix2")
    with pytest.raises(ValueError, match=r"no mixture_train_mix_both.csv in"):
        on_disk.load(tmp_path, RATE_HZ)
    write_librimix(make(1), tmp_path, "train", "Aishell1Mix2")
    with pytest.raises(ValueError, match=r"has 8000 Hz, the model 16000 Hz"):
        on_disk.load(tmp_path, 16_000, may_resample=False)


def test_a_byte_order_mark_before_the_columns_is_read_over(root: Path) -> None:
    before = on_disk.load(root, 8_000)
    path = csv_of(root)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert on_disk.load(root, 8_000) == before


@pytest.mark.parametrize("length", ["inf", "nan", "-inf", "", "1e400"])
def test_a_row_with_a_length_that_is_none_is_a_fault_among_others(
    root: Path, monkeypatch: pytest.MonkeyPatch, length: str
) -> None:
    monkeypatch.setattr(faults, "MAX_FAULTY_SHARE", 0.5)
    path = csv_of(root)
    first, second, *rest = path.read_text().splitlines()
    second = second.rpartition(",")[0] + f",{length}"
    path.write_text("\n".join([first, second, *rest]) + "\n")
    corpus = on_disk.load(root, 8_000)
    assert (corpus.dropped, len(corpus.train)) == ({"a damaged row": 1}, 2)


def test_a_mixture_listed_twice_counts_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "MAX_FAULTY_SHARE", 0.5)
    path = csv_of(root)
    path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")
    corpus = on_disk.load(root, 8_000)
    assert (corpus.dropped, len(corpus.train)) == ({"an id given twice": 1}, 3)
