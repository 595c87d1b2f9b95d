"""LibriSpeech as it lies on disk (Panayotov et al., ICASSP 2015), read and written.

LibriSpeech/<subset>/<speaker>/<chapter>/<speaker>-<chapter>-<number>.flac
LibriSpeech/<subset>/<speaker>/<chapter>/<speaker>-<chapter>.trans.txt
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import soundfile

from workloads.corpora.cache import file_sha256
from workloads.corpora.faults import Fault, report
from workloads.corpora.progress import Progress, no_progress
from workloads.corpora.utterance import (
    SAMPLE_RATE_HZ,
    Corpus,
    Utterance,
    check_transcript,
    read_audio,
    reason_to_drop,
)

TRAIN_SUBSETS = ("train-clean-100", "train-clean-360", "train-other-500")
VALIDATION_SUBSETS = ("dev-clean",)
# "fLaC", 4 bytes of block header, and STREAMINFO, whose last 16 of 34 bytes it is.
_FLAC_MD5 = slice(26, 42)

NO_TRANSCRIPT = "no transcript"
NO_AUDIO = "no audio"
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class _Recording:
    utterance: Utterance
    samples: int
    audio_digest: str


@dataclass(frozen=True)
class _Listed:
    """An audio file and its transcript, not yet opened."""

    path: Path
    speaker: str
    transcript: str


def load(
    root: Path,
    train_subsets: Sequence[str] | None = None,
    validation_subsets: Sequence[str] = VALIDATION_SUBSETS,
    on_progress: Progress = no_progress,
) -> Corpus:
    """LibriSpeech from `root`, which is its folder or the one that holds it.

    Without `train_subsets`, those of TRAIN_SUBSETS that are there are used.

    Every file is opened and its last sample is read, which finds an empty, foreign or
    truncated file in 0.1 ms; a damaged byte in the middle shows when the audio is read.
    Faulty files are left out, counted in `dropped` and named in a warning to the logger
    `speechmark`. Raises ValueError if they are more than 1 % of the files, if a folder
    is missing, or if the audio is not 16 kHz mono. `on_progress` hears how many files
    of each subset were opened.
    """
    folder = _librispeech_folder(Path(root))
    if train_subsets is None:
        train_subsets = [s for s in TRAIN_SUBSETS if (folder / s).is_dir()]
    _require_subsets(folder, train_subsets, "training", TRAIN_SUBSETS)
    _require_subsets(folder, validation_subsets, "validation", VALIDATION_SUBSETS)
    faults: list[Fault] = []
    dropped: Counter[str] = Counter()
    parts = [
        _keep(_read_subsets(folder, subsets, faults, on_progress), dropped)
        for subsets in (train_subsets, validation_subsets)
    ]
    train, validation = parts
    _report_faults(faults, sum(map(len, parts)) + sum(dropped.values()), folder)
    dropped.update(fault.reason for fault in faults)
    return Corpus(
        name="librispeech-" + "+".join([*train_subsets, *validation_subsets]),
        checksum=_checksum(parts),
        train=tuple(recording.utterance for recording in train),
        validation=tuple(recording.utterance for recording in validation),
        dropped=dict(dropped),
    )


def write(utterances: Iterable[Utterance], root: Path, subset: str) -> Path:
    """Write utterances in LibriSpeech's layout, and return the subset's folder.

    Speakers keep their names, with `_` for `-`; each speaker's utterances become one
    chapter in the order given.
    """
    folder = Path(root) / "LibriSpeech" / subset
    spoken: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        spoken.setdefault(utterance.speaker.replace("-", "_"), []).append(utterance)
    for speaker, said in spoken.items():
        chapter = folder / speaker / "1"
        chapter.mkdir(parents=True, exist_ok=True)
        lines = []
        for number, utterance in enumerate(said):
            name = f"{speaker}-1-{number:04d}"
            audio = read_audio(utterance)
            soundfile.write(
                chapter / f"{name}.flac", audio, SAMPLE_RATE_HZ, subtype="PCM_16"
            )
            lines.append(f"{name} {utterance.transcript.upper()}\n")
        transcripts = chapter / f"{speaker}-1.trans.txt"
        transcripts.write_text("".join(lines), encoding="utf-8")
    return folder


def _librispeech_folder(root: Path) -> Path:
    if not root.is_dir():
        raise ValueError(
            f"no folder {root}: give the folder that holds LibriSpeech/train-clean-100"
        )
    inner = root / "LibriSpeech"
    return inner if inner.is_dir() else root


def _require_subsets(
    folder: Path, subsets: Sequence[str], use: str, usual: Sequence[str]
) -> None:
    present = sorted(path.name for path in folder.iterdir() if path.is_dir())
    missing = [subset for subset in subsets if subset not in present]
    if missing or not subsets:
        raise ValueError(
            f"no {use} subset {', '.join(missing or usual)} in {folder}, which holds "
            f"{', '.join(present) or 'no folders'}: unpack one there, or name a subset "
            "that it holds"
        )


def _read_subsets(
    folder: Path,
    subsets: Sequence[str],
    faults: list[Fault],
    on_progress: Progress,
) -> list[_Recording]:
    recordings = []
    with ThreadPoolExecutor() as pool:
        for subset in subsets:
            listed = list(_list_subset(folder / subset, faults))
            for done, opened in enumerate(pool.map(_open, listed), start=1):
                if isinstance(opened, Fault):
                    faults.append(opened)
                else:
                    recordings.append(opened)
                if done % 1000 == 0 or done == len(listed):
                    on_progress(subset, done, len(listed))
    return recordings


def _list_subset(subset: Path, faults: list[Fault]) -> Iterator[_Listed]:
    """The subset's audio with its transcripts; what lacks its other half is a fault."""
    for chapter in sorted(path for path in subset.glob("*/*") if path.is_dir()):
        speaker = chapter.parent.name
        transcripts = _read_transcripts(chapter / f"{speaker}-{chapter.name}.trans.txt")
        audio = {path.stem: path for path in sorted(chapter.glob("*.flac"))}
        for name in sorted(audio.keys() | transcripts.keys()):
            if name not in transcripts:
                faults.append(Fault(NO_TRANSCRIPT, str(audio[name])))
            elif name not in audio:
                faults.append(Fault(NO_AUDIO, str(chapter / f"{name}.flac")))
            else:
                yield _Listed(audio[name], speaker, transcripts[name])


def _read_transcripts(path: Path) -> dict[str, str]:
    """Lower-case transcripts by utterance; none if the file is missing."""
    if not path.is_file():
        return {}
    transcripts = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, words = line.strip().partition(" ")
        transcripts[name] = words.lower()
        check_transcript(f"{name} in {path}", transcripts[name])
    return transcripts


def _open(listed: _Listed) -> _Recording | Fault:
    path = listed.path
    try:
        with soundfile.SoundFile(path) as file:
            rate_hz, channels, samples = file.samplerate, file.channels, file.frames
            if samples:
                # The header promises a length; a truncated file cannot be sought there.
                file.seek(samples - 1)
                file.read(1)
    except soundfile.LibsndfileError as error:
        return Fault(UNREADABLE, f"{path} ({error.error_string})")
    if (rate_hz, channels) != (SAMPLE_RATE_HZ, 1):
        raise ValueError(
            f"{path} has {rate_hz} Hz and {channels} channels, expected "
            f"{SAMPLE_RATE_HZ} Hz and 1: convert the corpus to 16 kHz mono FLAC"
        )
    utterance = Utterance(
        id=path.stem,
        path=path,
        duration_s=samples / SAMPLE_RATE_HZ,
        speaker=listed.speaker,
        transcript=listed.transcript,
    )
    return _Recording(utterance, samples, _audio_digest(path))


def _audio_digest(path: Path) -> str:
    """The MD5 of the samples that a FLAC file's header holds.

    Where there is none, because its encoder left it out or because other data comes
    first, the SHA-256 of the whole file.
    """
    with path.open("rb") as file:
        header = file.read(_FLAC_MD5.stop)
    if header.startswith(b"fLaC") and any(md5 := header[_FLAC_MD5]):
        return md5.hex()
    return file_sha256(path)


def _keep(recordings: list[_Recording], dropped: Counter[str]) -> list[_Recording]:
    kept = []
    for recording in recordings:
        if reason := reason_to_drop(recording.samples):
            dropped[reason] += 1
        else:
            kept.append(recording)
    return kept


def _report_faults(faults: list[Fault], sound: int, folder: Path) -> None:
    if not sound and not faults:
        raise ValueError(
            f"no <speaker>/<chapter>/*.flac in the subsets of {folder}: unpack them"
        )
    report(faults, sound, "utterances", folder)


def _checksum(parts: Iterable[Iterable[_Recording]]) -> str:
    """SHA-256 over ids, transcripts and the audio's MD5 by each file's header.

    Hashing 60 GB would take minutes. The header's MD5 tells what was recorded; it does
    not show damage that a file has taken since.
    """
    digest = hashlib.sha256()
    for part in parts:
        for recording in part:
            utterance = recording.utterance
            fields = (utterance.id, utterance.transcript, recording.audio_digest)
            digest.update("\t".join(fields).encode() + b"\n")
        digest.update(b"\n")
    return digest.hexdigest()
