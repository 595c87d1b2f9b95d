"""A task so small that training it takes no time: which of three bands is loud?

Axes: `B` items, `T` = 12 frames, `F` = 8 features.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from basics.metric_kinds import error_rate
from workloads.compression.step import Compression
from workloads.corpora.faults import AbsentError
from workloads.metrics.error_rates import ErrorRate
from workloads.metrics.scores import Scores
from workloads.task import DataRequest, Gate, Input, NotHereError, Run, Task
from workloads.training.objective import Evaluation, Rank, autocast
from workloads.training.recipe import Adam, Plateau, Recipe

CLASSES, FRAMES, FEATURES = 3, 12, 8
FRAME_S = 0.01
ERRORS = "error_rate"
RECIPE = Recipe(
    Adam(1e-2),
    batch_size=8,
    epochs=3,
    clip_norm=5.0,
    schedule=Plateau(patience=1),
    decode_every_steps=4,
    checkpoint_every_steps=7,
)
STEPS = 5  # of an epoch: 40 items in batches of 8


@dataclass(frozen=True)
class TinySize:
    """The width of the hidden layer, and the dropout behind it."""

    name: str
    hidden: int = 32
    dropout: float = 0.1


@dataclass(frozen=True, eq=False)
class Items:
    """Features (N, T, F), and which band is loud in each (N,)."""

    features: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class TinyData:
    """Both parts, and the mean of the first (F,)."""

    name: str
    checksum: str
    train: Items
    validation: Items
    mean: np.ndarray
    is_whole: bool = True
    facts: Mapping[str, float | str] = field(default_factory=dict)


def items(count: int, seed: int) -> Items:
    """Noise, and one of three bands louder."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(CLASSES, size=count)
    features = rng.standard_normal((count, FRAMES, FEATURES)).astype(np.float32)
    features[np.arange(count), :, labels] += 2.0
    return Items(features, labels)


def tiny_data(
    count: int = 40, name: str = "bands", checksum: str = "0" * 64
) -> TinyData:
    """So many items to train on, and 12 to validate on."""
    train = items(count, seed=0)
    mean = train.features.mean(axis=(0, 1))
    return TinyData(name, checksum, train, items(12, seed=1), mean)


class TinyModel(nn.Module):
    """Features (B, T, F) to logits (B, 3)."""

    def __init__(self, size: TinySize) -> None:
        super().__init__()
        self.first = nn.Linear(FEATURES, size.hidden)
        self.dropout = nn.Dropout(size.dropout)
        self.last = nn.Linear(size.hidden, CLASSES)

    def forward(self, features: Tensor) -> Tensor:
        hidden = self.dropout(self.first(features).relu())
        logits: Tensor = self.last(hidden.mean(1))
        return logits


@dataclass(frozen=True, eq=False)
class Batch:
    """Features (B, T, F) and labels (B,), on the device."""

    features: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


class TinyObjective:
    """As `training.objective.Objective`."""

    def __init__(
        self,
        task: TinyTask,
        recipe: Recipe,
        data: TinyData,
        device: torch.device,
        rank: Rank,
    ) -> None:
        self.task, self.recipe, self.data = task, recipe, data
        self.device, self.rank = device, rank

    def batches(self, epoch: int, skip: int) -> Iterator[tuple[int, Batch]]:
        """Each item once, in the order that seed and epoch give."""
        rng = np.random.default_rng((self.recipe.seed, epoch))
        order = rng.permutation(len(self.data.train))
        size = self.recipe.batch_size
        for start in range(skip * size, len(order), size):
            positions = order[start : start + size]
            mine = positions[self.rank.number :: self.rank.count]
            yield len(positions), self.batch(mine)

    def batch(self, positions: Sequence[int]) -> Batch:
        """The training items at these positions."""
        return self._batch(self.data.train, list(positions))

    def _batch(self, part: Items, positions: Sequence[int]) -> Batch:
        features = torch.from_numpy(part.features[positions] - self.data.mean)
        labels = torch.from_numpy(part.labels[positions])
        return Batch(features.to(self.device), labels.to(self.device))

    def forward(self, model: nn.Module, batch: Batch) -> Tensor:
        """Logits (B, 3)."""
        logits: Tensor = model(batch.features)
        return logits

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross entropy, summed over items."""
        return F.cross_entropy(outputs.float(), batch.labels, reduction="sum")

    @torch.inference_mode()
    def evaluate(self, model: nn.Module) -> Evaluation:
        """On all of the validation part; the loss is the task's where it has one."""
        model.eval()
        batch = self._batch(self.data.validation, range(len(self.data.validation)))
        with autocast(self.recipe.precision, self.device):
            outputs = self.forward(model, batch)
        loss = float(self.loss(outputs, batch)) / len(batch)
        found = self.task.scores_of(self.data, outputs.float().cpu().numpy())
        return Evaluation(loss if self.task.loss is None else self.task.loss, found)

    @torch.no_grad()
    def samples(self, model: nn.Module, batch: Batch) -> tuple[tuple[str, str], ...]:
        """Of the first two items."""
        model.eval()
        outputs = self.forward(model, batch)[:2].argmax(1)
        pairs = zip(batch.labels.tolist(), outputs.tolist(), strict=False)
        return tuple((str(label), str(found)) for label, found in pairs)


@dataclass(frozen=True)
class TinyTask(Task[TinySize, TinyData]):
    """`loss` is what each epoch of its trainings reaches in validation, whatever is
    trained; None is what it does reach."""

    loss: float | None = None

    name = "tiny"
    sizes: ClassVar = {size.name: size for size in (TinySize("tiny"),)}
    measures: ClassVar = (error_rate(ERRORS),)
    gates: ClassVar = {ERRORS: Gate(0.01)}

    def dataset(self, size: TinySize, request: DataRequest) -> TinyData:
        """A user's folder with a file `empty` holds none of it, with a file `test` it
        has no part to train on, and with a file `slow` another sample rate."""
        if request.root is None and request.profile == "paper":
            raise NotHereError("the paper profile needs --data-root")
        if request.root is None and request.train_s is not None:
            count = round(request.train_s)
            return tiny_data(count, f"bands-{count}", f"{count:064d}")
        if request.root is None:
            return tiny_data()
        if (request.root / "empty").exists():
            raise AbsentError(f"{request.root} holds no bands: unpack them there")
        if (request.root / "slow").exists() and not request.may_resample:
            raise ValueError(f"{request.root} has 50 Hz, expected 100: resample it")
        theirs = tiny_data(32, "theirs", "5" * 64)
        return replace(theirs, is_whole=not (request.root / "test").exists())

    def model(self, size: TinySize) -> nn.Module:
        return TinyModel(size)

    def example(self, size: TinySize) -> tuple[int, int]:
        return FRAMES, FEATURES

    def inputs(
        self, size: TinySize, data: TinyData, batch_size: int, options: object
    ) -> list[Input]:
        """The validation part in order."""
        features = data.validation.features - data.mean
        return [
            Input(part, (FRAMES,) * batch_size, batch_size * FRAMES * FRAME_S)
            for i in range(0, len(features) - batch_size + 1, batch_size)
            for part in [features[i : i + batch_size]]
        ]

    def score(self, run: Run, data: TinyData, batch_size: int) -> Scores:
        features = data.validation.features - data.mean
        starts = range(0, len(features), batch_size)
        outputs = [run(features[i : i + batch_size]) for i in starts]
        return self.scores_of(data, np.concatenate(outputs))

    def scores_of(self, data: TinyData, outputs: np.ndarray) -> Scores:
        """Of logits (N, 3) of the validation part."""
        wrong = outputs.argmax(1) != data.validation.labels
        counts = tuple(int(one) for one in wrong)
        return Scores.of(ErrorRate(ERRORS, counts, (1,) * len(counts)))

    def macs(self, size: TinySize, frames: int, counted: object) -> float:
        return frames * FEATURES * size.hidden + size.hidden * CLASSES

    def calibration(self, data: TinyData) -> Sequence[np.ndarray]:
        return list(data.train.features[:8] - data.mean)

    def constants(self, data: TinyData) -> Mapping[str, np.ndarray]:
        return {"normaliser.mean": data.mean}

    def with_constants(
        self, data: TinyData, constants: Mapping[str, np.ndarray]
    ) -> TinyData:
        return replace(data, mean=constants["normaliser.mean"])

    def recipe(
        self, size: TinySize, data: TinyData, compression: Compression | None = None
    ) -> Recipe:
        if compression is None:
            return RECIPE
        return replace(RECIPE, optimizer=Adam(1e-3), epochs=2)

    def timed_recipe(self, size: TinySize, data: TinyData, profile: str) -> Recipe:
        return replace(RECIPE, epochs=10_000)

    def objective(
        self,
        size: TinySize,
        recipe: Recipe,
        data: TinyData,
        device: torch.device,
        rank: Rank,
    ) -> TinyObjective:
        return TinyObjective(self, recipe, data, device, rank)

    def work_of(
        self, size: TinySize, data: TinyData, places: Sequence[int] | None = None
    ) -> tuple[int, float, float]:
        count = len(data.train if places is None else places)
        audio_s = count * FRAMES * FRAME_S
        return count, audio_s, 3 * count * self.macs(size, FRAMES, {})

    def typical_batches(self, data: TinyData, batch_size: int, count: int) -> list[Any]:
        starts = range(0, len(data.train) - batch_size + 1, batch_size)
        return [tuple(range(i, i + batch_size)) for i in starts][:count]


TINY = TinyTask()
SIZE = TINY.sizes["tiny"]
