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
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch
from torch import nn

from workloads.compression.known import parse
from workloads.compression.pruning.prune import Schedule
from workloads.compression.step import Compression
from workloads.compression.steps.prune import Prune
from workloads.task import DataRequest, NotHereError, Size, Task
from workloads.tasks import all_tasks, size_named
from workloads.training import weight_files, weights
from workloads.training.fine_tuning import (
    FineTuning,
    evaluation_loss,
    facts_of,
    progress_line,
)
from workloads.training.loop import Job, reached, train
from workloads.training.recipe import LOSS, Cosine, Recipe

WORST_PERCENT = 5.0
POSITIVE = click.FloatRange(0, min_open=True)


class Model(click.ParamType):
    """The name of a size, of any task."""

    name = "model"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            return size_named(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> list[Any]:
        """The sizes that there are."""
        from click.shell_completion import CompletionItem

        names = sorted(name for task in all_tasks() for name in task.sizes)
        return [CompletionItem(one) for one in names if one.startswith(incomplete)]


class TrainedAfter(click.ParamType):
    """A compression that training can follow."""

    name = "compression"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            found = parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if found.trained_name != found.name:
            self.fail(
                f"{value} stores weights otherwise after training: give "
                f"{found.trained_name or 'a pruning, a factorization or int8-qat'}",
                param,
                ctx,
            )
        return found


class Device(click.ParamType):
    """A device that torch has here: known before any corpus is made."""

    name = "device"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        found = re.fullmatch(r"cuda(?::(\d+))?", value)
        if value != "cpu" and not found:
            self.fail(f"{value!r}: expected cpu or cuda:N", param, ctx)
        count = torch.cuda.device_count()
        if found and int(found[1] or 0) >= count:
            self.fail(
                f"{value}: torch finds {count} CUDA devices here; use --device cpu, or "
                "a torch built for this GPU and its driver",
                param,
                ctx,
            )
        return value


# click leaves the lines below its mark as they are.
@click.command(help=(__doc__ or "").replace("\n\n    ", "\n\n\b\n    ", 1))
@click.option("--model", type=Model(), required=True, help="A size, such as ds2-small.")
@click.option(
    "--compression", type=TrainedAfter(), help="Train trained weights on after it."
)
@click.option("--data-root", type=click.Path(path_type=Path), help="The user's corpus.")
@click.option("--train-s", type=POSITIVE, help="Seconds of built-in data to train on.")
@click.option("--no-resample", is_flag=True, help="Refuse other sample rates.")
@click.option("--go-on", is_flag=True, help="Go on from trained weights.")
@click.option("--device", type=Device(), default="cpu", show_default=True)
@click.option("--epochs", type=click.IntRange(1), help="Default: the recipe's.")
@click.option("--batch-size", type=click.IntRange(1), help="Default: the recipe's.")
@click.option("--learning-rate", type=POSITIVE, help="Default: the recipe's.")
@click.option("--precision", type=click.Choice(("fp32", "bf16")), help="Of products.")
@click.option("--annealed", is_flag=True, help="Let the rate fall along a cosine.")
@click.option(
    "--worst-percent",
    type=click.FloatRange(0),
    default=WORST_PERCENT,
    show_default=True,
    help="Pruning ends where the validation loss is worse than that.",
)
@click.option("--directory", type=click.Path(path_type=Path), help="Not the cache.")
@click.option("--ship", is_flag=True, help="Write to the weights of the package.")
def main(**chosen: Any) -> None:
    """The command; see the module."""
    try:
        _train(chosen)
    except (NotHereError, ValueError) as error:  # both are for the user
        raise click.ClickException(str(error)) from error


def _train(chosen: dict[str, Any]) -> None:
    task, size = chosen["model"]
    compression: Compression | None = chosen["compression"]
    _check(chosen, compression)
    data = _data(task, size, chosen)
    recipe = _recipe(task.recipe(size, data, compression), chosen)
    path = _path(task, size, data, chosen)
    facts = {
        "corpus": data.name,
        "corpus_checksum": data.checksum,
        "recipe": json.dumps(asdict(recipe)),
        "command": _command(size, chosen),
    }
    run = TrainingRun(task, size, recipe, data, facts, path, chosen["device"])
    if compression is None:
        run.from_scratch(chosen["go_on"], _own(data, chosen))
    else:
        schedule = Schedule(worst=chosen["worst_percent"] / 100)
        run.after(compression, chosen["go_on"], _own(data, chosen), schedule)
    if chosen["ship"]:
        weight_files.check_shippable(path)
    click.echo(path)
    first = weights.shipped_dir(task) / path.name
    if path.parent == weight_files.trained_dir() and first.exists():
        click.echo(f"note: {first} is loaded before it")


def _check(chosen: dict[str, Any], compression: Compression | None) -> None:
    if chosen["ship"] and chosen["directory"]:
        raise click.UsageError("--ship has a folder of its own: leave out --directory")
    if compression and chosen["go_on"] and not compression.step_of(Prune):
        raise click.UsageError(
            f"--compression {compression.name} goes on from uncompressed weights: "
            "leave out --go-on, which takes up prunings alone"
        )


def _data(task: Task[Any, Any], size: Size, chosen: dict[str, Any]) -> Any:
    train_s = chosen["train_s"] or task.train_s(size)
    may_resample = not chosen["no_resample"]
    request = DataRequest(
        "quick", chosen["data_root"], train_s=train_s, may_resample=may_resample
    )
    return task.dataset(size, request)


def _recipe(recipe: Recipe, chosen: dict[str, Any]) -> Recipe:
    """With what the command line says otherwise."""
    names = ("epochs", "batch_size", "precision")
    given = {name: chosen[name] for name in names if chosen[name] is not None}
    if (rate := chosen["learning_rate"]) is not None:
        given["optimizer"] = replace(recipe.optimizer, learning_rate=rate)
    if chosen["annealed"]:
        given["schedule"] = Cosine()
    return replace(recipe, **given)


def _own(data: Any, chosen: dict[str, Any]) -> str | None:
    """The checksum of the user's corpus, for weights of its own; None where built-in
    data were trained on, if only for want of a training part."""
    return data.checksum if chosen["data_root"] and data.is_whole else None


def _path(task: Task[Any, Any], size: Size, data: Any, chosen: dict[str, Any]) -> Path:
    compression = chosen["compression"]
    directory = weights.shipped_dir(task) if chosen["ship"] else chosen["directory"]
    directory = directory or weight_files.trained_dir(_own(data, chosen))
    name = weights.weights_name(size, compression.name if compression else "")
    return Path(directory) / f"{name}.safetensors"


def _command(size: Size, chosen: dict[str, Any]) -> str:
    """The command that makes these weights: what is not by default."""
    words = [*weights.COMMAND.split(), "--model", size.name]
    defaults = {option.name: option.default for option in main.params}
    for name, value in chosen.items():
        is_absent = value is None or value is False  # 0 is a value
        if name == "model" or is_absent or value == defaults[name]:
            continue
        option = f"--{name.replace('_', '-')}"
        text = value.name if isinstance(value, Compression) else str(value)
        words += [option] if value is True else [option, text]
    return shlex.join(words)


class TrainingRun:
    """One training from the command line, saved epoch by epoch."""

    def __init__(
        self,
        task: Task[Any, Any],
        size: Size,
        recipe: Recipe,
        data: Any,
        facts: dict[str, str],
        path: Path,
        device: str,
    ) -> None:
        self.task, self.size, self.recipe, self.data = task, size, recipe, data
        self.facts, self.path, self.device = facts, path, device
        self.say = partial(print, flush=True)

    def from_scratch(self, go_on: bool, own: str | None) -> None:
        """Train, saying how each epoch went; save each that is better than all
        before."""
        best, model = math.inf, self._random()
        if go_on:
            start = weights.find(self.task, self.size, corpus_checksum=own)
            model = self._started(start)
            # Measured: what stands beside the weights may be of another corpus.
            best = evaluation_loss(self._job(), model)
            self.say(f"goes on from {self.recipe.best_by or LOSS} {best:.4g}")
        saved = False
        for event in train(replace(self._job(), model=model), self.device):
            if event.kind != "epoch":
                continue
            self.say(progress_line(event))
            found = reached(event, self.recipe.best_by or LOSS)
            if self.recipe.best_by is None or found < best:
                best, saved = found, True
                self._save(model.state_dict(), facts_of(event))
        if not saved:
            sys.exit(
                "no epoch was better than the weights that it went on from, or any at "
                f"all: nothing is saved as {self.path}"
            )

    def _random(self) -> nn.Module:
        torch.manual_seed(self.recipe.seed)
        return self.task.model(self.size)

    def _job(self) -> Job:
        return Job(self.task, self.size, self.recipe, self.data)

    def _started(self, start: Path) -> nn.Module:
        """The model of a file; its constants, and what it was made from, go on."""
        constants = weights.load_constants(self.task, self.size, start)
        self.data = self.task.with_constants(self.data, constants)
        before = weights.load_facts(self.task, self.size, start)
        commands = (before.get("started_from"), before["command"])
        self.facts["started_from"] = "; ".join(filter(None, commands))
        if "note" in before:
            self.facts["note"] = before["note"]
        return weights.load(self.task, self.size, start)

    def _save(self, state: Any, facts: dict[str, str]) -> None:
        constants = self.task.constants(self.data)
        facts = {**self.facts, **facts}
        weights.save(self.task, self.size, state, constants, facts, self.path)

    def after(
        self, compression: Compression, go_on: bool, own: str | None, schedule: Schedule
    ) -> None:
        """Train on after a compression; a pruning that was rolled back is saved under
        another name, for the path's says how much was pruned. Going on from a pruned
        model is one more round, which is to make it better."""
        before = compression.name if go_on else ""
        start = weights.find(self.task, self.size, before, own)
        model = self._started(start)
        if go_on:
            schedule = Schedule(rounds=1, worst=0.0)
        tuning = FineTuning(self._job(), schedule, self.say, self.device)
        tuned = tuning.of(model, compression)
        if tuned.warning and go_on:
            sys.exit(f"no epoch was better than {start}, which stays")
        if tuned.warning:
            name = f"{self.path.stem}-rolled-back.safetensors"
            self.path = weight_files.trained_dir() / name
            self.facts["warning"] = tuned.warning
        facts = {"reached": f"{tuned.reached:.4f}", "torch": torch.__version__}
        self._save(tuned.model.state_dict(), facts)
        if tuned.warning:
            sys.exit(  # the warning itself was logged
                f"saved as {self.path}, which no benchmark takes: train longer, or "
                "give a larger --worst-percent"
            )


if __name__ == "__main__":
    main()
