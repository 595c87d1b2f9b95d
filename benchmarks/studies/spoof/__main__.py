"""Train front-ends for the detection of spoofed speech, and judge a paper's claims.

    python -m benchmarks.studies.spoof
    python -m benchmarks.studies.spoof --seeds 5 --html results/local/spoof.html

Every front-end is trained before the same small back-end, by each seed, on the built-in
stand-in or on the ASVspoof 2019 LA of `--data-root`. A training is kept as soon as it
ends: the command, given again, goes on behind the last one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks.studies.command import study_outputs
from benchmarks.studies.spoof import trainings
from benchmarks.studies.spoof.page import report
from benchmarks.studies.spoof.report import STUDY, WIDTH, judged_claims, tables
from benchmarks.studies.spoof.trainings import Journal, TrainedFrontend, trained
from harness.environment import restart_with
from harness.hardware import ALLOCATOR
from harness.report.tables.outputs import Outputs, usage_errors
from harness.report.tables.terminal import console_of, print_table
from workloads.corpora.cache import default_cache_dir
from workloads.sources import code_sha256
from workloads.spoof.data import SpoofDataset
from workloads.spoof.sizes import FRONTENDS, SMALL, Backend, Size
from workloads.spoof.task import SPOOF
from workloads.task import DataRequest
from workloads.training.recipe import Recipe

SEEDS = 3
tell = partial(click.echo, err=True)  # beside the results, on standard output


@click.command(help=__doc__.splitlines()[0] if __doc__ else None)
@click.option(
    "--frontend",
    "frontends",
    multiple=True,
    type=click.Choice(FRONTENDS),
    default=FRONTENDS,
    callback=lambda context, option, names: tuple(dict.fromkeys(names)),
    help="may be given more than once  [default: all]",
)
@click.option(
    "--backend",
    type=click.Choice([backend.name for backend in SMALL]),
    default=SMALL[0].name,
    show_default=True,
)
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=SEEDS,
    show_default=True,
    help="trainings of each front-end",
)
@click.option(
    "--epochs", type=click.IntRange(1), help="of a training  [default: the recipe's]"
)
@click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="the folder that ASVspoof 2019's LA.zip was unpacked in",
)
@study_outputs
def main(
    frontends: tuple[str, ...],
    backend: str,
    seeds: int,
    epochs: int | None,
    data_root: Path | None,
    outputs: Outputs,
) -> None:
    (chosen,) = (one for one in SMALL if one.name == backend)
    with usage_errors():
        STUDY.check(outputs)
        request = DataRequest("quick", data_root, progress=tell_progress)
        data = SPOOF.dataset(Size(frontends[0], chosen), request)
    recipe = SPOOF.recipe(Size(frontends[0], chosen), data)
    if epochs is not None:
        recipe = replace(recipe, epochs=epochs)
    with usage_errors():
        found = all_trained(frontends, chosen, seeds, recipe, data)
    STUDY.write(outputs, report(found, {}, heading(found)))
    console = console_of(WIDTH)
    for table in tables(found):
        print_table(table, console)


def all_trained(
    frontends: Sequence[str],
    backend: Backend,
    seeds: int,
    recipe: Recipe,
    data: SpoofDataset,
) -> dict[str, list[TrainedFrontend]]:
    """Seed by seed, so that what is interrupted has few of all front-ends."""
    folder = default_cache_dir() / "studies" / "spoof"
    journal = Journal(folder, setting_of(backend, recipe, data))
    found: dict[str, list[TrainedFrontend]] = {name: [] for name in frontends}
    total = len(frontends) * seeds
    for seed in range(seeds):
        for place, name in enumerate(frontends):
            number = seed * len(frontends) + place + 1
            prefix = f"{number} of {total}: {name}, seed {seed}"
            one = journal.read(name, seed)
            if one is None:
                size, seeded = Size(name, backend), replace(recipe, seed=seed)
                one = trained(size, seeded, data, partial(_tell_of, prefix))
                journal.keep(one)
            tell(f"{prefix}: EER {100 * one.evaluation.value:.1f} %")
            found[name].append(one)
    return found


def _tell_of(prefix: str, text: str) -> None:
    tell(f"{prefix}: {text}")


def setting_of(backend: Backend, recipe: Recipe, data: SpoofDataset) -> str:
    """What a training depends on besides front-end and seed, in short: the code too."""
    content: dict[str, Any] = {
        "code": code_sha256(Path(trainings.__file__)),
        "torch": torch.__version__,
        "backend": asdict(backend),
        "recipe": asdict(replace(recipe, seed=0)),
        "data": data.checksum,
    }
    text = json.dumps(content, sort_keys=True)
    return f"{backend.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def heading(found: dict[str, list[TrainedFrontend]]) -> str:
    """How many claims hold."""
    verdicts = [one.verdict for one in judged_claims(found)]
    counts = [f"{verdicts.count(v)} {v}" for v in dict.fromkeys(verdicts)]
    return f"Of {len(verdicts)} claims of the paper: {', '.join(counts)}."


def tell_progress(stage: str, done: int, total: int) -> None:
    tell(f"{stage}: {done} of {total}")


if __name__ == "__main__":
    restart_with(ALLOCATOR)  # as the suite's workers: it is part of an epoch's time
    main()
