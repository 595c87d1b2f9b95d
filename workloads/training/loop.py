"""The one loop that trains a task's model, as a stream of events.

The generator knows no clock: whoever iterates it stamps its events. It yields once
before the model exists, so that a clock started there counts the model's creation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn

from workloads.task import Size, Task
from workloads.training import checkpoint
from workloads.training.events import Event, State
from workloads.training.learner import Learner
from workloads.training.objective import ALONE, Rank
from workloads.training.recipe import Cosine, Plateau, Recipe

# These may change between a checkpoint and its resumption; all else may not.
_FREE = {"epochs", "decode_every_steps", "checkpoint_every_steps", "stop_after"}

Notes = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Job:
    """What is trained, on what, and how.

    `model` is where it starts; None is random weights of the recipe's seed. Checkpoints
    go to `checkpoint_dir / checkpoint.NAME`, if it is given; `resume_from` is one.
    """

    task: Task[Any, Any]
    size: Size
    recipe: Recipe
    data: Any
    checkpoint_dir: Path | None = None
    resume_from: Path | None = None
    model: nn.Module | None = None


def train(
    job: Job, device: str = "cpu", notes: Notes = dict, rank: Rank = ALONE
) -> Iterator[Event]:
    """Train on one device, or one rank of several, for which torch's process group
    stands; yields an event at each step, state and epoch.

    Checkpoints hold what `notes()` returns then: plain values of the caller's own, such
    as its clock, which an event "resumed" hands back. The epochs before it are
    `checkpoint.read_curve(job.resume_from)`.
    """
    yield Event("state", "train", 1, 0)
    training = Training(job, torch.device(device), notes, rank)
    if job.resume_from is not None:
        content = checkpoint.load_checkpoint(job.resume_from)
        training.restore(content)
        saved = content["notes"]
        yield Event("resumed", "train", training.epoch, training.step, notes=saved)
    yield from training.run()


def epochs_of(
    job: Job, device: str, say: Callable[[str], None]
) -> Iterator[tuple[float, Event]]:
    """Train, and `say` how each epoch went: its event, and what it reached by the
    measure that the recipe keeps epochs by, lower being better."""
    for event in train(job, device):
        if event.kind == "epoch":
            say(event.line)
            yield event.reached(job.recipe.best_by), event


def evaluation_loss(job: Job, model: nn.Module) -> float:
    """What a model reaches without training, by the measure of `epochs_of`."""
    device = torch.device("cpu")
    objective = job.task.objective(job.size, job.recipe, job.data, device, ALONE)
    found = objective.evaluate(model)
    event = Event("epoch", "evaluate", 0, 0, None, found.loss, found.scores)
    return event.reached(job.recipe.best_by)


class Training:
    """The state of a training, and the order of its work."""

    def __init__(
        self, job: Job, device: torch.device, notes: Notes, rank: Rank
    ) -> None:
        recipe = job.recipe
        torch.manual_seed(recipe.seed + rank.number)
        self.job, self.recipe, self.notes = job, recipe, notes
        self.device, self.rank = device, rank
        model = job.task.model(job.size) if job.model is None else job.model
        objective = job.task.objective(job.size, recipe, job.data, device, rank)
        self.learner = Learner(model, objective, recipe, device, rank)
        self.objective = objective
        self.curve: list[Event] = []
        self.step = 0
        self._batches_done = 0  # of the epoch under way
        self._loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        self._items = 0

    @property
    def epoch(self) -> int:
        """The one under way, from 1."""
        return len(self.curve) + 1

    @property
    def is_over(self) -> bool:
        """After the recipe's epochs, after too many without a lower validation loss,
        and where that is no number any more; several ranks, of which one alone knows
        the loss, go by epochs."""
        if len(self.curve) >= self.recipe.epochs:
            return True
        if self.rank.count > 1 or not self.curve:
            return False
        losses = [event.validation_loss or 0.0 for event in self.curve]
        since = len(losses) - 1 - losses.index(min(losses))
        stop_after = self.recipe.stop_after
        stalls = stop_after is not None and since >= stop_after
        return stalls or not math.isfinite(losses[-1])

    def run(self) -> Iterator[Event]:
        while not self.is_over:
            yield from self._steps()
            yield from self._end_epoch()

    def _steps(self) -> Iterator[Event]:
        batches = self.objective.batches(self.epoch, self._batches_done)
        for global_size, batch in batches:
            self._loss_sum += self.learner.update(batch, global_size)
            self.step += 1
            self._batches_done += 1
            self._items += global_size
            yield Event("step", "train", self.epoch, self.step)
            if _due(self.step, self.recipe.decode_every_steps):
                yield from self._decode(batch)
            if _due(self.step, self.recipe.checkpoint_every_steps):
                yield from self._checkpoint()
                yield self._state("train")

    def _state(self, state: State, **rest: Any) -> Event:
        """A new state begins: on a GPU, once the last one's work is done."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return Event("state", state, self.epoch, self.step, **rest)

    def _decode(self, batch: Any) -> Iterator[Event]:
        yield self._state("decode")
        if self.rank.number == 0:
            samples = self.objective.samples(self.learner.model, batch)
            yield self._state("train", samples=samples)

    def _checkpoint(self) -> Iterator[Event]:
        if self.job.checkpoint_dir is None:
            return
        yield self._state("checkpoint")
        if self.rank.number == 0:
            path = self.job.checkpoint_dir / checkpoint.NAME
            checkpoint.save_atomically(self._content(), path)

    def _end_epoch(self) -> Iterator[Event]:
        yield self._state("evaluate")
        if self.rank.count > 1:
            distributed.all_reduce(self._loss_sum)
        event = self._evaluated(float(self._loss_sum) / self._items)
        self.curve.append(event)
        self._batches_done = self._items = 0
        self._loss_sum.zero_()
        self.learner.end_epoch(self._watched(event))
        yield event  # first, so that the caller's notes hold this epoch too
        yield from self._checkpoint()
        if not self.is_over:
            yield self._state("train")

    def _evaluated(self, loss: float) -> Event:
        """Rank 0 evaluates; the others wait for it in the next step's exchange."""
        rest: dict[str, Any] = {"learning_rate": self.learner.learning_rate}
        if self.rank.number == 0:
            found = self.objective.evaluate(self.learner.model)
            rest |= {"validation_loss": found.loss, "scores": found.scores}
        return Event("epoch", "evaluate", self.epoch, self.step, loss=loss, **rest)

    def _watched(self, event: Event) -> float:
        """What a plateau goes by: rank 0 gives it to the others, which do not evaluate,
        or each would have a learning rate of its own."""
        schedule = self.recipe.schedule
        if not isinstance(schedule, Plateau):
            return 0.0
        found = torch.zeros((), dtype=torch.float64, device=self.device)
        if self.rank.number == 0:
            found.fill_(event.reached(schedule.watched))
        if self.rank.count > 1:
            distributed.broadcast(found, 0)
        return float(found)

    def _content(self) -> dict[str, Any]:
        """All that a resumed training needs to go on bit by bit."""
        return {
            **self._identity,
            "learner": self.learner.state(),
            "random": checkpoint.random_state(self.device),
            "step": self.step,
            "batches_done": self._batches_done,
            "items": self._items,
            "loss_sum": self._loss_sum,
            "curve": [event.to_plain() for event in self.curve],
            "notes": self.notes(),
        }

    @property
    def _identity(self) -> dict[str, dict[str, Any]]:
        """What a checkpoint must be of; a cosine is as long as all epochs."""
        is_cosine = isinstance(self.recipe.schedule, Cosine)
        free = _FREE - {"epochs"} if is_cosine else _FREE
        recipe = {k: v for k, v in asdict(self.recipe).items() if k not in free}
        size: Any = self.job.size
        return {"size": asdict(size), "recipe": recipe}

    def restore(self, content: dict[str, Any]) -> None:
        """Take up where `content`, a loaded checkpoint, was saved.

        On one device bit by bit; ranks above 0 draw other dropout masks than they had.
        """
        self._check_same(content)
        self.learner.restore(content["learner"])
        if self.rank.number == 0:
            checkpoint.set_random_state(content["random"], self.device)
        self.step = content["step"]
        self._batches_done = content["batches_done"]
        self._items = content["items"]
        self._loss_sum.copy_(content["loss_sum"])
        self.curve = [Event.from_plain(event) for event in content["curve"]]

    def _check_same(self, content: dict[str, Any]) -> None:
        for what, given in self._identity.items():
            saved = content[what]
            changed = [
                f"{key} was {saved.get(key)!r} and is {value!r}"
                for key, value in given.items()
                if saved.get(key) != value
            ]
            if changed:
                raise ValueError(
                    f"the checkpoint is of another {what} ({'; '.join(changed)}): "
                    "resume with its own, or train from the beginning"
                )


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0
