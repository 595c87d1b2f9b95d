"""Train a size, or fine-tune it after a compression, and save it into the cache.

    python -m workloads.separation.train_weights --size conv-tasnet
    python -m workloads.separation.train_weights --size conv-tasnet-small --ship
    python -m workloads.separation.train_weights --size conv-tasnet-small \\
        --compression tucker-30

Trains on built-in mixtures, or on those of `--data-root`. The weights are those of the
epoch with the lowest validation loss, saved as soon as it is reached: a training that
was stopped is taken up by `--go-on`. `--compression` goes on from what was trained
before, and with `--go-on` a pruned model is trained further, its zeros kept. Shipped
weights may have at most `weights.MAX_BYTES` together, and are loaded before those in
the cache.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import torch
from torch import nn

from workloads import weights
from workloads.compression.names import parse
from workloads.compression.pruning.prune import Schedule
from workloads.corpora.cache import default_cache_dir
from workloads.corpora.mixtures.builtin import MixturesSize
from workloads.corpora.mixtures.mixture import OnOtherRate
from workloads.separation import models, trained
from workloads.separation.compressing import load
from workloads.separation.dataset import (
    Dataset,
    builtin_mixtures,
    on_disk,
    with_training,
)
from workloads.separation.fine_tuning import FineTuning, told
from workloads.separation.recipe import FINE_TUNING, FROM_SCRATCH
from workloads.separation.sizes import CONV_TASNET_SMALL, SIZES, Size, is_small
from workloads.separation.training import mean_loss, train

FOR_SMALL, FOR_FULL = 600, 7_200  # mixtures to train on: 40 minutes, 8 hours
OF_THE_RECIPE = (
    "epochs",
    "batch_size",
    "learning_rate",
    "annealed",
    "segment_s",
    "precision",
)


def make_parser() -> argparse.ArgumentParser:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=sorted(SIZES), default=CONV_TASNET_SMALL.name)
    parser.add_argument(
        "--compression", help="fine-tune trained weights after it: tucker-30, ..."
    )
    parser.add_argument(
        "--worst-percent",
        type=float,
        default=5.0,
        help="pruning ends where the validation loss is worse than that (default: "
        "%(default)s; with --go-on it has to get better)",
    )
    parser.add_argument(
        "--mixtures",
        type=int,
        help="built-in mixtures to train on, of four seconds (default: "
        f"{FOR_SMALL:,} for small sizes, {FOR_FULL:,} for full ones)",
    )
    parser.add_argument(
        "--validation-mixtures",
        type=int,
        default=64,
        help="built-in mixtures to validate on (default: %(default)s)",
    )
    parser.add_argument(
        "--data-root",
        type=Path,
        help="LibriMix, Aishell1Mix or LibriCSS, instead of the built-in mixtures",
    )
    parser.add_argument(
        "--on-other-rate",
        choices=get_args(OnOtherRate),
        default="resample",
        help="what to do with a corpus of another sample rate (default: %(default)s)",
    )
    parser.add_argument("--segment-s", type=float, help="default: the recipe's")
    weights.add_training_options(parser)
    parser.add_argument(
        "--annealed",
        action="store_true",
        default=None,
        help="let the learning rate fall along a cosine over all epochs (of a round, "
        "where it prunes), not when the validation loss stays",
    )
    weights.add_place_options(parser)
    return parser


def dataset_of(size: Size, chosen: argparse.Namespace) -> Dataset:
    """The user's corpus, or built-in mixtures, which also train where it cannot."""
    count = chosen.mixtures or (FOR_SMALL if is_small(size) else FOR_FULL)
    corpus = MixturesSize("training", count, chosen.validation_mixtures)

    def built_in() -> Dataset:
        return builtin_mixtures(size, corpus, default_cache_dir())

    if not chosen.data_root:
        return built_in()
    found = on_disk(chosen.data_root, size, chosen.on_other_rate)
    return with_training(found, built_in)


def own_checksum(dataset: Dataset, chosen: argparse.Namespace) -> str | None:
    """Of the user's corpus, for weights of its own; None where built-in mixtures were
    trained on, if only for want of a training part."""
    return dataset.checksum if chosen.data_root and dataset.is_whole else None


def save(
    model: nn.Module, validation_loss: float, facts: dict[str, str], path: Path
) -> None:
    reached = {"validation_loss": f"{validation_loss:.3f}", "torch": torch.__version__}
    trained.save(model, facts | reached, path)


def train_from_scratch(
    size: Size,
    chosen: argparse.Namespace,
    dataset: Dataset,
    facts: dict[str, str],
    path: Path,
) -> None:
    """Train, telling each epoch; save each that is better than all before it."""
    recipe = replace(FROM_SCRATCH, **given(chosen))
    torch.manual_seed(recipe.seed)
    model, best = models.make(size), float("inf")
    device = torch.device(chosen.device)
    if chosen.go_on:
        start = trained.find(size, corpus_checksum=own_checksum(dataset, chosen))
        trained.load_into(model, start)
        # Measured: the loss told beside them may be of another corpus.
        best = mean_loss(model.to(device), dataset.validation, device)
        print(f"goes on from SI-SDR {-best:.2f} dB in validation", flush=True)
        facts |= trained.origin_of(start)
    facts["recipe"] = json.dumps(asdict(recipe))
    facts |= {"corpus": dataset.name, "corpus_checksum": dataset.checksum}
    for epoch in train(model, recipe, dataset, device):
        print(told(epoch), flush=True)
        if epoch.validation_loss < best:
            best = epoch.validation_loss
            save(model, best, facts, path)


def fine_tune(
    size: Size,
    chosen: argparse.Namespace,
    dataset: Dataset,
    facts: dict[str, str],
    path: Path,
) -> None:
    """Save what was reached; a pruning that was rolled back is saved under another
    name, for the path's says how much was pruned. Going on from a pruned model is one
    more round, which is to make it better."""
    recipe = replace(FINE_TUNING, **given(chosen))
    compression = parse(chosen.compression)
    before = compression.trained_name if chosen.go_on else ""
    start = trained.find(size, before, own_checksum(dataset, chosen))
    facts |= {
        "corpus": dataset.name,
        "corpus_checksum": dataset.checksum,
        **trained.origin_of(start),
        "recipe": json.dumps(asdict(recipe)),
    }
    schedule = Schedule(worst=chosen.worst_percent / 100)
    if chosen.go_on:
        schedule = Schedule(rounds=1, worst=0.0)
    tell = partial(print, flush=True)
    device = torch.device(chosen.device)
    tuning = FineTuning(recipe, dataset, schedule, tell, device)
    mended = tuning.of(load(size, start), compression)
    if mended.warning and chosen.go_on:
        sys.exit(f"no epoch had a lower validation loss than {start}, which stays")
    if mended.warning:
        path = weights.trained_dir() / f"{path.stem}-rolled-back.safetensors"
        facts["warning"] = mended.warning
    save(mended.model, mended.validation_loss, facts, path)
    if mended.warning:
        sys.exit(  # the warning itself was logged
            f"saved as {path}, which no benchmark takes: train longer, or give a "
            "larger --worst-percent"
        )


def given(chosen: argparse.Namespace) -> dict[str, Any]:
    """Of the recipe, what the command line says otherwise."""
    found = {name: getattr(chosen, name) for name in OF_THE_RECIPE}
    return {name: value for name, value in found.items() if value is not None}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = make_parser()
    chosen = parser.parse_args(arguments)
    size = SIZES[chosen.size]
    what = parse(chosen.compression).trained_name if chosen.compression else ""
    if what != (chosen.compression or ""):
        parser.error(
            f"{chosen.compression} stores weights otherwise after training: give "
            f"{what or 'a pruning, a factorization or int8-qat'}"
        )
    if what and chosen.go_on and not parse(what).pruning:
        parser.error(
            f"--compression {what} goes on from uncompressed weights: leave out "
            "--go-on, which takes up prunings alone"
        )
    dataset = dataset_of(size, chosen)
    directory = trained.SHIPPED if chosen.ship else chosen.directory
    directory = directory or weights.trained_dir(own_checksum(dataset, chosen))
    path = directory / f"{trained.weights_name(size, what)}.safetensors"
    command = weights.command_line(trained.COMMAND, parser, chosen)
    make = fine_tune if what else train_from_scratch
    make(size, chosen, dataset, {"command": command}, path)
    if not path.exists():
        sys.exit(
            "no epoch had a lower validation loss than the weights that it went on "
            f"from, or any at all: nothing is saved as {path}"
        )
    if chosen.ship:
        weights.check_shippable(path)
    weights.tell_saved(path, trained.SHIPPED)


if __name__ == "__main__":
    main()
