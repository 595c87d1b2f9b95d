"""Files that people asked for: written whole or not at all, never over another kind."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Where what outlives a run is kept, the folder of weights and corpora:
    `$SPEECHMARK_CACHE`, `speechmark` in the user's cache folder of this system, or,
    where that cannot be written, a folder of the user's own for temporary files. None
    where that is another user's.

    A `$SPEECHMARK_CACHE` that cannot be written is told by the first case that needs
    it; what the harness keeps is not worth a run.
    """
    if chosen := environment.get("SPEECHMARK_CACHE"):
        return Path(chosen)
    home = _users_cache(environment)
    if home is not None and _may_be_written(home):
        return home
    spare = Path(tempfile.gettempdir()) / f"speechmark-{os.getuid()}"
    try:
        spare.mkdir(mode=0o700, exist_ok=True)
        is_own = not spare.is_symlink() and spare.stat().st_uid == os.getuid()
    except OSError:
        return None
    return spare if is_own else None


def _users_cache(environment: Mapping[str, str]) -> Path | None:
    if base := environment.get("XDG_CACHE_HOME"):
        return Path(base) / "speechmark"
    try:
        home = Path.home()
    except RuntimeError:  # neither HOME nor an entry for this user
        return None
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "speechmark"
    return home / ".cache" / "speechmark"


def _may_be_written(folder: Path) -> bool:
    """The folder, or what is to hold it."""
    above = (folder, *folder.parents)
    place = next((one for one in above if os.path.exists(one)), folder)
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)


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
