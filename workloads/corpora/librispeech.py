"""LibriSpeech (Panayotov et al., ICASSP 2015), read as it lies on disk.

LibriSpeech/<subset>/<speaker>/<chapter>/<speaker>-<chapter>-<number>.flac
LibriSpeech/<subset>/<speaker>/<chapter>/<speaker>-<chapter>.trans.txt
"""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from workloads.corpora.audio_files import audio_digest, read_mono_header
from workloads.corpora.faults import (
    NO_AUDIO,
    TWICE,
    AbsentError,
    Fault,
    Inspection,
    checksum,
)
from workloads.corpora.progress import Progress, no_progress
from workloads.corpora.utterance import (
    SAMPLE_RATE_HZ,
    Corpus,
    Utterance,
    check_transcript,
    reason_to_drop,
)

TRAIN_SUBSETS = ("train-clean-100", "train-clean-360", "train-other-500")
VALIDATION_SUBSETS = ("dev-clean",)

NO_TRANSCRIPT = "no transcript"
NOT_SPELLED = "a transcript outside the alphabet"
REMEDY = (
    "unpack the corpus anew, or mend what is listed: 16 kHz mono FLAC, words of a-z "
    "and apostrophes"
)


_Recording = tuple[Utterance, str]  # and a digest of its audio


def load(root: Path, on_progress: Progress = no_progress) -> Corpus:
    """The subsets that lie in `root`, which is LibriSpeech or the folder that holds it.

    Every file's header and last sample are read. Faulty files and lines are left out,
    counted in `dropped` and named in a warning to the logger `speechmark`: what cannot
    be read, is not 16 kHz mono, has no transcript in the alphabet, or an id that
    another has. Raises ValueError if they are more than 1 % of the files, and
    AbsentError if a folder is missing.
    """
    folder = _librispeech_folder(Path(root))
    subsets = (
        _subsets(folder, "training", TRAIN_SUBSETS),
        _subsets(folder, "validation", VALIDATION_SUBSETS),
    )
    inspection = Inspection(on_progress)
    known: dict[str, Path] = {}
    parts: list[list[_Recording]] = []
    for names in subsets:
        found: list[_Recording] = []
        for name in names:
            listed = list(_list_subset(folder / name, inspection.faults, known))
            found += inspection.check(_open, listed, name)
        parts.append(inspection.keep(found, lambda one: reason_to_drop(one[0].samples)))
    if not inspection.sound and not inspection.faults:
        raise AbsentError(
            f"no <speaker>/<chapter>/*.flac in the subsets of {folder}: unpack them"
        )
    dropped = inspection.finish("utterances", folder, REMEDY)
    train, validation = (tuple(utterance for utterance, _ in part) for part in parts)
    return Corpus(
        name="librispeech-" + "+".join(name for names in subsets for name in names),
        checksum=checksum(
            [(one.id, one.transcript, digest) for one, digest in part] for part in parts
        ),
        train=train,
        validation=validation,
        dropped=dropped,
    )


def _librispeech_folder(root: Path) -> Path:
    if not root.is_dir():
        raise AbsentError(
            f"no folder {root}: give the folder that holds LibriSpeech/train-clean-100"
        )
    inner = root / "LibriSpeech"
    return inner if inner.is_dir() else root


def _subsets(folder: Path, use: str, usual: Iterable[str]) -> list[str]:
    """The usual ones that are there."""
    present = sorted(path.name for path in folder.iterdir() if path.is_dir())
    if not (found := [subset for subset in usual if subset in present]):
        raise AbsentError(
            f"no {use} subset {', '.join(usual)} in {folder}, which holds "
            f"{', '.join(present) or 'no folders'}: unpack one there"
        )
    return found


def _list_subset(
    subset: Path, faults: list[Fault], known: dict[str, Path]
) -> Iterator[Utterance]:
    """The subset's utterances, whose lengths are not known yet; what lacks its other
    half is a fault, and so is an id that is `known` already: in training and in
    validation, say."""
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
                yield Utterance(name, audio[name], 0.0, speaker, transcript)


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


def _open(listed: Utterance) -> _Recording | Fault:
    """With its length."""
    header = read_mono_header(listed.path, SAMPLE_RATE_HZ)
    if isinstance(header, Fault):
        return header
    utterance = replace(listed, duration_s=header.samples / SAMPLE_RATE_HZ)
    return utterance, audio_digest(listed.path)
