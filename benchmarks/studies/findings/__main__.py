"""Check a paper's findings on compressed separators against trained models.

    python -m benchmarks.studies.findings
    python -m benchmarks.studies.findings --size conv-tasnet-small --html a.html

Every compression is applied to the trained weights, without any training after it, so
that all are alike; with `--trained`, those that prune or factorize are taken as they
were fine-tuned. torch computes all but int8, which ONNX Runtime does, on one thread.
The held-out mixtures are built in, or those of `--data-root`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import click
import torch
from threadpoolctl import threadpool_limits

from benchmarks.studies.command import places, study_outputs
from benchmarks.studies.findings.page import report
from benchmarks.studies.findings.report import (
    STUDY,
    WIDTH,
    Checked,
    print_report,
    progress,
)
from benchmarks.studies.findings.rules import BASELINE, COMPRESSIONS, Scored
from benchmarks.studies.findings.scores import scored
from harness.report.tables.outputs import Outputs, usage_errors
from harness.report.tables.terminal import console_of
from workloads.compressed import CompressedModel
from workloads.compression.known import parse
from workloads.compression.step import ModuleStep
from workloads.corpora.mixtures.builtin import MixturesSize
from workloads.elsewhere import ElsewhereError
from workloads.separation.dataset import (
    Dataset,
    builtin_mixtures,
    on_disk,
    with_training,
)
from workloads.separation.sizes import SIZES, SMALL, Size
from workloads.separation.task import CALIBRATION_MIXTURES, SEPARATION
from workloads.training.weights import (
    Weights,
    find,
    load_facts,
    of_one_corpus,
    weights_of,
)

MIXTURES = 64
tell = partial(click.echo, err=True)  # beside the results, on standard output


@dataclass(frozen=True)
class Subject:
    """A size with its trained weights, and what it is judged on. `fine_tuned`: where a
    compression changes weights, they are to be those that were trained after it."""

    size: Size
    weights: Path
    data: Dataset
    fine_tuned: bool = False

    def scored(self, name: str) -> Scored | str:
        """The scores of a compression, or why there are none."""
        compression = parse(name)
        weights = Weights(self.weights)
        if self.fine_tuned:
            checksum = self.data.checksum
            weights = weights_of(SEPARATION, self.size, compression, checksum)
            if compression.step_of(ModuleStep) and (reason := self._why_not(weights)):
                return reason
        model = CompressedModel(SEPARATION, self.size, compression, weights, self.data)
        try:
            return scored(model, self.data.validation)
        except (ValueError, ElsewhereError) as error:
            return str(error)

    def _why_not(self, fitted: Weights) -> str | None:
        """What keeps these from being compared with the uncompressed ones."""
        if not fitted.is_fitted or fitted.path is None:
            return fitted.reason
        if of_one_corpus(fitted.path, self.weights, self.data.checksum):
            return None
        return (
            f"of {fitted.path} and {self.weights} one alone was trained on this "
            "corpus: train the other on it too"
        )

    def checked(self) -> Checked:
        """With the scores of all compressions, each printed as soon as it is done.

        Raises ValueError where the baseline cannot be scored; other compressions are
        left out with their reason.
        """
        scores: dict[str, Scored] = {}
        left_out: dict[str, str] = {}
        model = self.size.name
        for number, name in enumerate(COMPRESSIONS):
            found = self.scored(name)
            if isinstance(found, Scored):
                scores[name] = found
            elif name == BASELINE:
                raise ValueError(f"{model} in {name}: {found}")
            else:
                left_out[name] = found
            place = f"{model} {number} of {len(COMPRESSIONS) - 1}"
            tell(f"{place}: {name}: {progress(found, scores[BASELINE])}")
        return Checked(model, self.data.name, scores, left_out, self.fine_tuned)


def data_of(size: Size, root: Path | None, mixtures: int | None) -> Dataset:
    """Held-out mixtures, and some to choose by gradients and calibrate with: built-in
    ones where the folder has none.

    Raises ValueError for fewer than one mixture or more than the folder has.
    """

    def built_in(count: int) -> Dataset:
        wanted = MixturesSize("findings", CALIBRATION_MIXTURES, count)
        return builtin_mixtures(size, wanted, on_progress=tell_progress)

    if root is None:
        return built_in(MIXTURES if mixtures is None else mixtures)
    found = on_disk(root, size, on_progress=tell_progress)
    there = found.validation.mixtures
    chosen = places(mixtures, len(there), "mixtures", usual=MIXTURES)
    part = replace(found.validation, mixtures=tuple(there[i] for i in chosen))
    return with_training(replace(found, validation=part), lambda: built_in(1))


def subject_of(
    size: Size, root: Path | None, mixtures: int | None, trained: bool
) -> Subject:
    """Of the weights that were trained on the user's corpus, else those that ship.

    Raises ValueError for weights that are missing or damaged, and as `data_of` does.
    """
    data = data_of(size, root, mixtures)
    path = find(SEPARATION, size, corpus_checksum=data.checksum)
    load_facts(SEPARATION, size, path)
    return Subject(size, path, data, trained)


@contextmanager
def one_thread() -> Iterator[None]:
    """The small models gain nothing by more, and sums have one order anywhere."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # of its MKL too, which threadpoolctl does not see
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def tell_progress(stage: str, done: int, total: int) -> None:
    tell(f"{stage}: {done} of {total}")


@click.command(help=__doc__.splitlines()[0] if __doc__ else None)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    type=click.Choice(sorted(SIZES)),
    default=[size.name for size in SMALL],
    callback=lambda context, option, names: tuple(dict.fromkeys(names)),
    help="may be given more than once  [default: the small sizes of two sources]",
)
@click.option(
    "--mixtures",
    type=int,
    help=f"held-out ones to judge on  [default: {MIXTURES}, or all of fewer]",
)
@click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="LibriMix, Aishell1Mix or LibriCSS, instead of the built-in mixtures",
)
@click.option(
    "--trained",
    is_flag=True,
    help="take weights that were fine-tuned after each compression",
)
@study_outputs
def main(
    sizes: tuple[str, ...],
    mixtures: int | None,
    data_root: Path | None,
    trained: bool,
    outputs: Outputs,
) -> None:
    chosen = [SIZES[name] for name in sizes]
    with usage_errors():
        STUDY.check(outputs)
        if not data_root:  # before any mixture is made
            for size in chosen:
                load_facts(SEPARATION, size, find(SEPARATION, size))
        subjects = [subject_of(size, data_root, mixtures, trained) for size in chosen]
        with one_thread():
            checked = [subject.checked() for subject in subjects]
    models = {f"{one.size.name} ": (one.weights, one.data) for one in subjects}
    STUDY.write(outputs, report(checked, models))
    print_report(checked, console_of(WIDTH))


if __name__ == "__main__":
    main()
