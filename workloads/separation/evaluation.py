"""What a separator makes of held-out mixtures, and how good that is.

Axes: `B` mixtures, `S` samples, `C` sources. torch is imported for the scores alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from basics.files import file_sha256
from workloads.compression.artifacts import made
from workloads.corpora.mixtures.mixture import Signals
from workloads.separation.dataset import Dataset, Part
from workloads.separation.sizes import Size

if TYPE_CHECKING:
    from workloads.metrics.separation import SeparationScores

Separate = Callable[[np.ndarray], np.ndarray]  # waveforms (B, S, 1) to (B, S, C)
SCORES = "scores.json"


def score_part(separate: Separate, part: Part, batch_size: int = 1) -> SeparationScores:
    """Of every mixture of a part, each whole, in batches of one length."""
    from workloads.metrics.separation import no_scores, score

    total = no_scores()
    for chosen in batches_of_one_length(part.held, batch_size):
        waves = np.stack([one.mixture for one in chosen])[:, :, None]
        for one, estimates in zip(chosen, separate(waves), strict=True):
            total = total + score(estimates.T, one.sources, one.mixture)
    return total


def batches_of_one_length(
    held: Sequence[Signals], batch_size: int
) -> Iterator[list[Signals]]:
    """In order; a batch ends where the length changes."""
    batch: list[Signals] = []
    for one in held:
        full = len(batch) == batch_size
        if batch and (full or len(one.mixture) != len(batch[0].mixture)):
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def baseline_scores(size: Size, weights: Path, data: Dataset) -> SeparationScores:
    """Those of the uncompressed model in fp32, computed once by torch in a process of
    its own, then cached: what every compression is compared with."""
    from workloads.metrics.separation import Measure, SeparationScores

    key = {
        "model": size.name,
        "weights": file_sha256(weights),
        "corpus": data.checksum,
        "mixtures": str(len(data.validation.mixtures)),
    }
    folder = made(key, score_into, (size, weights, data.validation))
    found = json.loads((folder / SCORES).read_text())
    measures = (Measure(m["name"], tuple(m["values"])) for m in found.pop("measures"))
    return SeparationScores(tuple(measures), **found)


def score_into(folder: Path, size: Size, weights: Path, part: Part) -> None:
    """Write the scores of a size's weights."""
    from workloads.runtimes.opening import open_torch
    from workloads.separation.compressing import load
    from workloads.separation.framing import OfSamples

    module = OfSamples(load(size, weights)).eval()
    session = open_torch("eager", module, 1, "cpu", "fp32")

    def separate(waves: np.ndarray) -> np.ndarray:
        return session.output(session.prepare(waves))

    (folder / SCORES).write_text(json.dumps(asdict(score_part(separate, part))))
