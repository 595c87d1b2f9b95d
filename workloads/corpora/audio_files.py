"""Audio files of corpora, written, read, or only looked at.

Axes: `S` samples, `K` channels. soundfile is loaded where a file is opened: whoever
reads features alone needs none.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from basics.files import file_sha256
from workloads.corpora.faults import NO_AUDIO, UNREADABLE, DataError, Fault

# "fLaC", 4 bytes of block header, and STREAMINFO, whose last 16 of 34 bytes it is.
_FLAC_MD5 = slice(26, 42)


@dataclass(frozen=True)
class Header:
    """What an audio file says of itself."""

    sample_rate_hz: int
    channels: int
    samples: int


def read_header(path: Path) -> Header | Fault:
    """The header, or what is wrong with the file. Its last sample is read, in 0.1 ms: a
    truncated file cannot be sought there. A damaged byte in the middle shows only when
    the audio is read."""
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            if file.frames:
                file.seek(file.frames - 1)
                file.read(1)
            return Header(file.samplerate, file.channels, file.frames)
    except soundfile.LibsndfileError as error:
        if not path.is_file():
            return Fault(NO_AUDIO, str(path))
        return Fault(UNREADABLE, f"{path} ({error.error_string})")


def read_mono_header(path: Path, sample_rate_hz: int) -> Header | Fault:
    """As `read_header`; another rate or several channels are a fault."""
    header = read_header(path)
    if isinstance(header, Fault):
        return header
    if (header.sample_rate_hz, header.channels) != (sample_rate_hz, 1):
        return Fault(
            f"not {sample_rate_hz // 1000} kHz mono",
            f"{path} has {header.sample_rate_hz} Hz and {header.channels} channels, "
            f"expected {sample_rate_hz} Hz and 1",
        )
    return header


def audio_digest(path: Path) -> str:
    """The MD5 of the samples that a FLAC file's header holds, as hashing 60 GB would
    take minutes; it does not show damage that the file has taken since.

    Where there is none, because its encoder left it out or because other data comes
    first, the SHA-256 of the whole file.
    """
    with path.open("rb") as file:
        header = file.read(_FLAC_MD5.stop)
    if header.startswith(b"fLaC") and any(md5 := header[_FLAC_MD5]):
        return md5.hex()
    return file_sha256(path)


def read_samples(
    path: Path, item_id: str, sample_rate_hz: int, start: int = 0, samples: int = -1
) -> np.ndarray:
    """Float32 in [-1, 1), shape (S, K): as many `samples` as there are from `start` on.
    Raises DataError, naming the file, if it is missing, no audio or of other rate."""
    import soundfile

    if not path.is_file():
        raise DataError(f"no audio file {path} for {item_id}: load the corpus again")
    try:
        with soundfile.SoundFile(path) as file:
            found_hz = file.samplerate
            if start:  # no seeking in whole reads, which are timed
                file.seek(min(start, file.frames))
            audio = file.read(samples, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise DataError(
            f"cannot read {path} as audio ({error}): replace the file"
        ) from error
    if found_hz != sample_rate_hz:
        raise DataError(
            f"{path} has {found_hz} Hz, expected {sample_rate_hz} Hz: load the corpus "
            "again"
        )
    return np.asarray(audio)


def write_pcm(path: Path, audio: np.ndarray, sample_rate_hz: int) -> None:
    """Audio (S,) or (S, K) as 16-bit WAV or FLAC, as the file's name ends."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, sample_rate_hz, subtype="PCM_16")
