"""Files that people asked for: never over another kind; and what the harness keeps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from basics import files


def cache_folder() -> Path | None:
    """Where the harness keeps what outlives a run, beside weights and corpora; None
    where there is no such place: what it keeps is not worth a run."""
    try:
        return files.cache_folder()[0]
    except OSError:
        return None


def check_output(path: Path, inputs: Sequence[Path] = ()) -> None:
    """Raise ValueError unless a file may be written there: a new one or a plain one,
    in a folder that is there, and none of the `inputs`. To move a file over a device or
    over a result would destroy it."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError(f"{path}: that is no plain file; name another")
        if path.exists() and any(one.exists() and path.samefile(one) for one in inputs):
            raise ValueError(
                f"{path}: that is one of the files that are read; name another"
            )
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; name another file") from None
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise ValueError(
            f"{path}: cannot write there; name a file in a folder that exists and may "
            "be written"
        )
