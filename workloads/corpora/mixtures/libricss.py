"""LibriCSS as it lies on disk (Z. Chen et al., "Continuous Speech Separation: Dataset
and Analysis", ICASSP 2020), read and written.

for_release/<condition>/<session>/clean/mix.wav             what was played, mixed
for_release/<condition>/<session>/clean/each_spk.wav        a channel a speaker, 8
for_release/<condition>/<session>/record/raw_recording.wav  7 microphones, far away
for_release/<condition>/<session>/transcription/meeting_info.txt

Conditions are 0S and 0L (no overlap, short and long pauses) and OV10 to OV40 (percent
of overlap), each of ten sessions of ten minutes, at 16 kHz. A session's name is
overlap_ratio_<percent>_sil<from>_<to>_session<number>_actual<percent>.

Sessions are cut into mixtures of equal length. All eight channels are sources of each:
who does not speak in a cut is a silent source. LibriCSS has no part to train on, so
`train` is empty: models for it are trained on the built-in meetings (`scenes.MEETING`).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from workloads.corpora.faults import Fault, report
from workloads.corpora.mixtures.checking import (
    Checked,
    check_all,
    checksum,
    keep_long,
    present,
    read_headers,
)
from workloads.corpora.mixtures.mixture import (
    Mixture,
    MixtureCorpus,
    OnOtherRate,
    Track,
    read,
    tell_other_rate,
)
from workloads.corpora.mixtures.scenes import MEETING_S
from workloads.corpora.progress import Progress, no_progress
from workloads.corpora.utterance import SAMPLE_RATE_HZ

FOLDER = "for_release"
HOLDER = "LibriCSS"
CONDITIONS = ("0S", "0L", "OV10", "OV20", "OV30", "OV40")
SPEAKERS = 8
HEARD = {"clean": "clean/mix.wav", "record": "record/raw_recording.wav"}
SOURCES = "clean/each_spk.wav"
REST = "rest of a session"
OTHER_CHANNELS = "another number of speakers"


@dataclass(frozen=True)
class Part:
    """Which sessions, and what of them.

    Without `conditions`, those that are there; without `sessions`, such as `session0`,
    all. `heard` is `clean`, or `record` for the first microphone: its room and delay
    are no part of the sources, so that SI-SDR against them says little.
    """

    conditions: tuple[str, ...] | None = None
    sessions: tuple[str, ...] | None = None
    heard: str = "clean"
    mixture_s: float = MEETING_S

    def __post_init__(self) -> None:
        if self.heard not in HEARD:
            raise ValueError(
                f"heard {self.heard!r} is unknown: use {' or '.join(HEARD)}"
            )
        if not self.mixture_s > 0:
            raise ValueError(f"mixture_s is {self.mixture_s}: give more than 0 seconds")


def load(
    root: Path,
    sample_rate_hz: int,
    part: Part | None = None,
    on_other_rate: OnOtherRate = "resample",
    min_samples: int = 1,
    on_progress: Progress = no_progress,
) -> MixtureCorpus:
    """LibriCSS from `root`: for_release, or what holds it, or what holds LibriCSS.

    All mixtures are to validate on. Where the model's `sample_rate_hz` is not 16 kHz,
    they are to be resampled, which is told or refused as `on_other_rate` says. Every
    file's header is read. Faulty sessions are left out, counted in `dropped` and named
    in a warning to the logger `speechmark`; what remains of a session behind its last
    cut is counted there too, and mixtures with fewer than `min_samples` at the model's
    rate. Raises ValueError where more than 1 % of the sessions is faulty, where folders
    are missing, or where no mixture is left. `on_progress` hears how many sessions of
    each condition were looked at.
    """
    part = part or Part()
    folder = _require(Path(root))
    conditions = _conditions(folder, part)
    name = f"libricss-{'+'.join(conditions)}-{part.heard}-{part.mixture_s:g}s"
    tell_other_rate(name, SAMPLE_RATE_HZ, sample_rate_hz, on_other_rate)
    faults: list[Fault] = []
    dropped: Counter[str] = Counter()
    checked: list[Checked] = []
    total = 0
    for condition in conditions:
        sessions = _sessions(folder / condition, part)
        total += len(sessions)
        check = partial(_check, part)
        for session in check_all(check, sessions, faults, condition, on_progress):
            checked += session.cuts
            dropped[REST] += session.rest
    report(faults, total - len(faults), "sessions", folder)
    kept = keep_long(checked, min_samples, sample_rate_hz, dropped)
    dropped.update(fault.reason for fault in faults)
    counts = {reason: count for reason, count in dropped.items() if count}
    if not kept:
        raise ValueError(
            f"no mixture of {part.mixture_s:g} s is left in {folder} ({counts} "
            f"dropped): cut shorter ones, of {min_samples} samples or more"
        )
    validation = tuple(one.mixture for one in kept)
    return MixtureCorpus(name, checksum([kept]), (), validation, counts)


def find(root: Path) -> Path | None:
    """The folder that holds the conditions, if LibriCSS lies in `root`."""
    places = (root, root / FOLDER, root / HOLDER, root / HOLDER / FOLDER)
    return next(
        (
            place
            for place in places
            if any((place / condition).is_dir() for condition in CONDITIONS)
        ),
        None,
    )


def write(mixtures: Iterable[Mixture], root: Path, condition: str) -> Path:
    """Write each mixture as a session, and return the condition's folder.

    A mixture knows no words, so the rows of meeting_info.txt are a speaker's first and
    last sound, with no text. The names tell the condition's overlap.
    """
    import soundfile

    percent = float(condition.removeprefix("OV")) if condition[:2] == "OV" else 0.0
    pauses = "2.9_3.0" if condition == "0L" else "0.1_1.0" if percent else "0.1_0.5"
    folder = Path(root) / FOLDER / condition
    for number, mixture in enumerate(mixtures):
        name = f"overlap_ratio_{percent}_sil{pauses}_session{number}_actual{percent}"
        session = folder / name
        for kind in ("clean", "record", "transcription"):
            (session / kind).mkdir(parents=True, exist_ok=True)
        signals = read(mixture, SAMPLE_RATE_HZ)
        each = signals.sources.T
        microphones = signals.mixture[:, None].repeat(SPEAKERS - 1, axis=1)
        audio = {
            HEARD["clean"]: signals.mixture,
            HEARD["record"]: microphones,
            SOURCES: each,
        }
        for file, samples in audio.items():
            soundfile.write(session / file, samples, SAMPLE_RATE_HZ, subtype="PCM_16")
        lines = ["start_time\tend_time\tspeaker\tutterance_id\ttranscription"]
        for speaker, source in enumerate(signals.sources):
            if (sounds := source.nonzero()[0]).size:
                start, end = sounds[[0, -1]] / SAMPLE_RATE_HZ
                lines.append(f"{start:.4f}\t{end:.4f}\t{speaker}\t{number}-{speaker}\t")
        info = session / "transcription" / "meeting_info.txt"
        info.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@dataclass(frozen=True)
class _Session:
    cuts: list[Checked]
    rest: int  # 1 where something remains behind the last cut


def _require(root: Path) -> Path:
    if (found := find(root)) is None:
        raise ValueError(
            f"no folder {FOLDER} with {', '.join(CONDITIONS)} in {root}, which "
            f"{present(root)}: give the folder that holds {FOLDER}"
        )
    return found


def _conditions(folder: Path, part: Part) -> tuple[str, ...]:
    if part.conditions is None:
        return tuple(c for c in CONDITIONS if (folder / c).is_dir())
    for condition in part.conditions:
        if not (folder / condition).is_dir():
            raise ValueError(
                f"no folder {condition} in {folder}, which {present(folder)}: unpack "
                "it there, or choose others"
            )
    return part.conditions


def _sessions(folder: Path, part: Part) -> list[Path]:
    found = sorted(path for path in folder.glob("overlap_ratio_*") if path.is_dir())
    if part.sessions is not None:
        found = [path for path in found if _short_name(path) in part.sessions]
    if not found:
        raise ValueError(
            f"no overlap_ratio_*_{'|'.join(part.sessions or ('session*',))}_* in "
            f"{folder}, which {present(folder)}: unpack the corpus anew"
        )
    return found


def _short_name(session: Path) -> str:
    return next(
        (part for part in session.name.split("_") if part.startswith("session")),
        session.name,
    )


def _check(part: Part, session: Path) -> _Session | Fault:
    """The session's cuts. What the mixture or the sources have more is a rest too."""
    heard, spoken = session / HEARD[part.heard], session / SOURCES
    headers = read_headers((heard, spoken), SAMPLE_RATE_HZ)
    if isinstance(headers, Fault):
        return headers
    if headers[1].channels != SPEAKERS:
        found = f"{headers[1].channels} channels, expected {SPEAKERS}"
        return Fault(OTHER_CHANNELS, f"{spoken} has {found}")
    samples = round(part.mixture_s * SAMPLE_RATE_HZ)
    shorter = min(header.samples for header in headers)
    name = f"{session.parent.name}-{_short_name(session)}"
    digest = "".join(header.digest for header in headers)
    starts = range(0, shorter - samples + 1, samples)
    cuts = [
        Checked(
            Mixture(
                f"{name}-{number:04d}",
                Track(heard, start=start),
                tuple(Track(spoken, channel, start) for channel in range(SPEAKERS)),
                samples,
                SAMPLE_RATE_HZ,
            ),
            digest,
        )
        for number, start in enumerate(starts)
    ]
    longer = max(header.samples for header in headers)
    return _Session(cuts, int(longer > len(cuts) * samples))
