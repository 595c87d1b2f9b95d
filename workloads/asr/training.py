"""Training from scratch, told as events.

The generator knows no clock: whoever iterates it stamps its events. It yields once
before the model exists, so that a clock started there counts the model's creation.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.nn import functional as F

from workloads.asr import checkpoint
from workloads.asr.decoding import GreedyDecoder, make_decoder, words_of
from workloads.asr.ds2 import DeepSpeech2Size
from workloads.asr.evaluation import evaluate
from workloads.asr.events import Event, State, from_plain, to_plain
from workloads.asr.input_pipeline import Batch, Feed, stream
from workloads.asr.recipe import Recipe, autocast
from workloads.asr.training_step import Learner
from workloads.feeding.batching import plan_epoch, share_of_rank

DECODED_SENTENCES = 4  # of the batch at hand
# These may change between a checkpoint and its resumption; all else may not.
_FREE = ("max_epochs", "decode_every_steps", "checkpoint_every_steps")


@dataclass(frozen=True)
class Rank:
    """One of several processes that share each batch."""

    number: int = 0
    count: int = 1


ALONE = Rank()
Notes = Callable[[], Mapping[str, Any]]


def train(
    size: DeepSpeech2Size,
    recipe: Recipe,
    feed: Feed,
    device: str = "cpu",
    checkpoint_dir: Path | None = None,
    resume_from: Path | None = None,
    notes: Notes | None = None,
) -> Iterator[Event]:
    """Train on one device; yields an event at each step, state and epoch.

    Checkpoints go to `checkpoint_dir / "training.pt"`, if it is given, and hold what
    `notes()` returns then: plain values of the caller's own, such as its clock. With
    `resume_from`, a checkpoint, it goes on as if it had never stopped: an event
    "resumed" hands those notes back; the epochs before are
    `checkpoint.read_curve(resume_from)`.
    """
    yield Event("state", "train", 1, 0)
    training = Training(size, recipe, feed, torch.device(device))
    training.checkpoint_dir, training.notes = checkpoint_dir, notes
    if resume_from is not None:
        content = checkpoint.load_checkpoint(resume_from)
        training.restore(content)
        saved = content["notes"]
        yield Event("resumed", "train", training.epoch, training.step, notes=saved)
    yield from training.run()


class Training:
    """The state of a training, and the order of its work."""

    def __init__(
        self,
        size: DeepSpeech2Size,
        recipe: Recipe,
        feed: Feed,
        device: torch.device,
        rank: Rank = ALONE,
    ) -> None:
        torch.manual_seed(recipe.seed + rank.number)
        self.size, self.recipe, self.feed = size, recipe, feed
        self.device, self.rank = device, rank
        self.learner = Learner(size, recipe, device, rank.count)
        self.checkpoint_dir: Path | None = None
        self.notes: Notes | None = None
        self.curve: list[Event] = []
        self.step = 0
        self._batches_done = 0  # of the epoch under way
        self._loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        self._items = 0
        words = words_of(u.transcript for u in feed.train.utterances)
        self._decoder = make_decoder(recipe.beam_width, words)

    @property
    def epoch(self) -> int:
        """The one under way, from 1."""
        return len(self.curve) + 1

    def run(self) -> Iterator[Event]:
        """All epochs that are left."""
        while len(self.curve) < self.recipe.max_epochs:
            yield from self._steps()
            yield from self._end_epoch()

    def _plan(self) -> list[tuple[int, ...]]:
        plan = plan_epoch(
            self.feed.train.frames,
            self.recipe.batch_size,
            self.recipe.seed,
            self.epoch,
            shortest_first=self.recipe.shortest_first and self.epoch == 1,
        )
        # Every rank needs an utterance, or its partners would wait for ever.
        whole = [batch for batch in plan.batches if len(batch) >= self.rank.count]
        return whole[self._batches_done :]

    def _steps(self) -> Iterator[Event]:
        plan = self._plan()
        rank, ranks = self.rank.number, self.rank.count
        mine = [share_of_rank(batch, rank, ranks) for batch in plan]
        batches = stream(self.feed.train, self.feed, mine, self.device)
        for positions, batch in zip(plan, batches, strict=True):
            self._loss_sum += self.learner.update(batch, len(positions))
            self.step += 1
            self._batches_done += 1
            self._items += len(positions)
            yield Event("step", "train", self.epoch, self.step)
            if self.step % self.recipe.decode_every_steps == 0:
                yield from self._decode(batch)
            if self.step % self.recipe.checkpoint_every_steps == 0:
                yield from self._checkpoint()
                yield self._state("train")

    def _state(self, state: State, **rest: Any) -> Event:
        """A new state begins: on a GPU, once the last one's work is done."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return Event("state", state, self.epoch, self.step, **rest)

    @torch.no_grad()
    def _sentences(self, batch: Batch) -> tuple[tuple[str, str], ...]:
        model = self.learner.model.eval()
        with autocast(self.recipe.precision, self.device):
            logits, lengths = model(
                batch.features[:DECODED_SENTENCES], batch.lengths[:DECODED_SENTENCES]
            )
        texts = GreedyDecoder().decode(F.log_softmax(logits.float(), 2), lengths)
        utterances = self.feed.train.utterances
        found = zip(batch.positions, texts, strict=False)
        return tuple((utterances[i].transcript, text) for i, text in found)

    def _decode(self, batch: Batch) -> Iterator[Event]:
        yield self._state("decode")
        if self.rank.number == 0:
            samples = self._sentences(batch)
            yield self._state("train", samples=samples)

    def _checkpoint(self) -> Iterator[Event]:
        if self.checkpoint_dir is None:
            return
        yield self._state("checkpoint")
        if self.rank.number == 0:
            path = self.checkpoint_dir / checkpoint.NAME
            checkpoint.save_atomically(self._content(), path)

    def _end_epoch(self) -> Iterator[Event]:
        yield self._state("evaluate")
        if self.rank.count > 1:
            distributed.all_reduce(self._loss_sum)
        loss = float(self._loss_sum) / self._items
        event = self._evaluated(loss)
        self.curve.append(event)
        self._batches_done = self._items = 0
        self._loss_sum.zero_()
        yield event  # first, so that the caller's notes hold this epoch too
        yield from self._checkpoint()
        if len(self.curve) < self.recipe.max_epochs:
            yield self._state("train")

    def _evaluated(self, loss: float) -> Event:
        """Rank 0 evaluates; the others wait for it in the next step's exchange."""
        if self.rank.number > 0:
            return Event("epoch", "evaluate", self.epoch, self.step, loss=loss)
        model, precision = self.learner.model, self.recipe.precision
        found = evaluate(model, self.feed, self._decoder, precision)
        return Event(
            "epoch",
            "evaluate",
            self.epoch,
            self.step,
            loss=loss,
            validation_loss=found.loss,
            errors=found.errors,
        )

    def _content(self) -> dict[str, Any]:
        """All that a resumed training needs to go on bit by bit."""
        return {
            "size": asdict(self.size),
            "recipe": asdict(self.recipe),
            "model": self.learner.model.state_dict(),
            "optimizer": self.learner.optimizer.state_dict(),
            "scaler": self.learner.scaler.state_dict(),
            "random": checkpoint.random_state(self.device),
            "step": self.step,
            "batches_done": self._batches_done,
            "items": self._items,
            "loss_sum": self._loss_sum,
            "curve": [to_plain(event) for event in self.curve],
            "notes": self.notes() if self.notes else {},
        }

    def restore(self, content: dict[str, Any]) -> None:
        """Take up where `content`, a loaded checkpoint, was saved.

        On one device bit by bit; ranks above 0 draw other dropout masks than they had.
        """
        _check_same("size", content["size"], asdict(self.size))
        _check_same("recipe", content["recipe"], asdict(self.recipe))
        self.learner.model.load_state_dict(content["model"])
        self.learner.optimizer.load_state_dict(content["optimizer"])
        self.learner.scaler.load_state_dict(content["scaler"])
        if self.rank.number == 0:
            checkpoint.set_random_state(content["random"], self.device)
        self.step = content["step"]
        self._batches_done = content["batches_done"]
        self._items = content["items"]
        self._loss_sum.copy_(content["loss_sum"])
        self.curve = [from_plain(event) for event in content["curve"]]


def _check_same(what: str, saved: dict[str, Any], given: dict[str, Any]) -> None:
    changed = [
        f"{key} was {saved[key]!r} and is {value!r}"
        for key, value in given.items()
        if key not in _FREE and saved.get(key) != value
    ]
    if changed:
        raise ValueError(
            f"the checkpoint is of another {what} ({'; '.join(changed)}): "
            "resume with its own, or train from the beginning"
        )
