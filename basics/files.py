"""Files written whole, checksums, and the folder for what outlives a run."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

_log = logging.getLogger(__name__)


def write_whole(path: Path, text: str) -> None:
    """The file takes its name only when all of it is written."""
    write_file(path, lambda file: file.write(text.encode("utf-8")))


def kept_whole(path: Path, text: str, what: str) -> bool:
    """Whether the file could be written, and the folders that it stands in: for what
    later runs would like to know and can do without. Where not, the log says why."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        _log.info("%s is not kept: %s", what, error)
        return False
    return True


def write_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """The file that `write` fills takes its name only when all of it is on the disk;
    until then, and where that fails, an old one stays."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())  # a full disk may tell only now
        partial.replace(path)
        _keep_name(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def _keep_name(folder: Path) -> None:
    """Or the renaming itself may be lost with the power."""
    if os.name != "posix":
        return
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def file_sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder(environment: Mapping[str, str] = os.environ) -> tuple[Path, str]:
    """Where weights, corpora and what else outlives a run are kept, and why that is not
    the user's own cache folder (empty where it is).

    `$SPEECHMARK_CACHE`, `speechmark` in the user's cache folder of this system, or,
    where that cannot be written, a folder of the user's own for temporary files.
    OSError where $SPEECHMARK_CACHE cannot be written, and where the last of them is
    another user's.
    """
    if chosen := environment.get("SPEECHMARK_CACHE"):
        if reason := _why_not_writable(Path(chosen)):
            raise OSError(
                f"SPEECHMARK_CACHE={chosen}: {reason}; name a folder that may be "
                "written"
            )
        return Path(chosen), ""
    try:
        home = _users_cache(environment)
        reason = _why_not_writable(home)
    except RuntimeError as error:  # neither HOME nor an entry for this user
        reason = str(error)
    if not reason:
        return home, ""
    # The user's own: anybody may put a folder there.
    spare = Path(tempfile.gettempdir()) / f"speechmark-{os.getuid()}"
    spare.mkdir(mode=0o700, exist_ok=True)
    if spare.is_symlink() or spare.stat().st_uid != os.getuid():
        raise OSError(f"{spare} is another user's: set SPEECHMARK_CACHE")
    return spare, reason


def _users_cache(environment: Mapping[str, str]) -> Path:
    if base := environment.get("XDG_CACHE_HOME"):
        return Path(base) / "speechmark"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "speechmark"
    if sys.platform == "win32":
        local = environment.get("LOCALAPPDATA")
        return Path(local or Path.home() / "AppData" / "Local") / "speechmark"
    return Path.home() / ".cache" / "speechmark"


def _why_not_writable(folder: Path) -> str:
    """Empty where the folder, or what is to hold it, may be written."""
    above = (folder, *folder.parents)
    place = next((one for one in above if os.path.exists(one)), folder)
    if not place.is_dir():
        return f"{place} is no folder"
    return "" if os.access(place, os.W_OK | os.X_OK) else f"{place} cannot be written"
