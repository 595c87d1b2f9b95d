"""The built-in mixtures: synthesised speakers who talk at once.

Axes: `S` samples, `C` sources. Each mixture lies on disk at all sample rates, so that
no run resamples.
"""

from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from pathlib import Path

import numpy as np

from basics.files import file_sha256
from workloads.corpora import espeak
from workloads.corpora.audio_files import write_pcm
from workloads.corpora.generated import Entry, Manifest, load_or_make, parts_of
from workloads.corpora.mixtures.mixture import Mixture, MixtureCorpus, Track, resampled
from workloads.corpora.mixtures.scenes import MIXTURE_S, TWO_SPEAKERS, Scene
from workloads.corpora.progress import Progress, no_progress
from workloads.corpora.render import Split, generator_of, pink, white, with_power
from workloads.corpora.utterance import SAMPLE_RATE_HZ

GENERATOR_VERSION = 1  # raise it whenever the same seed gives other audio
RATES_HZ = (8_000, SAMPLE_RATE_HZ)
NOISE_DB = (-30.0, -15.0)  # against all speakers
MIXTURE_DBFS = -25.0  # root mean square of all speakers
PEAK = 0.99


@dataclass(frozen=True)
class MixturesSize:
    """How many mixtures of four seconds; longer ones are as many fewer."""

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
        train, validation = ceil(self.train * share), ceil(self.validation * share)
        return replace(self, train=train, validation=validation)


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
    """The mixtures from the cache, made or mended first as by `load_or_make`."""
    if sample_rate_hz not in RATES_HZ:
        raise ValueError(
            f"the built-in mixtures have {RATES_HZ} Hz, not {sample_rate_hz} Hz"
        )
    size = size.fitted(scene)
    folder = Path(cache_dir) / folder_name(size, scene, seed)
    write = partial(write_mixture, scene, seed)

    def make(building: Path, pool: Executor) -> Manifest:
        entries: list[Entry] = []
        for split in Split:
            count = size.of(split)
            made = pool.map(partial(write, building, split), range(count), chunksize=4)
            for done, entry in enumerate(made, start=1):
                entries.append(entry)
                if done % 16 == 0 or done == count:
                    on_progress(f"{split.part} mixtures", done, count)
        return {
            "generator_version": GENERATOR_VERSION,
            "espeak_version": espeak.version(),
            "scene": scene.name,
            "seed": seed,
            "mixtures": entries,
        }

    manifest, checksum = load_or_make(folder, "mixtures", write, make, on_progress)

    def mixture(entry: Entry) -> Mixture:
        return _mixture(folder, entry, sample_rate_hz, scene)

    parts = parts_of(manifest["mixtures"], mixture)
    name = f"builtin-{scene.name}-{size.name}"
    return MixtureCorpus(name, checksum, *parts, {})


def folder_name(size: MixturesSize, scene: Scene, seed: int) -> str:
    """A name that holds all that the content depends on."""
    lasting = "" if scene.duration_s == MIXTURE_S else f"-{scene.duration_s:g}s"
    return (
        f"mixtures-v{GENERATOR_VERSION}-{scene.name}{lasting}-espeak{espeak.version()}"
        f"-seed{seed}-train{size.train}-validation{size.validation}"
    )


def write_mixture(
    scene: Scene, seed: int, folder: Path, split: Split, index: int
) -> Entry:
    """As `generated.Write`, in 16-bit audio."""
    mixture, sources, speakers = render_mixture(scene, seed, split, index)
    kinds = {"mix": mixture} | {f"s{n}": one for n, one in enumerate(sources, start=1)}
    files: dict[str, str] = {}
    for rate_hz in RATES_HZ:
        for kind, audio in kinds.items():
            place = f"wav{rate_hz // 1000}k/{split.part}/{kind}"
            name = f"{place}/{index:06d}.{scene.audio_format}"
            at_rate = resampled(audio, SAMPLE_RATE_HZ, rate_hz)
            write_pcm(folder / name, at_rate, rate_hz)
            files[name] = file_sha256(folder / name)
    return {
        "index": index,
        "split": split.part,
        "speakers": speakers,
        "sources": len(sources),
        "files": files,
    }


def render_mixture(
    scene: Scene, seed: int, split: Split, index: int
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Mixture (S,), sources (C, S) at 16 kHz, and the speakers. It depends on no other
    mixture."""
    rng = generator_of(seed, split, index)
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


def _mixture(folder: Path, entry: Entry, sample_rate_hz: int, scene: Scene) -> Mixture:
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
