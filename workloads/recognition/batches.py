"""Batches on their way to a recogniser: read, normalised, padded, prefetched.

Axes: `B` utterances, `T` frames, `F` features.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import Tensor

from workloads.feeding.normaliser import Normaliser
from workloads.feeding.sources import reader_pool
from workloads.recognition.data import Part, Recordings, padded_batch


@dataclass(frozen=True, eq=False)
class Batch:
    """Padded features with their targets; the lengths stay on the host."""

    positions: tuple[int, ...]
    features: Tensor  # (B, T, F) float32, zero where padded
    lengths: Tensor  # (B,) true frames
    targets: Tensor  # all labels, one after the other
    target_lengths: Tensor  # (B,)

    def __len__(self) -> int:
        return len(self.positions)

    def to(self, device: torch.device) -> "Batch":
        if device.type == "cpu":
            return self
        features = self.features.to(device, non_blocking=True)
        targets = self.targets.to(device, non_blocking=True)
        return replace(self, features=features, targets=targets)

    def pin(self) -> "Batch":
        """In page-locked memory, from which copies to a GPU run on their own."""
        return replace(
            self, features=self.features.pin_memory(), targets=self.targets.pin_memory()
        )


def load_batch(part: Part, normaliser: Normaliser, positions: Sequence[int]) -> Batch:
    """Read, normalise and pad the utterances at `positions`."""
    padded, lengths = padded_batch(part.rows, normaliser, positions)
    labels = [part.labels[i] for i in positions]
    return Batch(
        tuple(positions),
        torch.from_numpy(padded),
        torch.tensor(lengths),
        torch.tensor(list(chain.from_iterable(labels))),
        torch.tensor([len(x) for x in labels]),
    )


def stream(
    part: Part, data: Recordings, batches: Iterable[Sequence[int]], device: torch.device
) -> Iterator[Batch]:
    """The `batches` of `part` in their order, on `device`. While the caller works on
    one, at most `data.prefetch` more are loaded or being loaded; while it waits for the
    next, that one comes on top."""

    def load(positions: Sequence[int]) -> Batch:
        batch = load_batch(part, data.normaliser, positions)
        if device.type != "cuda":
            return batch
        with torch.cuda.device(device):  # a new thread's is GPU 0, whoever uses that
            return batch.pin()

    waiting: deque[Future[Batch]] = deque()
    with reader_pool(data.readers) as pool:
        try:
            for positions in batches:
                waiting.append(pool.submit(load, positions))
                if len(waiting) > data.prefetch:
                    yield waiting.popleft().result().to(device)
            while waiting:
                yield waiting.popleft().result().to(device)
        finally:
            for future in waiting:
                future.cancel()
