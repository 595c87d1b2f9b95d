"""LibriSpeech is read as it lies on disk, and what is wrong with it is named."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from written_corpora import write_librispeech

from workloads.corpora import librispeech
from workloads.corpora.builtin import CorpusSize, load_or_build
from workloads.corpora.utterance import Corpus, Utterance, read_audio

TRAIN, OTHER, DEV = "train-clean-100", "train-other-500", "dev-clean"


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    size = CorpusSize("tiny", train_s=10, validation_s=5)
    return load_or_build(size, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def root(spoken: Corpus, tmp_path: Path) -> Path:
    write_librispeech(spoken.train, tmp_path, TRAIN)
    write_librispeech(spoken.validation, tmp_path, DEV)
    return tmp_path


def said(utterances: tuple[Utterance, ...]) -> set[tuple[str, str, bytes]]:
    return {
        (u.speaker.replace("-", "_"), u.transcript, read_audio(u).tobytes())
        for u in utterances
    }


def write_tones(
    root: Path, subset: str, count: int, samples: int = 16_000, speaker: str = "7"
) -> Path:
    """A chapter of many short files; returns its folder."""
    chapter = root / "LibriSpeech" / subset / speaker / "8"
    chapter.mkdir(parents=True)
    tone = np.sin(np.arange(samples) / 10) / 2
    for number in range(count):
        name = f"{speaker}-8-{number:04d}"
        soundfile.write(chapter / f"{name}.flac", tone, 16_000)
    lines = [f"{speaker}-8-{number:04d} A TONE\n" for number in range(count)]
    (chapter / f"{speaker}-8.trans.txt").write_text("".join(lines))
    return chapter


def audio_files(root: Path, subset: str = TRAIN) -> list[Path]:
    return sorted((root / "LibriSpeech" / subset).rglob("*.flac"))


def test_what_was_written_is_read_back(spoken: Corpus, root: Path) -> None:
    corpus = librispeech.load(root)
    assert said(corpus.train) == said(spoken.train)
    assert said(corpus.validation) == said(spoken.validation)
    assert corpus.name == f"librispeech-{TRAIN}+{DEV}"
    assert corpus.dropped == {}


def test_the_folder_itself_may_be_given(root: Path) -> None:
    assert librispeech.load(root / "LibriSpeech") == librispeech.load(root)


def test_all_training_subsets_that_are_there_are_used(root: Path) -> None:
    alone = librispeech.load(root)
    write_tones(root, OTHER, count=3)
    both = librispeech.load(root)
    assert len(both.train) == len(alone.train) + 3
    assert both.name == f"librispeech-{TRAIN}+{OTHER}+{DEV}"


def test_other_validation_subsets_are_not_read(root: Path) -> None:
    before = librispeech.load(root)
    write_tones(root, "dev-other", count=2)
    assert librispeech.load(root) == before


def test_progress_counts_the_files_of_each_subset(root: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    corpus = librispeech.load(root, on_progress=lambda *step: heard.append(step))
    train, dev = len(corpus.train), len(corpus.validation)
    assert heard == [(TRAIN, train, train), (DEV, dev, dev)]


def test_the_checksum_follows_transcripts_and_audio(root: Path) -> None:
    before = librispeech.load(root).checksum
    assert librispeech.load(root).checksum == before
    first = audio_files(root)[0]
    transcripts = next(first.parent.glob("*.trans.txt"))
    text = transcripts.read_text()
    transcripts.write_text(text.replace("\n", " INDEED\n", 1))
    assert librispeech.load(root).checksum != before
    transcripts.write_text(text)
    assert librispeech.load(root).checksum == before
    soundfile.write(first, np.zeros(20_000), 16_000)
    assert librispeech.load(root).checksum != before


def test_changed_audio_of_the_same_size_changes_the_checksum(root: Path) -> None:
    first = audio_files(root)[0]
    sizes, checksums = [], set()
    for seed in range(20):
        noise = np.random.default_rng(seed).uniform(-1, 1, 20_000)
        soundfile.write(first, noise, 16_000, subtype="PCM_16")
        sizes.append(first.stat().st_size)
        checksums.add(librispeech.load(root).checksum)
    assert len(set(sizes)) < len(sizes)
    assert len(checksums) == 20


def test_audio_without_md5_in_its_header_is_hashed_as_a_file(root: Path) -> None:
    first = audio_files(root)[0]
    checksums = set()
    for seed in range(2):
        noise = np.random.default_rng(seed).uniform(-1, 1, 20_000)
        soundfile.write(first, noise, 16_000, subtype="PCM_16")
        content = bytearray(first.read_bytes())
        assert any(content[26:42])
        content[26:42] = bytes(16)
        first.write_bytes(content)
        checksums.add(librispeech.load(root).checksum)
    assert len(checksums) == 2


def test_utterances_over_and_under_length_are_dropped_and_counted(root: Path) -> None:
    before = librispeech.load(root)
    write_tones(root, OTHER, count=2, samples=267_201)
    write_tones(root, "train-clean-360", count=3, samples=1_599, speaker="9")
    corpus = librispeech.load(root)
    assert corpus.dropped == {"over 16.7 s": 2, "under 11 frames": 3}
    assert corpus.train == before.train


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no folder .*nowhere: give the folder"):
        librispeech.load(tmp_path / "nowhere")


def test_a_folder_without_subsets_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    with pytest.raises(
        ValueError, match=r"no training subset train-clean-100, .* which holds music"
    ):
        librispeech.load(tmp_path)


def test_a_subset_that_is_missing_is_named(root: Path) -> None:
    shutil.rmtree(root / "LibriSpeech" / DEV)
    with pytest.raises(
        ValueError, match=f"no validation subset {DEV} in .* which holds {TRAIN}: unpa"
    ):
        librispeech.load(root)


def test_subsets_without_audio_are_refused(tmp_path: Path) -> None:
    for subset in (TRAIN, DEV):
        (tmp_path / subset).mkdir()
    with pytest.raises(ValueError, match=r"no <speaker>/<chapter>/\*\.flac"):
        librispeech.load(tmp_path)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def replace_by_text(path: Path) -> None:
    path.write_text("not audio at all")


def cut_the_last_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_to_the_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:42])


BROKEN = [empty, replace_by_text, cut_the_last_byte, cut_in_half, cut_to_the_header]


@pytest.mark.parametrize("break_file", BROKEN, ids=lambda f: f.__name__)
def test_one_broken_file_in_100_is_left_out_and_named(
    break_file: Callable[[Path], None],
    root: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = len(librispeech.load(root).train)
    chapter = write_tones(root, OTHER, count=99)
    break_file(chapter / "7-8-0050.flac")
    with caplog.at_level(logging.WARNING, logger="speechmark"):
        corpus = librispeech.load(root)
    assert corpus.dropped == {"unreadable": 1}
    assert len(corpus.train) == before + 98
    assert "1 of " in caplog.text
    assert "7-8-0050.flac" in caplog.text


def test_halves_without_each_other_are_counted_apart(root: Path) -> None:
    chapter = write_tones(root, OTHER, count=200)
    (chapter / "7-8-0001.flac").unlink()
    (chapter / "7-8-0200.flac").write_bytes((chapter / "7-8-0002.flac").read_bytes())
    corpus = librispeech.load(root)
    assert corpus.dropped == {"no audio": 1, "no transcript": 1}


def test_more_than_one_in_100_is_an_error_that_lists_the_first(root: Path) -> None:
    chapter = write_tones(root, OTHER, count=100)
    for number in range(10, 20):
        empty(chapter / f"7-8-{number:04d}.flac")
    with pytest.raises(
        ValueError, match=r"10 of 1.. utterances .* at most 1%"
    ) as caught:
        librispeech.load(root)
    message = str(caught.value)
    assert [f"7-8-00{n}.flac" in message for n in (10, 14, 15)] == [True, False, False]


def test_a_chapter_without_its_transcripts_is_an_error(root: Path) -> None:
    next((root / "LibriSpeech" / DEV).rglob("*.trans.txt")).unlink()
    with pytest.raises(ValueError, match=r"\d no transcript: "):
        librispeech.load(root)


def twice(chapter: Path) -> None:
    with (chapter / "7-8.trans.txt").open("a") as file:
        file.write("7-8-0003 ANOTHER TONE\n")


def spelled(line: bytes) -> Callable[[Path], None]:
    def spell(chapter: Path) -> None:
        path = chapter / "7-8.trans.txt"
        path.write_bytes(path.read_bytes().replace(b"7-8-0003 A TONE", line))

    return spell


def other_rate(chapter: Path) -> None:
    soundfile.write(chapter / "7-8-0003.flac", np.zeros(8_000), 8_000)


def stereo(chapter: Path) -> None:
    soundfile.write(chapter / "7-8-0003.flac", np.zeros((16_000, 2)), 16_000)


@pytest.mark.parametrize(
    ("harm", "reason", "told"),
    [
        (other_rate, "not 16 kHz mono", "8000 Hz and 1 channels, expected 16000 Hz"),
        (stereo, "not 16 kHz mono", "16000 Hz and 2 channels"),
        (twice, "an id given twice", "7-8-0003 in line 201 of"),
        (
            spelled(b"7-8-0003 A 2ND TONE"),
            "a transcript outside the alphabet",
            "symbol '2' at position 2",
        ),
        (
            spelled("7-8-0003 A T\u00d6NE".encode("latin1")),
            "a transcript outside the alphabet",
            "7-8-0003 in line 4 of",
        ),
        (spelled(b"7-8-0003"), "a transcript outside the alphabet", "must be words"),
        (
            spelled(b"7-8-0003 \t "),
            "a transcript outside the alphabet",
            "must be words",
        ),
    ],
)
def test_one_fault_in_100_is_left_out_and_counted_whatever_it_is(
    root: Path,
    caplog: pytest.LogCaptureFixture,
    harm: Callable[[Path], None],
    reason: str,
    told: str,
) -> None:
    before = len(librispeech.load(root).train)
    harm(write_tones(root, OTHER, count=200))
    with caplog.at_level(logging.WARNING, logger="speechmark"):
        corpus = librispeech.load(root)
    assert corpus.dropped == {reason: 1}
    assert len(corpus.train) == before + 199
    assert (told in caplog.text, "7-8" in caplog.text) == (True, True), caplog.text


def test_all_kinds_of_faults_are_listed_together(root: Path) -> None:
    chapter = write_tones(root, OTHER, count=10)
    twice(chapter)
    soundfile.write(chapter / "7-8-0005.flac", np.zeros(8_000), 8_000)
    (chapter / "7-8-0006.flac").unlink()
    (chapter / "7-8-0007.flac").write_bytes(b"")
    with pytest.raises(ValueError, match="at most 1%") as caught:
        librispeech.load(root)
    message = str(caught.value)
    assert [
        kind in message
        for kind in (
            "1 an id given twice: 7-8-0003",
            "1 not 16 kHz mono: ",
            "1 no audio: ",
            "1 unreadable: ",
            "16 kHz mono FLAC, words of a-z",
        )
    ] == [True] * 5


def with_a_byte_order_mark(text: str) -> bytes:
    return text.encode("utf-8-sig")


def with_blank_lines(text: str) -> bytes:
    return ("\n" + text.replace("\n", "\n \n") + "\n\n").encode()


def with_tabs_and_windows_line_ends(text: str) -> bytes:
    return text.replace(" ", "\t").replace("\n", " \r\n").encode()


def said_twice_alike(text: str) -> bytes:
    return (text + text).encode()


@pytest.mark.parametrize(
    "write",
    [
        with_a_byte_order_mark,
        with_blank_lines,
        with_tabs_and_windows_line_ends,
        said_twice_alike,
    ],
)
def test_what_is_unambiguous_is_read(root: Path, write: Callable[[str], bytes]) -> None:
    write_tones(root, OTHER, count=3)
    before = librispeech.load(root)
    for path in root.rglob("*.trans.txt"):
        path.write_bytes(write(path.read_text()))
    assert librispeech.load(root) == before


def test_what_a_mac_leaves_beside_its_files_is_no_audio(root: Path) -> None:
    before = librispeech.load(root)
    for path in audio_files(root):
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7")
    assert librispeech.load(root) == before


def test_a_folder_with_a_space_is_read(root: Path) -> None:
    write_tones(root, OTHER, count=3, speaker="Jane Doe")
    spoken = [u for u in librispeech.load(root).train if u.speaker == "Jane Doe"]
    assert [u.transcript for u in spoken] == ["a tone"] * 3


def test_an_utterance_to_train_on_is_none_to_validate_on(root: Path) -> None:
    write_tones(root, OTHER, count=200)
    write_tones(root, DEV, count=1)
    corpus = librispeech.load(root)
    assert corpus.dropped == {"an id given twice": 1}
    assert not {u.id for u in corpus.train} & {u.id for u in corpus.validation}


def test_stray_files_beside_the_chapters_are_ignored(root: Path) -> None:
    before = librispeech.load(root)
    (root / "LibriSpeech" / TRAIN / "README.TXT").write_text("hello")
    shutil.copy(audio_files(root)[0], root / "LibriSpeech" / "stray.flac")
    assert librispeech.load(root) == before
