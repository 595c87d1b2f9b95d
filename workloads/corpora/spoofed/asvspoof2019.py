"""ASVspoof 2019, logical access (X. Wang et al., "ASVspoof 2019: a large-scale public
database of synthesized, converted and replayed speech", 2020), read as it lies on disk.

LA/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.<train.trn|dev.trl|eval.trl>.txt
LA/ASVspoof2019_LA_<train|dev|eval>/flac/LA_<T|D|E>_<number>.flac
LA/ASVspoof2019_LA_asv_protocols/ASVspoof2019.LA.asv.<dev|eval>.<...>.trn.txt
LA/ASVspoof2019_LA_asv_scores/ASVspoof2019.LA.asv.eval.gi.trl.scores.txt

A line of a protocol is SPEAKER FILE - ATTACK KEY, such as "LA_0079 LA_T_1004644 - A01
spoof" or "LA_0079 LA_T_1138215 - - bonafide"; one of the scores is ATTACK KEY SCORE.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

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
from workloads.corpora.spoofed.utterance import SpoofCorpus, SpoofUtterance
from workloads.corpora.utterance import SAMPLE_RATE_HZ
from workloads.metrics.detection import BONA_FIDE
from workloads.metrics.detection_costs import ASVSPOOF_2019, SpeakerVerifier

WINDOW_SAMPLES = 400  # 25 ms: the shortest that has a frame
# Bona fide and spoofed utterances of each part, as published.
PUBLISHED = {
    "train": (2_580, 22_800),
    "dev": (2_548, 22_296),
    "eval": (7_355, 63_882),
}
PROTOCOLS = {"train": "train.trn", "dev": "dev.trl", "eval": "eval.trl"}
ATTACKS = {
    "train": [f"A{n:02}" for n in range(1, 7)],
    "dev": [f"A{n:02}" for n in range(1, 7)],
    "eval": [f"A{n:02}" for n in range(7, 20)],
}
NOT_LISTED = "audio without a line in the protocol"
MALFORMED = "a line that is no SPEAKER FILE - ATTACK KEY"
UNKNOWN_ATTACK = "an attack that the part does not have"
SHORT = "shorter than a window of 25 ms"
REMEDY = "unpack LA.zip anew, or mend what is listed: 16 kHz mono FLAC, a line each"
_Recording = tuple[SpoofUtterance, str]  # and a digest of its audio
_log = logging.getLogger("speechmark")


def load(
    root: Path, judged_on: str = "eval", on_progress: Progress = no_progress
) -> SpoofCorpus:
    """Training part and the one that is `judged_on`, "eval" or "dev", of the corpus in
    `root`, which is LA or the folder that holds it.

    Audio of enrolment, which the corpus holds beside, is passed over. Every file's
    header and last sample are read. Faulty files and lines are left out,
    counted in `dropped` and named in a warning to the logger `speechmark`. Raises
    ValueError where they are more than 1 % or a part lacks a kind, or parts share
    speakers, and AbsentError where there is no such corpus.
    """
    folder = _la_folder(Path(root))
    inspection = Inspection(on_progress)
    known: dict[str, Path] = {}
    parts: list[list[_Recording]] = []
    for part in ("train", judged_on):
        listed = list(_listed(folder, part, inspection.faults, known))
        parts.append(inspection.check(_open, listed, part))
        _tell_if_partial(part, [one for one, _ in parts[-1]])
    dropped = inspection.finish("utterances", folder, REMEDY)
    train, evaluation = (tuple(one for one, _ in part) for part in parts)
    return SpoofCorpus(
        f"asvspoof2019-la-{judged_on}",
        checksum(
            [(one.id, one.speaker, one.attack, digest) for one, digest in part]
            for part in parts
        ),
        train,
        evaluation,
        _verifier(folder, judged_on),
        dropped,
    )


def _la_folder(root: Path) -> Path:
    for folder in (root, root / "LA"):
        if (folder / "ASVspoof2019_LA_cm_protocols").is_dir():
            return folder
    raise AbsentError(
        f"no ASVspoof2019_LA_cm_protocols in {root} or {root / 'LA'}: give the folder "
        "that LA.zip was unpacked in"
    )


def _listed(
    folder: Path, part: str, faults: list[Fault], known: dict[str, Path]
) -> Iterator[SpoofUtterance]:
    """What protocol and audio agree on, whose lengths are not known yet."""
    protocol = folder / "ASVspoof2019_LA_cm_protocols"
    protocol /= f"ASVspoof2019.LA.cm.{PROTOCOLS[part]}.txt"
    audio_folder = folder / f"ASVspoof2019_LA_{part}" / "flac"
    for place in (protocol, audio_folder):
        if not place.exists():
            raise AbsentError(f"no {place}: unpack all of LA.zip")
    audio = {
        path.stem: path
        for path in sorted(audio_folder.glob("*.flac"))
        if not path.name.startswith(".")
    }
    lines, enrolled = _lines(protocol, part, faults), _enrolled(folder, part)
    for name, path in audio.items():
        if name not in lines and name not in enrolled:
            faults.append(Fault(NOT_LISTED, str(path)))
    for name, one in lines.items():
        if one is None:
            continue
        if name not in audio:
            faults.append(Fault(NO_AUDIO, str(audio_folder / f"{name}.flac")))
        elif name in known:
            faults.append(Fault(TWICE, f"{audio[name]} and {known[name]}"))
        else:
            known[name] = audio[name]
            yield replace(one, path=audio[name])


def _lines(
    protocol: Path, part: str, faults: list[Fault]
) -> Mapping[str, SpoofUtterance | None]:
    """Utterances by their names, None for one whose line is a fault."""
    found: dict[str, SpoofUtterance | None] = {}
    text = protocol.read_text("utf-8-sig", "replace")
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"line {number} of {protocol}: {line.strip()!r}"
        words = line.split()
        if not words:
            continue
        if len(words) != 5 or words[4] not in ("bonafide", "spoof"):
            faults.append(Fault(MALFORMED, where))
            for word in words:  # one of them may name audio, which is listed then
                found.setdefault(word, None)
            continue
        speaker, name, _, attack, key = words
        expected = ATTACKS[part] if key == "spoof" else ["-"]
        if attack not in expected:
            faults.append(Fault(UNKNOWN_ATTACK, where))
            found[name] = None
        elif name in found:
            faults.append(Fault(TWICE, where))
        else:
            attack = BONA_FIDE if attack == "-" else attack
            found[name] = SpoofUtterance(name, protocol, 0, speaker, attack)
    return found


def _enrolled(folder: Path, part: str) -> set[str]:
    """The utterances that the speaker verifier knows its speakers by: beside those of
    the protocol, dev and eval hold 142 and 696 of them. A line is SPEAKER NAME,NAME,...
    """
    found: set[str] = set()
    protocols = folder / "ASVspoof2019_LA_asv_protocols"
    for path in sorted(protocols.glob(f"ASVspoof2019.LA.asv.{part}.*.trn.txt")):
        for line in path.read_text("utf-8-sig", "replace").splitlines():
            found.update(line.partition(" ")[2].strip().split(","))
    return found


def _open(listed: SpoofUtterance) -> _Recording | Fault:
    """With its length."""
    header = read_mono_header(listed.path, SAMPLE_RATE_HZ)
    if isinstance(header, Fault):
        return header
    if header.samples < WINDOW_SAMPLES:
        where = f"{listed.path} has {header.samples} samples, needs {WINDOW_SAMPLES}"
        return Fault(SHORT, where)
    return replace(listed, samples=header.samples), audio_digest(listed.path)


def _tell_if_partial(part: str, found: list[SpoofUtterance]) -> None:
    counts = Counter(one.is_bona_fide for one in found)
    if (counts[True], counts[False]) != PUBLISHED[part]:
        bona_fide, spoofed = PUBLISHED[part]
        _log.warning(
            "%s has %d bona fide and %d spoofed utterances of the published %d and %d: "
            "its error rates are not those of the whole corpus",
            *(part, counts[True], counts[False], bona_fide, spoofed),
        )


def _verifier(folder: Path, part: str) -> SpeakerVerifier:
    """Of the scores that come with the corpus; where they are missing, the error rates
    that those of evaluation have."""
    name = f"ASVspoof2019.LA.asv.{part}.gi.trl.scores.txt"
    path = folder / "ASVspoof2019_LA_asv_scores" / name
    if not path.is_file():
        _log.warning(
            "no %s: min t-DCF takes the error rates of evaluation's speaker verifier",
            path,
        )
        return ASVSPOOF_2019
    scores: dict[str, list[float]] = {"target": [], "nontarget": [], "spoof": []}
    text = path.read_text("utf-8-sig", "replace")
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            _, key, score = words
            scores[key].append(float(score))
        except (ValueError, KeyError) as error:
            raise ValueError(
                f"line {number} of {path} is {line!r}, expected ATTACK, one of "
                f"{', '.join(scores)}, and a number: unpack it anew"
            ) from error
    try:
        return SpeakerVerifier.of_scores(*map(np.array, scores.values()))
    except ValueError as error:
        raise ValueError(
            f"{path} has no usable scores ({error}): unpack it anew"
        ) from (error)
