"""The files of a corpus of mixtures on disk, looked at before anyone relies on them.

Only headers and 4 KiB of each file are read: corpora of mixtures have hundreds of
gigabytes.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from workloads.corpora.faults import Fault
from workloads.corpora.mixtures.mixture import Mixture
from workloads.corpora.progress import Progress

NO_AUDIO = "no audio"
UNREADABLE = "unreadable"
OTHER_LENGTH = "another length"
OTHER_RATE = "another sample rate"
DAMAGED_ROW = "a damaged row"
TWICE = "an id given twice"
TOO_SHORT = "shorter than one window"
_SAMPLED_BYTES = 4096

Listed = TypeVar("Listed")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Header:
    """What an audio file says of itself; `digest` is of bytes from its middle."""

    sample_rate_hz: int
    channels: int
    samples: int
    digest: str


@dataclass(frozen=True)
class Checked:
    """A mixture whose files are sound; `digest` is of all of them."""

    mixture: Mixture
    digest: str


def read_header(path: Path) -> Header | Fault:
    """The header, or what is wrong with the file."""
    import soundfile

    try:
        info = soundfile.info(path)
        with path.open("rb") as file:
            file.seek(path.stat().st_size // 2)
            digest = hashlib.sha256(file.read(_SAMPLED_BYTES)).hexdigest()
    except soundfile.LibsndfileError as error:
        if not path.is_file():
            return Fault(NO_AUDIO, str(path))
        return Fault(UNREADABLE, f"{path} ({error.error_string})")
    return Header(info.samplerate, info.channels, info.frames, digest)


def read_headers(paths: Iterable[Path], sample_rate_hz: int) -> list[Header] | Fault:
    """The headers of files that belong together, or the first fault; another sample
    rate is one."""
    headers = []
    for path in paths:
        header = read_header(path)
        if isinstance(header, Fault):
            return header
        if header.sample_rate_hz != sample_rate_hz:
            found = f"{header.sample_rate_hz} Hz, expected {sample_rate_hz} Hz"
            return Fault(OTHER_RATE, f"{path} has {found}")
        headers.append(header)
    return headers


def check_all(
    check: Callable[[Listed], Found | Fault],
    listed: Sequence[Listed],
    faults: list[Fault],
    stage: str,
    on_progress: Progress,
) -> list[Found]:
    """What `check` finds of each, in order, several at once; `faults` grows."""
    sound: list[Found] = []
    with ThreadPoolExecutor() as pool:
        for done, found in enumerate(pool.map(check, listed), start=1):
            if isinstance(found, Fault):
                faults.append(found)
            else:
                sound.append(found)
            if done % 1000 == 0 or done == len(listed):
                on_progress(stage, done, len(listed))
    return sound


def keep_long(
    checked: Iterable[Checked],
    min_samples: int,
    sample_rate_hz: int,
    dropped: Counter[str],
) -> list[Checked]:
    """Those with `min_samples` or more once they have that rate; others are counted."""
    kept = []
    for one in checked:
        samples = one.mixture.samples * sample_rate_hz // one.mixture.sample_rate_hz
        if samples < max(1, min_samples):
            dropped[TOO_SHORT] += 1
        else:
            kept.append(one)
    return kept


def checksum(parts: Iterable[Iterable[Checked]]) -> str:
    """SHA-256 over ids, lengths and what was read of each file.

    It tells two makings of a corpus apart, and does not show a damaged byte.
    """
    digest = hashlib.sha256()
    for part in parts:
        for one in part:
            fields = one.mixture.id, str(one.mixture.samples), one.digest
            digest.update("\t".join(fields).encode() + b"\n")
        digest.update(b"\n")
    return digest.hexdigest()


def present(folder: Path) -> str:
    """What a folder holds, for a message."""
    if not folder.is_dir():
        return "is not there"
    names = sorted(path.name for path in folder.iterdir())
    return f"holds {', '.join(names[:20]) or 'nothing'}{' ...' * (len(names) > 20)}"
