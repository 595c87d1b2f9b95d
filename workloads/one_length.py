"""What all tasks state alike whose items have one length, in training and when timed.

Axes: `T` frames, `F` features. torch is loaded where work is counted.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workloads.feeding.choosing import evenly
from workloads.task import D, Input, S, Task

if TYPE_CHECKING:
    from torch import nn


class OneLengthTask(Task[S, D]):
    """An item lasts `item_s` seconds; at most `most_inputs` different batches are
    timed, so that none stays in a cache."""

    item_s: ClassVar[float]
    most_inputs: ClassVar[int]

    @abstractmethod
    def item_shape(self, size: S) -> tuple[int, int]:
        """(T, F) of every item."""

    @abstractmethod
    def held_out(self, size: S, data: D) -> Sequence[np.ndarray]:
        """Every item to time, (T, F)."""

    @abstractmethod
    def training_count(self, data: D) -> int:
        """How many items there are to train on."""

    def inputs(
        self, size: S, data: D, batch_size: int, options: Mapping[str, str]
    ) -> list[Input]:
        """Held-out items, again from the first where there are too few."""
        items = self.held_out(size, data)
        count = min(self.most_inputs, -(-len(items) // batch_size))
        order = np.resize(np.arange(len(items)), (count, batch_size))
        lengths = (self.item_shape(size)[0],) * batch_size
        audio_s = batch_size * self.item_s
        return [
            Input(np.stack([items[i] for i in places]), lengths, audio_s)
            for places in order
        ]

    def only_shape(
        self, size: S, batch_size: int, options: Mapping[str, str]
    ) -> tuple[int, int, int]:
        return batch_size, *self.item_shape(size)

    def count(self, size: S, model: nn.Module) -> dict[str, int | float | str]:
        """Its parameters, and its MACs for an item."""
        from workloads.counting import macs_of

        macs = macs_of(self.deployed(model), 1, *self.item_shape(size))
        return super().count(size, model) | {"macs": macs}

    def macs(self, size: S, frames: int, counted: Mapping[str, Any]) -> float:
        return float(counted["macs"])

    def work_of(
        self, size: S, data: D, places: Sequence[int] | None = None
    ) -> tuple[int, float, float]:
        import torch

        with torch.device("meta"):
            counted = self.count(size, self.model(size).eval())
        count = self.training_count(data) if places is None else len(places)
        macs = self.macs(size, self.item_shape(size)[0], counted)
        return count, count * self.item_s, 3.0 * count * macs

    def typical_batches(self, data: D, batch_size: int, count: int) -> list[Any]:
        places = range(self.training_count(data))
        size = min(batch_size, len(places))
        starts = range(0, len(places) - size + 1, size)
        return evenly([tuple(places[i : i + size]) for i in starts], count)
