"""Train a size, and save what was trained into the cache.

    python -m workloads.wav2letter.train_weights --size wav2letter
    python -m workloads.wav2letter.train_weights --size wav2letter --qat
    python -m workloads.wav2letter.train_weights --size wav2letter-small --ship

Trains on built-in speech, or on the arrays or LibriSpeech of `--data-root`: those are
loaded wherever that corpus is measured. The weights are those of
the epoch with the lowest edit distance, saved as soon as it is reached: a training that
was stopped is taken up by `--go-on`. `--qat` goes on from what was trained before, with
int8 simulated. Shipped weights may have at most `weights.MAX_BYTES`, and are loaded
before those in the cache.
"""

import argparse
import contextlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch

from workloads import weights
from workloads.compression.qat import simulated_int8
from workloads.corpora import builtin
from workloads.corpora.cache import default_cache_dir
from workloads.wav2letter import recipe as recipes
from workloads.wav2letter import trained
from workloads.wav2letter.dataset import Dataset, of_corpus, of_root
from workloads.wav2letter.model import Wav2Letter
from workloads.wav2letter.recipe import Recipe
from workloads.wav2letter.sizes import SIZES, WAV2LETTER_SMALL, Wav2LetterSize
from workloads.wav2letter.training import (
    Epoch,
    errors_before,
    initialise,
    train,
)

TRAIN_S = 14_400.0
OF_THE_RECIPE = ("epochs", "batch_size", "learning_rate", "precision")


def recipe_for(size: Wav2LetterSize, on_arrays: bool, aware: bool) -> Recipe:
    """The document's on its own data, the built-in speech's otherwise; going on with
    simulated int8 takes a tenth of the rate and few epochs."""
    if on_arrays:
        found = recipes.PHONEMES if size.alphabet.spaced else recipes.LETTERS
    else:
        small = size.width <= WAV2LETTER_SMALL.width
        found = recipes.BUILTIN_SMALL if small else recipes.BUILTIN
    if not aware:
        return found
    rate = found.learning_rate / 10
    return replace(found, learning_rate=rate, epochs=recipes.QAT_EPOCHS)


def train_and_save(
    model: Wav2Letter,
    recipe: Recipe,
    dataset: Dataset,
    device: torch.device,
    origin: dict[str, str],
    path: Path,
    aware: bool = False,
    best: float = float("inf"),
) -> None:
    """Train, telling each epoch on standard output; save each that has a lower edit
    distance than those before and than `best`, so that whoever stops it keeps that."""
    simulated = simulated_int8(model) if aware else contextlib.nullcontext(model)
    with simulated:
        for epoch in train(model, recipe, dataset, device):
            print(told(epoch), flush=True)
            distance = epoch.errors["levenshtein"].rate
            if distance < best:
                best = distance
                facts = {
                    **origin,
                    **facts_of(epoch),
                    "recipe": json.dumps(asdict(recipe)),
                }
                trained.save(plain_copy(model), dataset.normaliser, facts, path)


def plain_copy(model: Wav2Letter) -> Wav2Letter:
    """A copy with the same weights, whatever computes them at the moment."""
    copied = Wav2Letter(model.size)
    plain = dict(copied.named_parameters())
    with torch.no_grad():
        for name, value in model.named_parameters():
            name = name.replace("parametrizations.weight.original", "weight")
            plain[name].copy_(value)
    return copied


def told(epoch: Epoch) -> str:
    rates = ", ".join(
        f"{name} {rate.rate:.2f}"
        if name == "levenshtein"
        else f"{name} {100 * rate.rate:.1f} %"
        for name, rate in epoch.errors.items()
    )
    return (
        f"epoch {epoch.number}: loss {epoch.loss:.2f}, validation loss "
        f"{epoch.validation_loss:.2f}, {rates}, learning rate {epoch.learning_rate:g}"
    )


def facts_of(epoch: Epoch) -> dict[str, str]:
    """For the file beside the weights."""
    return {
        "epoch": str(epoch.number),
        "validation_loss": f"{epoch.validation_loss:.3f}",
        **{name: f"{rate.rate:.4f}" for name, rate in epoch.errors.items()},
        "torch": torch.__version__,
    }


def make_parser() -> argparse.ArgumentParser:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=sorted(SIZES), default=WAV2LETTER_SMALL.name)
    parser.add_argument(
        "--qat", action="store_true", help="go on from trained weights, int8 simulated"
    )
    parser.add_argument(
        "--train-s",
        type=float,
        default=TRAIN_S,
        help="seconds of built-in speech to train on (default: %(default)s)",
    )
    parser.add_argument(
        "--data-root",
        type=Path,
        help="the paper's arrays or LibriSpeech, instead of built-in speech",
    )
    weights.add_training_options(parser)
    weights.add_place_options(parser)
    return parser


def dataset_of(size: Wav2LetterSize, chosen: argparse.Namespace) -> Dataset:
    if chosen.data_root:
        return of_root(chosen.data_root, size.alphabet, default_cache_dir())
    cache_dir = default_cache_dir()
    name = f"{chosen.train_s:g}s"
    speech = replace(builtin.QUICK, name=name, train_s=chosen.train_s)
    corpus = builtin.load_or_build(speech, cache_dir)
    return of_corpus(corpus, size.alphabet, cache_dir)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = make_parser()
    chosen = parser.parse_args(arguments)
    size = SIZES[chosen.size]
    dataset = dataset_of(size, chosen)
    own = dataset.checksum if chosen.data_root else None
    directory = trained.SHIPPED if chosen.ship else chosen.directory
    directory = directory or weights.trained_dir(own)
    recipe = recipe_for(size, bool(chosen.data_root), chosen.qat)
    given = {name: getattr(chosen, name) for name in OF_THE_RECIPE}
    recipe = replace(recipe, **{key: one for key, one in given.items() if one})
    origin = {
        "corpus": dataset.name,
        "corpus_checksum": dataset.checksum,
        "command": weights.command_line(trained.COMMAND, parser, chosen),
    }
    best = float("inf")
    if chosen.qat or chosen.go_on:
        start = trained.find(size, corpus_checksum=own)
        model = trained.load_model(size, start)
        dataset = replace(dataset, normaliser=trained.load_normaliser(start))
        origin["started_from"] = trained.load_facts(start)["command"]
    else:
        torch.manual_seed(recipe.seed)
        model = Wav2Letter(size)
        initialise(model)
    path = directory / f"{trained.weights_name(size, chosen.qat)}.safetensors"
    device = torch.device(chosen.device)
    if chosen.go_on and not chosen.qat:
        # Measured: what is told beside the weights may be of another corpus.
        before = errors_before(model, recipe, dataset, device)
        best = before["levenshtein"].rate
        print(f"goes on from levenshtein {best:.2f}", flush=True)
    train_and_save(model, recipe, dataset, device, origin, path, chosen.qat, best)
    if chosen.ship:
        weights.check_shippable(path)
    weights.tell_saved(path, trained.SHIPPED)


if __name__ == "__main__":
    main()
