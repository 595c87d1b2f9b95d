"""Files that people asked for: written whole or not at all, never over another kind."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Where what outlives a run is kept: `$SPEECHMARK_CACHE`, or `speechmark` in the
    user's cache folder; None where the user has no home."""
    if chosen := environment.get("SPEECHMARK_CACHE"):
        return Path(chosen)
    if base := environment.get("XDG_CACHE_HOME"):
        return Path(base) / "speechmark"
    try:
        return Path.home() / ".cache" / "speechmark"
    except RuntimeError:
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


def write_whole(path: Path, text: str) -> None:
    """The file takes its name only when all of it is written."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # a full disk may tell only now
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
