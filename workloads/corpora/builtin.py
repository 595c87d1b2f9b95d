"""The built-in corpus: synthesised speech that needs no download."""

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from basics.files import file_sha256
from workloads.corpora import espeak
from workloads.corpora.audio_files import write_pcm
from workloads.corpora.generated import Entry, Manifest, load_or_make, parts_of
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
) -> Corpus:
    """The corpus from the cache, made or mended first as by `load_or_make`."""
    folder = Path(cache_dir) / folder_name(size, seed)
    write = partial(write_utterance, seed)

    def make(building: Path, pool: Executor) -> Manifest:
        dropped: Counter[str] = Counter()
        entries: list[Entry] = []
        for split in Split:
            made = partial(pool.map, partial(write, building, split), chunksize=4)
            entries += _fill(made, size.of(split), split, dropped, on_progress)
        kept = {building / entry["file"] for entry in entries}
        for stray in set(building.rglob("*.wav")) - kept:
            stray.unlink()
        return {
            "generator_version": GENERATOR_VERSION,
            "espeak_version": espeak.version(),
            "seed": seed,
            "train_s": size.train_s,
            "validation_s": size.validation_s,
            "dropped": dict(dropped),
            "utterances": entries,
        }

    manifest, checksum = load_or_make(folder, "utterances", write, make, on_progress)
    found = parts_of(manifest["utterances"], partial(_utterance, folder))
    name = f"builtin-{size.name}"
    return Corpus(name, checksum, *found, manifest["dropped"])


def folder_name(size: CorpusSize, seed: int) -> str:
    """A name that holds all that the content depends on."""
    return (
        f"builtin-v{GENERATOR_VERSION}-espeak{espeak.version()}-seed{seed}"
        f"-train{size.train_s:g}s-validation{size.validation_s:g}s"
    )


def _fill(
    make: Callable[[range], Iterable[Entry]],
    length_s: float,
    split: Split,
    dropped: Counter[str],
    on_progress: Progress,
) -> list[Entry]:
    """Make utterances 0, 1, 2, ... until they last `length_s`."""
    kept: list[Entry] = []
    done_s, next_index = 0.0, 0
    while done_s < length_s:
        batch = min(256, 1 + int((length_s - done_s) / TYPICAL_UTTERANCE_S))
        indices = range(next_index, next_index + batch)
        next_index += batch
        for entry in make(indices):
            if done_s >= length_s:
                break
            if reason := reason_to_drop(entry["samples"]):
                dropped[reason] += 1
                continue
            kept.append(entry)
            done_s += entry["samples"] / SAMPLE_RATE_HZ
        on_progress(split.part, int(min(done_s, length_s)), int(length_s))
    return kept


def write_utterance(seed: int, folder: Path, split: Split, index: int) -> Entry:
    """As `generated.Write`, in 16-bit WAV."""
    rendered = render(seed, split, index)
    name = f"{split.part}/{rendered.speaker}/{split.part}-{index:06d}.wav"
    write_pcm(folder / name, rendered.samples, SAMPLE_RATE_HZ)
    return {
        "file": name,
        "index": index,
        "split": split.part,
        "speaker": rendered.speaker,
        "transcript": rendered.transcript,
        "samples": len(rendered.samples),
        "sha256": file_sha256(folder / name),
    }


def _utterance(folder: Path, entry: Entry) -> Utterance:
    return Utterance(
        id=Path(entry["file"]).stem,
        path=folder / entry["file"],
        duration_s=entry["samples"] / SAMPLE_RATE_HZ,
        speaker=entry["speaker"],
        transcript=entry["transcript"],
    )
