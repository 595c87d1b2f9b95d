"""The built-in corpus: synthesised speech that needs no download.

Utterance `i` of a split is made from a seed of its own, so a longer corpus begins with
the utterances of a shorter one, whatever the number of processes that made them.
"""

import logging
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from basics.files import file_sha256
from workloads.corpora import cache, espeak
from workloads.corpora.progress import Progress, no_progress
from workloads.corpora.render import Split, render
from workloads.corpora.utterance import (
    SAMPLE_RATE_HZ,
    Corpus,
    Utterance,
    reason_to_drop,
)

GENERATOR_VERSION = 1  # raise it whenever the same seed gives other audio or words
TYPICAL_UTTERANCE_S = 3.0

Entry = dict[str, Any]

_log = logging.getLogger("speechmark")


@dataclass(frozen=True)
class CorpusSize:
    """How much speech; each part ends with the utterance that reaches its length."""

    name: str
    train_s: float
    validation_s: float

    def __post_init__(self) -> None:
        for field in ("train_s", "validation_s"):
            if not 0 < getattr(self, field) < float("inf"):
                raise ValueError(
                    f"{field} is {getattr(self, field)}: give a length above 0 seconds"
                )

    def of(self, split: Split) -> float:
        """The length of a split in seconds."""
        return self.train_s if split is Split.TRAIN else self.validation_s


SMOKE = CorpusSize("smoke", train_s=60, validation_s=15)
QUICK = CorpusSize("quick", train_s=1_800, validation_s=360)
STANDARD = CorpusSize("standard", train_s=36_000, validation_s=1_200)


def load_or_build(
    size: CorpusSize,
    cache_dir: Path,
    seed: int = 0,
    on_progress: Progress = no_progress,
    processes: int | None = None,
) -> Corpus:
    """The corpus from the cache, made or mended first where it has to be.

    Every file's checksum is verified. Damaged and missing files are made anew, with a
    warning to the logger `speechmark`. `on_progress` hears the seconds of speech made
    of each split, or the files mended. `processes` is how many make audio at once: by
    default one for each core that this process may use. They are spawned, so a script
    that calls this needs the usual `if __name__ == "__main__"`.

    Raises ValueError if a file that was made anew differs from the manifest, which
    means that other library versions are installed than made it.
    """
    if processes is not None and processes < 1:
        raise ValueError(f"processes is {processes}: give 1 or more, or None")
    folder = Path(cache_dir) / folder_name(size, seed)
    workers = processes or available_cores()
    if folder.exists():
        try:
            manifest, checksum = cache.read_manifest(folder)
        except ValueError as error:
            _log.warning("%s; the corpus is made anew", error)
            cache.discard(folder)
    if not folder.exists():
        _build(folder, size, seed, workers, on_progress)
        manifest, checksum = cache.read_manifest(folder)
    _mend(folder, manifest, workers, on_progress)
    return _corpus(size.name, folder, manifest, checksum)


def folder_name(size: CorpusSize, seed: int) -> str:
    """A name that holds all that the content depends on."""
    return (
        f"builtin-v{GENERATOR_VERSION}-espeak{espeak.version()}-seed{seed}"
        f"-train{size.train_s:g}s-validation{size.validation_s:g}s"
    )


def available_cores() -> int:
    """The cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _build(
    folder: Path, size: CorpusSize, seed: int, workers: int, on_progress: Progress
) -> None:
    with cache.temporary_folder(folder) as building:
        dropped: Counter[str] = Counter()
        entries: list[Entry] = []
        with make_pool(workers) as pool:
            for split in Split:
                write = partial(write_utterance, building, seed, split)
                entries += _fill(
                    pool, write, size.of(split), split, dropped, on_progress
                )
        for stray in set(building.rglob("*.wav")) - {
            building / entry["file"] for entry in entries
        }:
            stray.unlink()
        manifest = {
            "generator_version": GENERATOR_VERSION,
            "espeak_version": espeak.version(),
            "seed": seed,
            "train_s": size.train_s,
            "validation_s": size.validation_s,
            "dropped": dict(dropped),
            "utterances": entries,
        }
        cache.write_manifest(building, manifest)
        cache.publish(building, folder)


def make_pool(workers: int) -> ProcessPoolExecutor:
    """Processes that make audio at once."""
    # Spawned: a fork would copy the locks of whatever threads the caller runs.
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def _fill(
    pool: ProcessPoolExecutor,
    write: Callable[[int], Entry],
    length_s: float,
    split: Split,
    dropped: Counter[str],
    on_progress: Progress,
) -> list[Entry]:
    """Write utterances 0, 1, 2, ... until they last `length_s`."""
    kept: list[Entry] = []
    done_s, next_index = 0.0, 0
    while done_s < length_s:
        batch = min(256, 1 + int((length_s - done_s) / TYPICAL_UTTERANCE_S))
        indices = range(next_index, next_index + batch)
        next_index += batch
        for entry in pool.map(write, indices, chunksize=4):
            if done_s >= length_s:
                break
            if reason := reason_to_drop(entry["samples"]):
                dropped[reason] += 1
                continue
            kept.append(entry)
            done_s += entry["samples"] / SAMPLE_RATE_HZ
        on_progress(split.name.lower(), int(min(done_s, length_s)), int(length_s))
    return kept


def write_utterance(folder: Path, seed: int, split: Split, index: int) -> Entry:
    """Make one utterance, write it as 16-bit WAV, and return its manifest entry."""
    import soundfile  # whoever finds the corpus in the cache needs none

    rendered = render(seed, split, index)
    part = split.name.lower()
    name = f"{part}/{rendered.speaker}/{part}-{index:06d}.wav"
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, rendered.samples, SAMPLE_RATE_HZ, subtype="PCM_16")
    return {
        "file": name,
        "index": index,
        "split": part,
        "speaker": rendered.speaker,
        "transcript": rendered.transcript,
        "samples": len(rendered.samples),
        "sha256": file_sha256(path),
    }


def _mend(
    folder: Path, manifest: dict[str, Any], workers: int, on_progress: Progress
) -> None:
    """Make damaged and missing files anew, each swapped in whole."""
    entries = {entry["file"]: entry for entry in manifest["utterances"]}
    listed = {name: entry["sha256"] for name, entry in entries.items()}
    faults = cache.damaged_files(folder, listed)
    if not faults:
        return
    for name, fault in faults.items():
        _log.warning("%s is %s: it is made anew", folder / name, fault)
    broken = [entries[name] for name in faults]
    with cache.temporary_folder(folder) as mending:
        _write_all(mending, manifest["seed"], broken, min(workers, len(broken)))
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


def _write_all(folder: Path, seed: int, entries: Sequence[Entry], workers: int) -> None:
    splits = [Split[entry["split"].upper()] for entry in entries]
    indices = [entry["index"] for entry in entries]
    with make_pool(workers) as pool:
        list(pool.map(partial(write_utterance, folder, seed), splits, indices))


def _corpus(name: str, folder: Path, manifest: dict[str, Any], checksum: str) -> Corpus:
    def part(split: Split) -> Iterable[Utterance]:
        for entry in manifest["utterances"]:
            if entry["split"] == split.name.lower():
                yield Utterance(
                    id=Path(entry["file"]).stem,
                    path=folder / entry["file"],
                    duration_s=entry["samples"] / SAMPLE_RATE_HZ,
                    speaker=entry["speaker"],
                    transcript=entry["transcript"],
                )

    train, validation = tuple(part(Split.TRAIN)), tuple(part(Split.VALIDATION))
    return Corpus(f"builtin-{name}", checksum, train, validation, manifest["dropped"])
