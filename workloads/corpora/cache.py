"""Folders of generated files that are checked on every load.

A folder appears under its final name only when it is whole. Its manifest lists each
file with its SHA-256, and a file beside the manifest holds the manifest's own.
"""

import contextlib
import fcntl
import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from basics.files import cache_folder, file_sha256

_log = logging.getLogger("speechmark")
MANIFEST = "manifest.json"
CHECKSUM = "manifest.sha256"
STALE_S = 24 * 3600  # no build leaves its folder untouched for so long
_PREFIX, _SUFFIX = ".speechmark-", ".partial"


def default_cache_dir() -> Path:
    """Where generated data goes unless the caller says otherwise, with a warning where
    that lies among temporary files. OSError as of `basics.files.cache_folder`."""
    folder, reason = cache_folder()
    if reason:
        _log.warning(
            "no cache in the home folder (%s): %s is used; set SPEECHMARK_CACHE to "
            "keep what is made",
            reason,
            folder,
        )
    return folder


def arrays_sha256(arrays: Iterable[np.ndarray]) -> str:
    """Of the arrays' shapes and contents, in their order."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(str(array.shape).encode("ascii") + array.tobytes())
    return digest.hexdigest()


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> str:
    """Write the manifest and its checksum, and return the checksum."""
    content = json.dumps(manifest, indent=1, sort_keys=True).encode("ascii") + b"\n"
    checksum = hashlib.sha256(content).hexdigest()
    (folder / MANIFEST).write_bytes(content)
    (folder / CHECKSUM).write_text(checksum + "\n", encoding="ascii")
    return checksum


def read_manifest(folder: Path) -> tuple[dict[str, Any], str]:
    """With its checksum; ValueError if either is missing, or they do not agree."""
    try:
        content = (folder / MANIFEST).read_bytes()
        expected = (folder / CHECKSUM).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read the manifest of {folder}: {error}") from error
    checksum = hashlib.sha256(content).hexdigest()
    if checksum != expected:
        raise ValueError(
            f"{folder / MANIFEST} has SHA-256 {checksum}, expected {expected}"
        )
    return json.loads(content), checksum


def damaged_files(folder: Path, sha256_by_file: Mapping[str, str]) -> dict[str, str]:
    """The files that are not as listed, each with what is wrong with it."""

    def fault(name: str) -> str | None:
        path = folder / name
        if not path.is_file():
            return "missing"
        return None if file_sha256(path) == sha256_by_file[name] else "damaged"

    with ThreadPoolExecutor() as pool:
        faults = zip(sha256_by_file, pool.map(fault, sha256_by_file), strict=True)
        return {name: found for name, found in faults if found}


@contextlib.contextmanager
def temporary_folder(beside: Path) -> Iterator[Path]:
    """A folder on the same disk as `beside`, removed at the end if it still stands, and
    so are those that killed processes left beside it a day ago."""
    beside.parent.mkdir(parents=True, exist_ok=True)
    prefix = f"{_PREFIX}{beside.name}."
    folder = Path(tempfile.mkdtemp(_SUFFIX, prefix, beside.parent))
    _remove_stale(beside.parent, now_s=folder.stat().st_mtime)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_stale(parent: Path, now_s: float) -> None:
    """By the clock of the disk's own machine, which may not be this one."""
    for folder in parent.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError):  # another's, or already removed
            touched_s = max(p.stat().st_mtime for p in [folder, *folder.rglob("*")])
            if now_s - touched_s > STALE_S:
                shutil.rmtree(folder, ignore_errors=True)


def discard(folder: Path) -> None:
    """Take a folder's name from it at once, then remove it; none there is fine too."""
    with temporary_folder(folder) as discarded, contextlib.suppress(FileNotFoundError):
        folder.rename(discarded / "old")


@contextlib.contextmanager
def one_maker(folder: Path) -> Iterator[None]:
    """Others that come to make the folder wait until this one is done, and are to look
    again whether it is there. Where files cannot be locked both make it, which costs
    time alone."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.with_name(f"{_PREFIX}{folder.name}.lock")
    with path.open("w") as lock:
        with contextlib.suppress(OSError):  # NFS and others may know no locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def rebuilt(final: Path) -> Iterator[Path]:
    """A temporary folder to write files into, which then takes its final name. The
    files of a damaged folder of that name, which others may be reading, are replaced,
    each at once and the manifest's last."""
    with temporary_folder(final) as built:
        yield built
        if not final.exists():
            publish(built, final)
            return
        last = (MANIFEST, CHECKSUM)
        for path in sorted(built.iterdir(), key=lambda path: path.name in last):
            path.replace(final / path.name)


def publish(built: Path, final: Path) -> None:
    """Give a finished folder its final name, unless another process was first."""
    built.chmod(0o755)  # mkdtemp makes folders that only their owner can read
    try:
        built.rename(final)
    except OSError:
        if not (final / MANIFEST).is_file():
            raise
