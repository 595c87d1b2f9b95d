"""Corpora that are made here: folders of generated files, which are mended.

Item `i` of a split is made from a seed of its own, so a longer corpus begins with the
items of a shorter one, whatever the number of processes that made them.
"""

import logging
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from workloads.corpora import cache
from workloads.corpora.progress import Progress
from workloads.corpora.render import Split

Entry = dict[str, Any]  # of one item in the manifest
Manifest = dict[str, Any]
# Makes the files of one item in a folder. Processes are spawned for it: a function of a
# module's top level, or a `partial` of one.
Write = Callable[[Path, Split, int], Entry]

Item = TypeVar("Item")
_log = logging.getLogger("speechmark")


def load_or_make(
    folder: Path,
    items: str,
    write: Write,
    make: Callable[[Path, Executor], Manifest],
    on_progress: Progress,
) -> tuple[Manifest, str]:
    """The folder's manifest and its checksum: `items` is the key of its entries.

    What is not there is made first: `make` fills a folder, by processes that take
    `write`. Every file's checksum is verified. Damaged and missing files are made anew,
    with a warning to the logger `speechmark`. Raises ValueError if a file that was made
    anew differs from the manifest: other library versions are installed than made it.
    """
    if _fault(folder):
        with cache.one_maker(folder):
            _make(folder, make)
    manifest, checksum = cache.read_manifest(folder)
    _mend(folder, manifest[items], write, on_progress)
    return manifest, checksum


def _fault(folder: Path) -> str | None:
    """What keeps a folder from being used, beside damaged items."""
    try:
        cache.read_manifest(folder)
    except ValueError as error:
        return str(error)
    return None


def _make(folder: Path, make: Callable[[Path, Executor], Manifest]) -> None:
    """Unless another process was at it."""
    fault = _fault(folder)
    if fault is None:
        return
    if folder.exists():
        _log.warning("%s; the corpus is made anew", fault)
        cache.discard(folder)
    with cache.temporary_folder(folder) as building:
        with make_pool() as pool:
            manifest = make(building, pool)
        cache.write_manifest(building, manifest)
        cache.publish(building, folder)


def parts_of(
    entries: Sequence[Entry], item: Callable[[Entry], Item]
) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """The items of training, and those held out, of a manifest's entries."""
    train, held_out = (
        tuple(item(entry) for entry in entries if entry["split"] == split.part)
        for split in Split
    )
    return train, held_out


def make_pool() -> ProcessPoolExecutor:
    """A process for each core that this one may run on."""
    # Spawned: a fork would copy the locks of whatever threads the caller runs.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=context)


def _files_of(entry: Entry) -> Mapping[str, str]:
    """The SHA-256 of each of an item's files."""
    if "files" in entry:
        return entry["files"]
    return {entry["file"]: entry["sha256"]}


def _mend(
    folder: Path, entries: Sequence[Entry], write: Write, on_progress: Progress
) -> None:
    """Make damaged and missing files anew, each swapped in whole."""
    listed = {n: digest for entry in entries for n, digest in _files_of(entry).items()}
    faults = cache.damaged_files(folder, listed)
    if not faults:
        return
    for name, fault in faults.items():
        _log.warning("%s is %s: it is made anew", folder / name, fault)
    broken = [e for e in entries if not faults.keys().isdisjoint(_files_of(e))]
    splits = [Split[entry["split"].upper()] for entry in broken]
    indices = [entry["index"] for entry in broken]
    with cache.temporary_folder(folder) as mending:
        with make_pool() as pool:
            list(pool.map(partial(write, mending), splits, indices))
        if wrong := cache.damaged_files(mending, {n: listed[n] for n in faults}):
            raise ValueError(
                f"{len(wrong)} of {len(faults)} files made anew differ from the "
                f"manifest of {folder}, the first is {next(iter(wrong))}: other "
                "versions of numpy or scipy made it; delete that folder to make it anew"
            )
        for done, name in enumerate(faults, start=1):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (mending / name).replace(folder / name)
            on_progress("mend", done, len(faults))
