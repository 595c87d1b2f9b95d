"""Corpora on disk, written as those who make them lay them out."""

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from workloads.corpora.audio_files import write_pcm
from workloads.corpora.mixtures.mixture import Mixture, read
from workloads.corpora.utterance import SAMPLE_RATE_HZ, Utterance, read_audio


def write_librispeech(utterances: Iterable[Utterance], root: Path, subset: str) -> None:
    """Speakers keep their names, with `_` for `-`; each has one chapter."""
    spoken: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        spoken.setdefault(utterance.speaker.replace("-", "_"), []).append(utterance)
    for speaker, said in spoken.items():
        chapter = root / "LibriSpeech" / subset / speaker / "1"
        lines = []
        for number, utterance in enumerate(said):
            name = f"{speaker}-1-{number:04d}"
            write_pcm(chapter / f"{name}.flac", read_audio(utterance), SAMPLE_RATE_HZ)
            lines.append(f"{name} {utterance.transcript.upper()}\n")
        transcripts = chapter / f"{speaker}-1.trans.txt"
        transcripts.write_text("".join(lines), encoding="utf-8")


def write_librimix(
    mixtures: Iterable[Mixture], root: Path, subset: str, folder: str = "Libri2Mix"
) -> None:
    """The noise is what remains of a mixture without its sources."""
    rows = []
    for mixture in mixtures:
        rate_hz = mixture.sample_rate_hz
        signals = read(mixture, rate_hz)
        kinds = {"mixture": ("mix_both", signals.mixture)}
        for number, source in enumerate(signals.sources, start=1):
            kinds[f"source_{number}"] = (f"s{number}", source)
        kinds["noise"] = ("noise", signals.mixture - signals.sources.sum(axis=0))
        place = (root / folder / f"wav{rate_hz // 1000}k" / "min").absolute()
        row: dict[str, object] = {"mixture_ID": mixture.id}
        for column, (kind, audio) in kinds.items():
            path = place / subset / kind / f"{mixture.id}.wav"
            write_pcm(path, audio, rate_hz)
            row[f"{column}_path"] = str(path)
        rows.append(row | {"length": mixture.samples})
    metadata = place / "metadata"
    metadata.mkdir(exist_ok=True)
    path = metadata / f"mixture_{subset}_mix_both.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def write_libricss(mixtures: Iterable[Mixture], root: Path, condition: str) -> None:
    """Each mixture is a session."""
    for number, mixture in enumerate(mixtures):
        name = f"overlap_ratio_20.0_sil0.1_1.0_session{number}_actual20.0"
        clean = root / "for_release" / condition / name / "clean"
        signals = read(mixture, SAMPLE_RATE_HZ)
        write_pcm(clean / "mix.wav", signals.mixture, SAMPLE_RATE_HZ)
        write_pcm(clean / "each_spk.wav", signals.sources.T, SAMPLE_RATE_HZ)


def write_asvspoof2019(root: Path, seconds: float = 0.05) -> None:
    """Of each part's attacks the first and the last, and as much bona fide speech; the
    verifier takes a quarter of other speakers."""
    folder = root / "LA"
    rng = np.random.default_rng(0)
    parts = (
        ("train", "train.trn", "T", 120, ("A01", "A06"), 0),
        ("dev", "dev.trl", "D", 40, ("A01", "A06"), 50),
        ("eval", "eval.trl", "E", 40, ("A07", "A19"), 100),
    )
    for part, protocol, letter, count, attacks, first_speaker in parts:
        lines = []
        for number in range(count):
            name = f"LA_{letter}_{number:07d}"
            speaker = f"LA_{first_speaker + 1 + number % 8:04d}"
            attack = attacks[number // 2 % 2] if number % 2 else "-"
            key = "spoof" if number % 2 else "bonafide"
            lines.append(f"{speaker} {name} - {attack} {key}\n")
            audio = 0.1 * rng.standard_normal(round(seconds * SAMPLE_RATE_HZ))
            place = folder / f"ASVspoof2019_LA_{part}" / "flac"
            write_pcm(place / f"{name}.flac", audio, SAMPLE_RATE_HZ)
        protocols = folder / "ASVspoof2019_LA_cm_protocols"
        protocols.mkdir(exist_ok=True)
        path = protocols / f"ASVspoof2019.LA.cm.{protocol}.txt"
        path.write_text("".join(lines))
    enrolled = folder / "ASVspoof2019_LA_eval" / "flac" / "LA_E_9000000.flac"
    write_pcm(enrolled, 0.1 * rng.standard_normal(800), SAMPLE_RATE_HZ)
    place = folder / "ASVspoof2019_LA_asv_protocols"
    place.mkdir()
    path = place / "ASVspoof2019.LA.asv.eval.male.trn.txt"
    path.write_text("LA_0110 LA_E_9000000\n")
    scores = {
        "bonafide target": (1.0, 2.0, 3.0, 4.0),
        "bonafide nontarget": (0.0, 0.5, 1.5, 0.7),
        "A07 spoof": (1.4, 1.5, 9.0, 0.0),
    }
    place = folder / "ASVspoof2019_LA_asv_scores"
    place.mkdir()
    path = place / "ASVspoof2019.LA.asv.eval.gi.trl.scores.txt"
    rows = (f"{kind} {one}\n" for kind, some in scores.items() for one in some)
    path.write_text("".join(rows))
