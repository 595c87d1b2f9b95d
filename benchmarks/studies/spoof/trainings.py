"""Trainings of front-ends: each is kept as soon as it ends, and taken up from there.

Axes: `C` filters, `F` frequencies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from basics.files import write_whole
from workloads.metrics.detection import EqualErrorRate
from workloads.metrics.kinds import EER
from workloads.metrics.scores import from_plain, to_plain
from workloads.spoof.data import SpoofDataset
from workloads.spoof.model import SpoofDetector
from workloads.spoof.objective import SpoofObjective, WaveBatch
from workloads.spoof.sizes import Size
from workloads.spoof.task import SPOOF, SpoofDetection
from workloads.training.events import Event
from workloads.training.loop import Job, train
from workloads.training.recipe import Recipe

EVALUATION_BATCH = 16
Responses = list[list[float]]  # (C, F), each filter's highest being 1


@dataclass(frozen=True)
class TrainedFrontend:
    """One training: how well evaluation, and the speech that it learned from, is told
    apart in the end; after each epoch the EER of evaluation and the seconds that were
    spent on learning alone; what filters let through before and after, by power."""

    frontend: str
    seed: int
    evaluation: EqualErrorRate
    learned: float  # EER of training
    epoch_s: tuple[float, ...]  # of learning
    waited_s: tuple[float, ...]  # for batches, of these
    epoch_eer: tuple[float, ...]
    before: Responses
    after: Responses

    @property
    def s_per_epoch(self) -> float:
        """The median: a first epoch warms caches up."""
        return float(np.median(self.epoch_s))

    @property
    def overfit(self) -> float:
        """How much higher the EER of evaluation is than that of training."""
        return self.evaluation.value - self.learned

    def to_plain(self) -> dict[str, Any]:
        return {**asdict(self), "evaluation": to_plain(self.evaluation)}

    @classmethod
    def from_plain(cls, content: dict[str, Any]) -> TrainedFrontend:
        tuples = {
            name: tuple(content[name]) for name in ("epoch_s", "waited_s", "epoch_eer")
        }
        score = from_plain(content["evaluation"])
        return cls(**{**content, **tuples, "evaluation": score})


@dataclass(frozen=True)
class Journal:
    """A folder with a file a training, named after all that it depends on."""

    folder: Path
    setting: str  # code, data, back-end and recipe, in short

    def path(self, frontend: str, seed: int) -> Path:
        return self.folder / f"{self.setting}-{frontend}-seed{seed}.json"

    def read(self, frontend: str, seed: int) -> TrainedFrontend | None:
        """A training that ended before; ValueError where its file is damaged."""
        path = self.path(frontend, seed)
        if not path.is_file():
            return None
        try:
            return TrainedFrontend.from_plain(json.loads(path.read_text()))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f"cannot read {path}, which holds a finished training ({error!r}): "
                "remove it to train again"
            ) from error

    def keep(self, found: TrainedFrontend) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path(found.frontend, found.seed)
        write_whole(path, json.dumps(found.to_plain()) + "\n")


class _WatchedObjective(SpoofObjective):
    """It knows how long its batches were waited for."""

    waited_s = 0.0

    def batches(self, epoch: int, skip: int) -> Iterator[tuple[int, WaveBatch]]:
        made = super().batches(epoch, skip)
        while True:
            began = perf_counter()
            batch = next(made, None)
            self.waited_s += perf_counter() - began
            if batch is None:
                return
            yield batch


class _WatchedTask(SpoofDetection):
    watched: _WatchedObjective

    def objective(
        self, size: Size, recipe: Recipe, data: SpoofDataset, device: Any, rank: Any
    ) -> SpoofObjective:
        self.watched = _WatchedObjective(recipe, data, device)
        return self.watched


def trained(
    size: Size, recipe: Recipe, data: SpoofDataset, say: Callable[[str], None]
) -> TrainedFrontend:
    """Train one front-end before its back-end from random weights, by one seed."""
    torch.manual_seed(recipe.seed)
    task = _WatchedTask()
    model = task.model(size)
    assert isinstance(model, SpoofDetector)
    before = responses_of(model)
    epoch_s, waited_s, epoch_eer = [], [], []
    learning = LearningTime()
    for event in train(Job(task, size, recipe, data, model=model)):
        learning.see(event)
        if event.kind == "epoch":
            epoch_s.append(learning.take())
            waited_s.append(task.watched.waited_s)
            epoch_eer.append(event.values[EER.name])
            say(f"epoch {event.epoch} in {epoch_s[-1]:.1f} s: {event.line}")
            task.watched.waited_s = 0.0
    return TrainedFrontend(
        size.frontend,
        recipe.seed,
        eer_of(model, data),
        eer_of(model, replace(data, evaluation=data.train)).value,
        tuple(epoch_s),
        tuple(waited_s),
        tuple(epoch_eer),
        before,
        responses_of(model),
    )


class LearningTime:
    """Seconds in the state "train", which may begin anew without another between."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock, self._began, self._total_s = clock, clock(), 0.0
        self._is_learning = True

    def see(self, event: Event) -> None:
        if event.kind != "state":
            return
        now = self._clock()
        if self._is_learning:
            self._total_s += now - self._began
        self._began, self._is_learning = now, event.state == "train"

    def take(self) -> float:
        """Those since it was asked last."""
        found, self._total_s = self._total_s, 0.0
        return found


@torch.inference_mode()
def eer_of(model: SpoofDetector, data: SpoofDataset) -> EqualErrorRate:
    """Of a model in evaluation mode, over the evaluation part."""
    model.eval()

    def run(waves: np.ndarray) -> np.ndarray:
        logits: np.ndarray = model(torch.from_numpy(waves[:, :, 0])).numpy()
        return logits

    found = SPOOF.score(run, data, EVALUATION_BATCH).measures[EER.name]
    assert isinstance(found, EqualErrorRate)
    return found


@torch.inference_mode()
def responses_of(model: SpoofDetector) -> Responses:
    found: Responses = model.frontend.responses().tolist()
    return found
