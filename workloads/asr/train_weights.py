"""Train a size, and save what was trained into the cache.

    python -m workloads.asr.train_weights                     ds2-small, on 30 minutes
    python -m workloads.asr.train_weights --size ds2-paper --train-s 36000 \\
        --device cuda:0                                       ds2-paper, on 10 hours
    python -m workloads.asr.train_weights --data-root DIR     on a LibriSpeech in DIR
    python -m workloads.asr.train_weights --ship              what ships as ds2-small

What was trained on a user's corpus is loaded wherever that corpus is measured. The
weights are those after the last epoch. Shipped ones may have at most
`weights.MAX_BYTES`, and are loaded before those in the cache.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from workloads.asr import checkpoint
from workloads.asr.ds2 import DS2_SMALL, SIZES, DeepSpeech2Size
from workloads.asr.input_pipeline import Feed, build_feed
from workloads.asr.recipe import Recipe
from workloads.asr.trained import COMMAND, SHIPPED, save_trained
from workloads.asr.training import train
from workloads.corpora import builtin, librispeech
from workloads.corpora.cache import default_cache_dir
from workloads.corpora.utterance import Corpus
from workloads.weights import (
    add_device_option,
    add_place_options,
    check_shippable,
    command_line,
    tell_saved,
    trained_dir,
)

EPOCHS = 30
BATCH_SIZE = 16
BEAM_WIDTH = 64


def train_and_save(
    size: DeepSpeech2Size,
    recipe: Recipe,
    feed: Feed,
    device: str,
    origin: Mapping[str, str],
    directory: Path,
) -> Path:
    """Train to the recipe's last epoch, telling each on standard output.

    `origin`, the corpus and the command, is saved beside what was reached.
    """
    facts: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for event in train(size, recipe, feed, device, Path(scratch)):
            if event.errors is None:
                continue
            rates = {name: 100 * rate.rate for name, rate in event.errors.items()}
            facts = {f"{name}_percent": f"{x:.2f}" for name, x in rates.items()}
            told = ", ".join(f"{name} {x:.1f} %" for name, x in rates.items())
            print(f"epoch {event.epoch}: loss {event.loss:.1f}, {told}", flush=True)
        content = checkpoint.load_checkpoint(Path(scratch) / checkpoint.NAME)
    facts |= {
        **origin,
        "recipe": json.dumps(content["recipe"]),
        "beam_width": str(recipe.beam_width),
        "torch": torch.__version__,
    }
    path = directory / f"{size.name}.safetensors"
    save_trained(content["model"], feed.normaliser, facts, path)
    return path


def make_parser() -> argparse.ArgumentParser:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=sorted(SIZES), default=DS2_SMALL.name)
    parser.add_argument(
        "--train-s",
        type=float,
        default=builtin.QUICK.train_s,
        help="seconds of built-in speech to train on (default: %(default)s)",
    )
    parser.add_argument(
        "--data-root",
        type=Path,
        help="a folder with LibriSpeech, instead of built-in speech",
    )
    add_device_option(parser)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE)
    add_place_options(parser)
    return parser


def corpus_of(chosen: argparse.Namespace) -> Corpus:
    if chosen.data_root:
        return librispeech.load(chosen.data_root)
    speech = replace(builtin.QUICK, train_s=chosen.train_s)
    return builtin.load_or_build(speech, default_cache_dir())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = make_parser()
    chosen = parser.parse_args(arguments)
    size = SIZES[chosen.size]
    corpus = corpus_of(chosen)
    own = trained_dir(corpus.checksum if chosen.data_root else None)
    directory = SHIPPED if chosen.ship else chosen.directory or own
    feed = build_feed(corpus, default_cache_dir())
    recipe = Recipe(
        batch_size=chosen.batch_size, max_epochs=chosen.epochs, beam_width=BEAM_WIDTH
    )
    origin = {
        "corpus": corpus.name,
        "corpus_checksum": corpus.checksum,
        "command": command_line(COMMAND, parser, chosen),
    }
    path = train_and_save(size, recipe, feed, chosen.device, origin, directory)
    if chosen.ship:
        check_shippable(path)
    tell_saved(path, SHIPPED)


if __name__ == "__main__":
    main()
