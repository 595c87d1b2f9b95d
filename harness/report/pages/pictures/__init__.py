"""The pictures of a comparison, one file for each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from harness.report.compare.model import Comparison
from harness.report.pages.pictures import (
    bars,
    kernels,
    load,
    pareto,
    replays,
    roofline,
    scaling,
    timelines,
    tta,
)
from harness.report.pages.pictures.picture import Picture

MOST_OF_A_KIND = 24  # bounds the page, however many models there are
KINDS: dict[str, Callable[[Comparison], Iterator[Picture]]] = {
    "time to accuracy": tta.pictures,
    "throughput": bars.throughput,
    "latency": bars.latency,
    "accuracy against latency": pareto.pictures,
    "batch sizes": scaling.pictures,
    "kernels": kernels.pictures,
    "replays": replays.pictures,
    "roofline": roofline.pictures,
    "utilization": timelines.pictures,
    "cost against load": load.pictures,
}


def all_pictures(comparison: Comparison) -> tuple[list[Picture], list[str]]:
    """Every picture, by kind, and a note for each kind that has too many."""
    pictures: list[Picture] = []
    notes = []
    for kind, draw in KINDS.items():
        found = draw(comparison)
        pictures += islice(found, MOST_OF_A_KIND)
        if next(found, None) is not None:
            notes.append(
                f"The first {MOST_OF_A_KIND} pictures of {kind} are drawn: compare "
                "fewer cases (-k) to see others."
            )
    return pictures, notes
