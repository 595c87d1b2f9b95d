"""ASVspoof 2019 LA is read as it lies on disk, and what is wrong with it is named."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from written_corpora import write_asvspoof2019

from workloads.corpora.faults import AbsentError
from workloads.corpora.spoofed import asvspoof2019
from workloads.corpora.spoofed.asvspoof2019 import PUBLISHED
from workloads.metrics.detection_costs import ASVSPOOF_2019, SpeakerVerifier


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_asvspoof2019(tmp_path)
    return tmp_path


def protocol(root: Path, part: str = "train.trn") -> Path:
    name = f"ASVspoof2019.LA.cm.{part}.txt"
    return root / "LA" / "ASVspoof2019_LA_cm_protocols" / name


def audio(root: Path, name: str, part: str = "train") -> Path:
    return root / "LA" / f"ASVspoof2019_LA_{part}" / "flac" / f"{name}.flac"


def test_what_was_written_is_read_back(root: Path) -> None:
    corpus = asvspoof2019.load(root)
    assert corpus.name == "asvspoof2019-la-eval"
    assert (len(corpus.train), len(corpus.evaluation)) == (120, 40)
    first = corpus.train[0]
    assert (first.id, first.speaker, first.attack) == ("LA_T_0000000", "LA_0001", "")
    assert first.samples == 800
    assert {one.attack for one in corpus.train} == {"", "A01", "A06"}
    assert {one.attack for one in corpus.evaluation} == {"", "A07", "A19"}
    assert not corpus.dropped
    assert asvspoof2019.load(root / "LA").checksum == corpus.checksum


def test_other_audio_of_the_same_length_is_another_corpus(root: Path) -> None:
    before = asvspoof2019.load(root).checksum
    soundfile.write(audio(root, "LA_T_0000003"), np.full(800, 0.1), 16_000)
    assert asvspoof2019.load(root).checksum != before


def test_development_is_what_training_knows(root: Path) -> None:
    corpus = asvspoof2019.load(root, judged_on="dev")
    assert corpus.name == "asvspoof2019-la-dev"
    assert {one.attack for one in corpus.evaluation} == {"", "A01", "A06"}


def test_the_published_counts_are_known(
    root: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PUBLISHED == {
        "train": (2_580, 22_800),
        "dev": (2_548, 22_296),
        "eval": (7_355, 63_882),
    }
    with caplog.at_level(logging.WARNING, "speechmark"):
        asvspoof2019.load(root)
    text = "train has 60 bona fide and 60 spoofed utterances of the published 2580"
    assert text in caplog.text
    caplog.clear()
    monkeypatch.setitem(PUBLISHED, "train", (60, 60))
    monkeypatch.setitem(PUBLISHED, "eval", (20, 20))
    asvspoof2019.load(root)
    assert "published" not in caplog.text


def test_the_verifier_is_that_of_the_scores(root: Path) -> None:
    folder = root / "LA" / "ASVspoof2019_LA_asv_scores"
    scores = folder / "ASVspoof2019.LA.asv.eval.gi.trl.scores.txt"
    assert asvspoof2019.load(root).verifier == SpeakerVerifier(0.0, 0.25, 0.75)
    scores.write_text("bonafide target high\n")
    with pytest.raises(ValueError, match=r"line 1 of .* 'bonafide target high'"):
        asvspoof2019.load(root)
    for text in ("", "bonafide target nan\nbonafide nontarget 0\nA07 spoof 0\n"):
        scores.write_text(text)
        with pytest.raises(ValueError, match=r"scores\.txt has no usable scores"):
            asvspoof2019.load(root)
    scores.unlink()
    assert asvspoof2019.load(root).verifier == ASVSPOOF_2019


def without_audio(root: Path) -> None:
    audio(root, "LA_T_0000003").unlink()


def without_a_line(root: Path) -> None:
    path = protocol(root)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3] + lines[4:]))


def replaced(old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        path = protocol(root)
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))

    return change


def written(
    samples: int, rate_hz: int = 16_000, channels: int = 1
) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        tone = np.zeros((samples, channels))
        soundfile.write(audio(root, "LA_T_0000003"), tone, rate_hz)

    return change


LINE = "LA_0004 LA_T_0000003 - A06 spoof"


@pytest.mark.parametrize(
    ("change", "reason", "where"),
    [
        (without_audio, "no audio", "LA_T_0000003.flac"),
        (without_a_line, "audio without a line", "LA_T_0000003.flac"),
        (replaced(LINE, f"{LINE[:-5]}fake"), "a line that is no", "line 4 of"),
        (replaced(LINE, LINE[8:]), "a line that is no", "line 4 of"),
        (replaced(LINE, LINE.replace("A06", "A07")), "an attack that", "line 4 of"),
        (replaced(LINE, LINE.replace("A06", "-")), "an attack that", "line 4 of"),
        (written(399), "shorter than a window", "has 399 samples, needs 400"),
        (written(800, channels=2), "not 16 kHz mono", "16000 Hz and 2 channels"),
        (written(800, rate_hz=8_000), "not 16 kHz mono", "8000 Hz and 1 channels"),
    ],
)
def test_what_is_wrong_is_left_out_and_named(
    root: Path,
    caplog: pytest.LogCaptureFixture,
    change: Callable[[Path], None],
    reason: str,
    where: str,
) -> None:
    change(root)
    with caplog.at_level(logging.WARNING, "speechmark"):
        corpus = asvspoof2019.load(root)
    assert len(corpus.train) == 119
    assert "1 of 160 utterances" in caplog.text
    assert reason in caplog.text
    assert where in caplog.text


def test_many_faults_are_an_error(root: Path) -> None:
    for number in range(8):
        audio(root, f"LA_T_000000{number}").unlink()
    with pytest.raises(ValueError, match=r"8 of 160 utterances .* expected at most 1%"):
        asvspoof2019.load(root)


def test_a_line_given_twice_is_a_fault(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = protocol(root)
    path.write_text(path.read_text() + LINE + "\n\n")
    with caplog.at_level(logging.WARNING, "speechmark"):
        assert len(asvspoof2019.load(root).train) == 120
    assert "an id given twice" in caplog.text


def test_speakers_of_both_parts_are_an_error_that_names_them(root: Path) -> None:
    path = protocol(root, "eval.trl")
    path.write_text(path.read_text().replace("LA_0101", "LA_0001"))
    with pytest.raises(ValueError, match=r"in both train and evaluation \(LA_0001\)"):
        asvspoof2019.load(root)


def test_a_part_without_spoofs_is_an_error(root: Path) -> None:
    path = protocol(root, "eval.trl")
    lines = [line for line in path.read_text().splitlines() if "bonafide" in line]
    path.write_text("\n".join(lines))
    for file in audio(root, "x", "eval").parent.iterdir():
        if file.stem not in path.read_text():
            file.unlink()
    with pytest.raises(ValueError, match="none of 20 utterances of evaluation"):
        asvspoof2019.load(root)


def test_audio_of_enrolment_is_no_fault(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "speechmark"):
        asvspoof2019.load(root)
    assert "faulty" not in caplog.text
    shutil.rmtree(root / "LA" / "ASVspoof2019_LA_asv_protocols")
    asvspoof2019.load(root)
    assert "1 of 161 utterances" in caplog.text
    assert "audio without a line in the protocol" in caplog.text


def test_a_missing_part_says_which(root: Path) -> None:
    folder = root / "LA" / "ASVspoof2019_LA_eval"
    shutil.rmtree(folder)
    with pytest.raises(AbsentError, match=r"ASVspoof2019_LA_eval.*: unpack all of LA"):
        asvspoof2019.load(root)
    with pytest.raises(AbsentError, match="no ASVspoof2019_LA_cm_protocols in"):
        asvspoof2019.load(root / "LA" / "ASVspoof2019_LA_train")


def test_what_a_file_browser_leaves_is_no_audio(root: Path) -> None:
    audio(root, "._LA_T_0000003").write_bytes(b"\0" * 100)
    assert len(asvspoof2019.load(root).train) == 120
