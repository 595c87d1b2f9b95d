"""The files of a corpus of mixtures on disk, looked at before anyone relies on them.

Only headers, last samples and 4 KiB of each file are read: corpora of mixtures have
hundreds of gigabytes.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workloads.corpora.audio_files import Header, read_header
from workloads.corpora.faults import Fault
from workloads.corpora.mixtures.mixture import Mixture

OTHER_RATE = "another sample rate"
_SAMPLED_BYTES = 4096


Checked = tuple[Mixture, str]  # whose files are sound, and a digest of all of them


@dataclass(frozen=True)
class Content:
    """What lies in a `folder`, so many of `what` looked at; `train` is None where the
    corpus has no part to train on. `remedy` is for where nothing is left of a part."""

    name: str
    folder: Path
    what: str
    train: Sequence[Checked] | None
    validation: Sequence[Checked]
    remedy: str


def read_headers(
    paths: Sequence[Path], sample_rate_hz: int
) -> tuple[list[Header], str] | Fault:
    """The headers of files that belong together, and digests of bytes from the middle
    of each, one after the other; or the first fault. Another sample rate is one."""
    headers, digests = [], ""
    for path in paths:
        header = read_header(path)
        if isinstance(header, Fault):
            return header
        if header.sample_rate_hz != sample_rate_hz:
            found = f"{header.sample_rate_hz} Hz, expected {sample_rate_hz} Hz"
            return Fault(OTHER_RATE, f"{path} has {found}")
        headers.append(header)
        with path.open("rb") as file:
            file.seek(path.stat().st_size // 2)
            digests += hashlib.sha256(file.read(_SAMPLED_BYTES)).hexdigest()
    return headers, digests


def present(folder: Path) -> str:
    """What a folder holds, for a message."""
    if not folder.is_dir():
        return "is not there"
    names = sorted(path.name for path in folder.iterdir())
    return f"holds {', '.join(names[:20]) or 'nothing'}{' ...' * (len(names) > 20)}"
