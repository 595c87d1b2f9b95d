"""Train a model, or train it again after a compression, and save it into the cache.

    python -m workloads.train --model ds2-small
    python -m workloads.train --model conv-tasnet --device cuda:0
    python -m workloads.train --model conv-tasnet-small --compression tucker-30
    python -m workloads.train --model wav2letter --compression int8-qat
    python -m workloads.train --model ds2-small --data-root DIR
    python -m workloads.train --model wav2letter-small --ship

Trains on built-in data, or on the user's corpus in `--data-root`: those weights are
loaded wherever that corpus is measured. The weights are those of the best epoch, saved
as soon as it is reached: a training that was stopped is taken up by `--go-on`.
`--compression` goes on from what was trained before, and saves at its end; with
`--go-on` a pruned model is trained further, its zeros kept. Shipped weights are loaded
before those in the cache.
"""

from __future__ import annotations

import json
import math
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch
from torch import nn

from workloads.compression.known import parse
from workloads.compression.pruning.prune import Schedule
from workloads.compression.step import Compression, CompressionError
from workloads.compression.steps.prune import Prune
from workloads.corpora.faults import DataError
from workloads.task import DataRequest, NotHereError, Size, Task
from workloads.tasks import all_tasks, size_named
from workloads.training import weights
from workloads.training.fine_tuning import FineTuning
from workloads.training.loop import Job, epochs_of, evaluation_loss
from workloads.training.recipe import LOSS, Cosine, Recipe

POSITIVE = click.FloatRange(0, min_open=True)
# What is replaced in the recipe as it is given; the rate and its schedule are apart.
REPLACED = ("epochs", "batch_size", "precision")
# The errors that are of what the user gave, whenever they show.
OF_THE_USER = (NotHereError, DataError, CompressionError, weights.WeightsError)


def read_by(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """The type of an option, whose ValueError tells what is wrong with its value."""

    def value_of(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return value_of


def trained_after(name: str) -> Compression:
    """A compression that training can follow."""
    found = parse(name)
    if found.trained_name != found.name:
        raise ValueError(
            f"{name} stores weights otherwise after training: give "
            f"{found.trained_name or 'a pruning, a factorization or int8-qat'}"
        )
    return found


def device_here(name: str) -> str:
    """A device that torch has here: known before any corpus is made."""
    found = re.fullmatch(r"cuda(?::(\d+))?", name)
    if name != "cpu" and not found:
        raise ValueError(f"{name!r}: expected cpu or cuda:N")
    count = torch.cuda.device_count()
    if found and int(found[1] or 0) >= count:
        raise ValueError(
            f"{name}: torch finds {count} CUDA devices here; use --device cpu, or a "
            "torch built for this GPU and its driver"
        )
    return name


def sizes_beginning_with(_: Any, __: Any, incomplete: str) -> list[str]:
    """For the shell to complete."""
    found = sorted(name for task in all_tasks() for name in task.sizes)
    return [name for name in found if name.startswith(incomplete)]


# click leaves the lines below its mark as they are.
@click.command(
    help=(__doc__ or "").replace("\n\n    ", "\n\n\b\n    ", 1),
    context_settings={"show_default": True},
)
@click.option(
    "--model",
    type=read_by(size_named),
    metavar="MODEL",
    shell_complete=sizes_beginning_with,
    required=True,
    help="A size, such as ds2-small.",
)
@click.option(
    "--compression",
    type=read_by(trained_after),
    metavar="COMPRESSION",
    help="Train trained weights on after it.",
)
@click.option("--data-root", type=click.Path(path_type=Path), help="The user's corpus.")
@click.option("--train-s", type=POSITIVE, help="Seconds of built-in data to train on.")
@click.option("--no-resample", is_flag=True, help="Refuse other sample rates.")
@click.option("--go-on", is_flag=True, help="Go on from trained weights.")
@click.option("--device", type=read_by(device_here), metavar="DEVICE", default="cpu")
@click.option("--epochs", type=click.IntRange(1), help="Default: the recipe's.")
@click.option("--batch-size", type=click.IntRange(1), help="Default: the recipe's.")
@click.option("--learning-rate", type=POSITIVE, help="Default: the recipe's.")
@click.option("--precision", type=click.Choice(("fp32", "bf16")), help="Of products.")
@click.option("--annealed", is_flag=True, help="Let the rate fall along a cosine.")
@click.option(
    "--worst-percent",
    type=click.FloatRange(0),
    default=5.0,
    help="Pruning ends where the validation loss is worse than that.",
)
@click.option("--directory", type=click.Path(path_type=Path), help="Not the cache.")
@click.option("--ship", is_flag=True, help="Write to the weights of the package.")
def main(**chosen: Any) -> None:
    """The command; see the module."""
    compression: Compression | None = chosen["compression"]
    if chosen["ship"] and chosen["directory"]:
        raise click.UsageError("--ship has a folder of its own: leave out --directory")
    if compression and chosen["go_on"] and not compression.step_of(Prune):
        raise click.UsageError(
            f"--compression {compression.name} goes on from uncompressed weights: "
            "leave out --go-on, which takes up prunings alone"
        )
    with shown_to_the_user(*OF_THE_USER):
        run = TrainingRun(chosen)
        run.after(compression) if compression else run.from_scratch()
        if chosen["ship"]:
            weights.check_shippable(run.path)
    click.echo(run.path)
    first = weights.shipped_dir(run.task) / run.path.name
    if run.path.parent == weights.trained_dir() and first.exists():
        click.echo(f"note: {first} is loaded before it")


@contextmanager
def shown_to_the_user(*kinds: type[Exception]) -> Iterator[None]:
    """Errors of these kinds are of what was given, and end the command by their text;
    all others are of the code, and keep their traceback."""
    try:
        yield
    except kinds as error:
        raise click.ClickException(str(error)) from error


class TrainingRun:
    """One training from the command line, and where it is saved."""

    def __init__(self, chosen: dict[str, Any]) -> None:
        self.task: Task[Any, Any]
        self.size: Size
        self.task, self.size = chosen["model"]
        self.go_on, self.device = chosen["go_on"], chosen["device"]
        self.schedule = Schedule(worst=chosen["worst_percent"] / 100)
        request = DataRequest(
            "quick",
            chosen["data_root"],
            train_s=chosen["train_s"] or self.task.train_s(self.size),
            may_resample=not chosen["no_resample"],
        )
        with shown_to_the_user(ValueError):
            self.data = self.task.dataset(self.size, request)
        compression: Compression | None = chosen["compression"]
        recipe = self.task.recipe(self.size, self.data, compression)
        self.recipe = _recipe(recipe, chosen)
        # Weights are a corpus's own where that has a part to train on.
        is_own = chosen["data_root"] and self.data.is_whole
        self.own = self.data.checksum if is_own else None
        folder = weights.shipped_dir(self.task) if chosen["ship"] else None
        folder = folder or chosen["directory"] or weights.trained_dir(self.own)
        after = compression.name if compression else ""
        name = weights.weights_name(self.size, after)
        self.path: Path = folder / f"{name}.safetensors"
        self.facts = {
            "corpus": self.data.name,
            "corpus_checksum": self.data.checksum,
            "recipe": json.dumps(asdict(self.recipe)),
            "command": _command(chosen),
        }
        self.say = partial(print, flush=True)

    def from_scratch(self) -> None:
        """Train, and save each epoch that is better than all before."""
        best, saved = math.inf, False
        if self.go_on:
            model, _ = self._started()
            # Measured: what stands beside the weights may be of another corpus.
            best = evaluation_loss(self._job(), model)
            self.say(f"goes on from {self.recipe.best_by or LOSS} {best:.4g}")
        else:
            torch.manual_seed(self.recipe.seed)
            model = self.task.model(self.size)
        job = replace(self._job(), model=model)
        for found, event in epochs_of(job, self.device, self.say):
            if self.recipe.best_by is None or found < best:
                best, saved = found, True
                self._save(model, event.facts)
        if not saved:
            sys.exit(
                "no epoch was better than the weights that it went on from, or any at "
                f"all: nothing is saved as {self.path}"
            )

    def _job(self) -> Job:
        return Job(self.task, self.size, self.recipe, self.data)

    def _started(self, compression: str = "") -> tuple[nn.Module, Path]:
        """The model of trained weights, and their file; their constants, and what they
        were made from, go on."""
        start = weights.find(self.task, self.size, compression, self.own)
        self.data = weights.data_for(self.task, self.size, self.data, start)
        before = weights.load_facts(self.task, self.size, start)
        commands = (before.get("started_from"), before["command"])
        self.facts["started_from"] = "; ".join(filter(None, commands))
        if "note" in before:
            self.facts["note"] = before["note"]
        return weights.load(self.task, self.size, start), start

    def _save(self, model: nn.Module, facts: dict[str, str]) -> None:
        constants, facts = self.task.constants(self.data), {**self.facts, **facts}
        state = model.state_dict()
        weights.save(self.task, self.size, state, constants, facts, self.path)

    def after(self, compression: Compression) -> None:
        """Train on after a compression; a pruning that was rolled back is saved under
        another name, for the path's says how much was pruned. Going on from a pruned
        model is one more round, which is to make it better."""
        model, start = self._started(compression.name if self.go_on else "")
        schedule = Schedule(rounds=1, worst=0.0) if self.go_on else self.schedule
        tuning = FineTuning(self._job(), schedule, self.say, self.device)
        tuned = tuning.of(model, compression)
        if tuned.warning and self.go_on:
            sys.exit(f"no epoch was better than {start}, which stays")
        if tuned.warning:
            name = f"{self.path.stem}-rolled-back.safetensors"
            self.path = weights.trained_dir() / name
            self.facts["warning"] = tuned.warning
        facts = {"reached": f"{tuned.reached:.4f}", "torch": torch.__version__}
        self._save(tuned.model, facts)
        if tuned.warning:
            sys.exit(  # the warning itself was logged
                f"saved as {self.path}, which no benchmark takes: train longer, or "
                "give a larger --worst-percent"
            )


def _recipe(recipe: Recipe, chosen: dict[str, Any]) -> Recipe:
    """With what the command line says otherwise."""
    given = {name: chosen[name] for name in REPLACED if chosen[name] is not None}
    if (rate := chosen["learning_rate"]) is not None:
        given["optimizer"] = replace(recipe.optimizer, learning_rate=rate)
    if chosen["annealed"]:
        given["schedule"] = Cosine()
    return replace(recipe, **given)


def _command(chosen: dict[str, Any]) -> str:
    """The command that makes these weights: what is not by default."""
    words = [*weights.COMMAND.split(), "--model", chosen["model"][1].name]
    defaults = {option.name: option.default for option in main.params}
    for name, value in chosen.items():
        is_absent = value is None or value is False  # 0 is a value
        if name == "model" or is_absent or value == defaults[name]:
            continue
        option = f"--{name.replace('_', '-')}"
        text = value.name if isinstance(value, Compression) else str(value)
        words += [option] if value is True else [option, text]
    return shlex.join(words)


if __name__ == "__main__":
    main()
