"""The built-in mixtures: synthesised speakers who talk at once.

Axes: `S` samples, `C` sources.

Mixture `i` of a split is made from a seed of its own, so more mixtures begin with the
same ones, whatever the number of processes that made them. Each lies on disk at all
sample rates, so that no run resamples.
"""

import logging
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from basics.files import file_sha256
from workloads.corpora import cache, espeak
from workloads.corpora.builtin import available_cores, make_pool
from workloads.corpora.mixtures.mixture import (
    Mixture,
    MixtureCorpus,
    Track,
    resampled,
)
from workloads.corpora.mixtures.scenes import MIXTURE_S, TWO_SPEAKERS, Scene
from workloads.corpora.progress import Progress, no_progress
from workloads.corpora.render import Split, pink, white, with_power
from workloads.corpora.utterance import SAMPLE_RATE_HZ

GENERATOR_VERSION = 1  # raise it whenever the same seed gives other audio
RATES_HZ = (8_000, SAMPLE_RATE_HZ)
NOISE_DB = (-30.0, -15.0)  # against all speakers
MIXTURE_DBFS = -25.0  # root mean square of all speakers
PEAK = 0.99

_log = logging.getLogger("speechmark")


@dataclass(frozen=True)
class MixturesSize:
    """How many mixtures of four seconds.

    A scene whose mixtures last longer has as many fewer.
    """

    name: str
    train: int
    validation: int

    def __post_init__(self) -> None:
        for field in ("train", "validation"):
            if getattr(self, field) < 1:
                raise ValueError(
                    f"{field} is {getattr(self, field)}: give 1 mixture or more"
                )

    def of(self, split: Split) -> int:
        return self.train if split is Split.TRAIN else self.validation

    def fitted(self, scene: Scene) -> "MixturesSize":
        """As many mixtures of the scene as have the same seconds, rounded up."""
        share = MIXTURE_S / scene.duration_s
        return replace(
            self,
            train=ceil(self.train * share),
            validation=ceil(self.validation * share),
        )


# To judge models that are trained: few to calibrate with, more to validate on.
SMOKE = MixturesSize("smoke", train=8, validation=4)
QUICK = MixturesSize("quick", train=32, validation=32)
STANDARD = MixturesSize("standard", train=32, validation=300)


def load_or_build(
    size: MixturesSize,
    cache_dir: Path,
    sample_rate_hz: int,
    scene: Scene = TWO_SPEAKERS,
    seed: int = 0,
    on_progress: Progress = no_progress,
) -> MixtureCorpus:
    """The mixtures from the cache, made first where they have to be.

    Every file's checksum is verified; where one is damaged or missing, all are made
    anew, with a warning to the logger `speechmark`. `on_progress` hears how many
    mixtures of each split are made.
    """
    if sample_rate_hz not in RATES_HZ:
        raise ValueError(
            f"the built-in mixtures have {RATES_HZ} Hz, not {sample_rate_hz} Hz"
        )
    size = size.fitted(scene)
    folder = Path(cache_dir) / folder_name(size, scene, seed)
    if folder.exists() and (fault := _fault(folder)):
        _log.warning("%s: the mixtures are made anew", fault)
        cache.discard(folder)
    if not folder.exists():
        _build(folder, size, scene, seed, on_progress)
    manifest, checksum = cache.read_manifest(folder)
    name = f"builtin-{scene.name}-{size.name}"
    train, validation = (
        tuple(
            _mixture(folder, entry, sample_rate_hz, scene)
            for entry in manifest["mixtures"]
            if entry["split"] == split.name.lower()
        )
        for split in Split
    )
    return MixtureCorpus(name, checksum, train, validation, {})


def folder_name(size: MixturesSize, scene: Scene, seed: int) -> str:
    """A name that holds all that the content depends on."""
    lasting = "" if scene.duration_s == MIXTURE_S else f"-{scene.duration_s:g}s"
    return (
        f"mixtures-v{GENERATOR_VERSION}-{scene.name}{lasting}-espeak{espeak.version()}"
        f"-seed{seed}-train{size.train}-validation{size.validation}"
    )


def _fault(folder: Path) -> str | None:
    try:
        manifest, _ = cache.read_manifest(folder)
    except ValueError as error:
        return str(error)
    listed = {
        name: digest
        for entry in manifest["mixtures"]
        for name, digest in entry["files"].items()
    }
    faults = cache.damaged_files(folder, listed)
    return next((f"{folder / name} is {fault}" for name, fault in faults.items()), None)


def _build(
    folder: Path, size: MixturesSize, scene: Scene, seed: int, on_progress: Progress
) -> None:
    with (
        cache.temporary_folder(folder) as building,
        make_pool(available_cores()) as pool,
    ):
        entries: list[dict[str, Any]] = []
        for split in Split:
            write = partial(write_mixture, building, scene, seed, split)
            count = size.of(split)
            for done, entry in enumerate(pool.map(write, range(count), chunksize=4), 1):
                entries.append(entry)
                if done % 16 == 0 or done == count:
                    on_progress(f"{split.name.lower()} mixtures", done, count)
        manifest = {
            "generator_version": GENERATOR_VERSION,
            "espeak_version": espeak.version(),
            "scene": scene.name,
            "seed": seed,
            "mixtures": entries,
        }
        cache.write_manifest(building, manifest)
        cache.publish(building, folder)


def write_mixture(
    folder: Path, scene: Scene, seed: int, split: Split, index: int
) -> dict[str, Any]:
    """Make one mixture, write it as 16-bit audio, and return its manifest entry."""
    import soundfile

    mixture, sources, speakers = render_mixture(scene, seed, split, index)
    part, suffix = split.name.lower(), scene.audio_format
    files: dict[str, str] = {}
    for rate_hz in RATES_HZ:
        names = ("mix", *(f"s{number}" for number in range(1, len(sources) + 1)))
        for kind, audio in zip(names, (mixture, *sources), strict=True):
            name = f"wav{rate_hz // 1000}k/{part}/{kind}/{index:06d}.{suffix}"
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            heard = resampled(audio, SAMPLE_RATE_HZ, rate_hz)
            soundfile.write(path, heard, rate_hz, subtype="PCM_16")
            files[name] = file_sha256(path)
    return {
        "index": index,
        "split": part,
        "speakers": speakers,
        "sources": len(sources),
        "files": files,
    }


def render_mixture(
    scene: Scene, seed: int, split: Split, index: int
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Mixture (S,), sources (C, S) at 16 kHz, and the speakers. It depends on no other
    mixture."""
    rng = np.random.Generator(
        np.random.PCG64(np.random.SeedSequence((seed, int(split), index)))
    )
    samples = int(scene.duration_s * SAMPLE_RATE_HZ)
    sources, speakers = scene.draw(rng, split, samples)
    power = 10 ** (MIXTURE_DBFS / 10)
    sources = sources * np.sqrt(power / np.mean(sources.sum(0) ** 2))
    noise_db = rng.uniform(*NOISE_DB)
    noise = (white, pink)[rng.integers(2)](rng, split, samples)
    mixture = sources.sum(0) + with_power(noise, power * 10 ** (noise_db / 10))
    loudest = max(np.abs(mixture).max(), np.abs(sources).max())
    scale = min(1.0, PEAK / loudest)
    return mixture * scale, sources * scale, speakers


def _mixture(
    folder: Path, entry: dict[str, Any], sample_rate_hz: int, scene: Scene
) -> Mixture:
    part, index = entry["split"], entry["index"]
    where = folder / f"wav{sample_rate_hz // 1000}k" / part
    name = f"{index:06d}.{scene.audio_format}"
    sources = (f"s{number}" for number in range(1, entry["sources"] + 1))
    return Mixture(
        id=f"{part}-{index:06d}",
        mixture=Track(where / "mix" / name),
        sources=tuple(Track(where / source / name) for source in sources),
        samples=int(scene.duration_s * sample_rate_hz),
        sample_rate_hz=sample_rate_hz,
    )
