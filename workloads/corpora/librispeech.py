"""LibriSpeech as it lies on disk (Panayotov et al., ICASSP 2015), read and written.

LibriSpeech/<subset>/<speaker>/<chapter>/<speaker>-<chapter>-<number>.flac
LibriSpeech/<subset>/<speaker>/<chapter>/<speaker>-<chapter>.trans.txt
"""

import codecs
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import soundfile

from basics.files import file_sha256
from workloads.corpora.faults import AbsentError, Fault, report
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
OTHER_FORMAT = "not 16 kHz mono"
NOT_SPELLED = "a transcript outside the alphabet"
TWICE = "an id given twice"
REMEDY = (
    "unpack the corpus anew, or mend what is listed: 16 kHz mono FLAC, words of a-z "
    "and apostrophes"
)


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
    Faulty files and lines are left out, counted in `dropped` and named in a warning to
    the logger `speechmark`: what cannot be read, is not 16 kHz mono, has no transcript
    in the alphabet, or an id that another has. Raises ValueError if they are more than
    1 % of the files, and AbsentError if a folder is missing. `on_progress` hears how
    many files of each subset were opened.
    """
    folder = _librispeech_folder(Path(root))
    if train_subsets is None:
        train_subsets = [s for s in TRAIN_SUBSETS if (folder / s).is_dir()]
    _require_subsets(folder, train_subsets, "training", TRAIN_SUBSETS)
    _require_subsets(folder, validation_subsets, "validation", VALIDATION_SUBSETS)
    faults: list[Fault] = []
    dropped: Counter[str] = Counter()
    known: dict[str, Path] = {}
    parts = [
        _keep(_read_subsets(folder, subsets, faults, known, on_progress), dropped)
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
        raise AbsentError(
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
        raise AbsentError(
            f"no {use} subset {', '.join(missing or usual)} in {folder}, which holds "
            f"{', '.join(present) or 'no folders'}: unpack one there, or name a subset "
            "that it holds"
        )


def _read_subsets(
    folder: Path,
    subsets: Sequence[str],
    faults: list[Fault],
    known: dict[str, Path],
    on_progress: Progress,
) -> list[_Recording]:
    recordings = []
    with ThreadPoolExecutor() as pool:
        for subset in subsets:
            listed = list(_list_subset(folder / subset, faults, known))
            for done, opened in enumerate(pool.map(_open, listed), start=1):
                if isinstance(opened, Fault):
                    faults.append(opened)
                else:
                    recordings.append(opened)
                if done % 1000 == 0 or done == len(listed):
                    on_progress(subset, done, len(listed))
    return recordings


def _list_subset(
    subset: Path, faults: list[Fault], known: dict[str, Path]
) -> Iterator[_Listed]:
    """The subset's audio with its transcripts; what lacks its other half is a fault,
    and so is an id that is `known` already: in training and in validation, say."""
    for chapter in sorted(path for path in subset.glob("*/*") if path.is_dir()):
        speaker = chapter.parent.name
        prefix = f"{speaker}-{chapter.name}"
        transcripts = _read_transcripts(chapter / f"{prefix}.trans.txt", faults)
        audio = {
            path.stem: path
            for path in sorted(chapter.glob("*.flac"))
            if not path.name.startswith(".")  # a Mac leaves ._7-8-0000.flac on disks
        }
        for name in sorted(audio.keys() | transcripts.keys()):
            transcript = transcripts.get(name, "")
            if name not in transcripts:
                faults.append(Fault(NO_TRANSCRIPT, str(audio[name])))
            elif name not in audio:
                faults.append(Fault(NO_AUDIO, str(chapter / f"{name}.flac")))
            elif name in known:
                faults.append(Fault(TWICE, f"{audio[name]} and {known[name]}"))
            elif transcript is not None:
                known[name] = audio[name]
                yield _Listed(audio[name], speaker, transcript)


def _read_transcripts(path: Path, faults: list[Fault]) -> dict[str, str | None]:
    """Lower-case transcripts by utterance, None for one that is a fault; nothing if the
    file is missing."""
    found: dict[str, str | None] = {}
    if not path.is_file():
        return found
    prefix = path.name.removesuffix(".trans.txt")
    for number, raw in enumerate(path.read_bytes().splitlines(), start=1):
        where = f"line {number} of {path}"
        line = raw.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace").strip()
        if not line:
            continue
        # The folder's name may hold spaces, and then the ids do.
        rest = line.removeprefix(prefix)
        number_text, *words = rest.split()
        name = line[: len(line) - len(rest)] + number_text
        transcript = " ".join(words).lower()
        if name in found and found[name] == transcript:
            continue
        try:
            check_transcript(f"{name} in {where}", transcript)
        except ValueError as error:
            faults.append(Fault(NOT_SPELLED, str(error)))
            found[name] = None
        else:
            if name in found:
                faults.append(Fault(TWICE, f"{name} in {where}, with another text"))
            found[name] = None if name in found else transcript
    return found


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
        return Fault(
            OTHER_FORMAT,
            f"{path} has {rate_hz} Hz and {channels} channels, expected "
            f"{SAMPLE_RATE_HZ} Hz and 1",
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
        raise AbsentError(
            f"no <speaker>/<chapter>/*.flac in the subsets of {folder}: unpack them"
        )
    report(faults, sound, "utterances", folder, REMEDY)


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
