"""Check a paper's findings on compressed separators against trained models.

    python -m benchmarks.studies.findings
    python -m benchmarks.studies.findings --size conv-tasnet-small --html a.html

Every compression is applied to the trained weights, without any training after it, so
that all are alike; with `--trained`, those that prune or factorize are taken as they
were fine-tuned. torch computes all but int8, which ONNX Runtime does, on one thread.
The held-out mixtures are built in, or those of `--data-root`.
"""

import argparse
import contextlib
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from basics.files import file_sha256
from benchmarks.studies.command import add_outputs, evenly, versions
from benchmarks.studies.findings.page import page, verdict_table
from benchmarks.studies.findings.report import (
    STUDY,
    WIDTH,
    Checked,
    numbers,
    print_report,
    progress,
    table,
)
from benchmarks.studies.findings.rules import (
    BASELINE,
    FACTORIZED,
    FORMATS,
    PRUNED,
    Scored,
)
from benchmarks.studies.findings.scores import scored
from harness.report.tables.terminal import console_of
from workloads.compressed import CompressedModel
from workloads.compression.names import parse
from workloads.corpora.cache import default_cache_dir
from workloads.corpora.mixtures.builtin import MixturesSize
from workloads.elsewhere import ElsewhereError
from workloads.separation.dataset import (
    Dataset,
    MixtureSet,
    builtin_mixtures,
    on_disk,
)
from workloads.separation.sizes import SIZES, SMALL, Size
from workloads.separation.task import CALIBRATION_MIXTURES, SEPARATION
from workloads.training.weight_files import of_one_corpus
from workloads.training.weights import Weights, find, load_facts, weights_of

COMMAND = "python -m benchmarks.studies.findings"
PACKAGES = ("speechmark", "numpy", "onnx", "onnxruntime", "torch", "torchmetrics")
COMPRESSIONS = (BASELINE, *FORMATS, *PRUNED, *FACTORIZED)
MIXTURES = 64


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
            if compression.reshaped and (reason := self._why_not(weights)):
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


def check(subject: Subject, tell: Callable[[str], None]) -> Checked:
    """Score all compressions; `tell` is called for each as soon as it is done.

    Raises ValueError where the baseline cannot be scored; other compressions are left
    out with their reason.
    """
    scores: dict[str, Scored] = {}
    left_out: dict[str, str] = {}
    for number, name in enumerate(COMPRESSIONS):
        found = subject.scored(name)
        if isinstance(found, Scored):
            scores[name] = found
        elif name == BASELINE:
            raise ValueError(f"{subject.size.name} in {name}: {found}")
        else:
            left_out[name] = found
        line = progress(name, scores, left_out)
        tell(f"{subject.size.name} {number} of {len(COMPRESSIONS) - 1}: {line}")
    size, data = subject.size.name, subject.data.name
    return Checked(size, data, scores, left_out, subject.fine_tuned)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """The small models gain nothing by more, and sums then have one order anywhere."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def data_of(size: Size, root: Path | None, mixtures: int | None) -> Dataset:
    """Held-out mixtures, and some to choose by gradients and calibrate with: built-in
    ones where the folder has none.

    Raises ValueError for fewer than one mixture or more than the folder has.
    """
    if root is None:
        return _builtin(size, MIXTURES if mixtures is None else mixtures)
    found = on_disk(root, size, on_progress=tell_progress)
    found = replace(found, validation=some(found.validation, mixtures))
    if found.train.mixtures:
        return found
    made = _builtin(size, 1)
    return replace(found, name=f"{made.name}+{found.name}", train=made.train)


def _builtin(size: Size, mixtures: int) -> Dataset:
    wanted = MixturesSize("findings", CALIBRATION_MIXTURES, mixtures)
    return builtin_mixtures(
        size, wanted, default_cache_dir(), on_progress=tell_progress
    )


def some(part: MixtureSet, count: int | None) -> MixtureSet:
    """So many mixtures that lie evenly over the part; None: the usual number, or all of
    them."""
    there = len(part.mixtures)
    count = min(MIXTURES, there) if count is None else count
    places = evenly(count, there, "mixtures", f"{there} are held out")
    return MixtureSet(tuple(part.mixtures[i] for i in places), part.sample_rate_hz)


def origin_of(subjects: Sequence[Subject], command: str) -> dict[str, str]:
    """What another needs to get the same numbers."""
    each: dict[str, str] = {}
    for subject in subjects:
        name = subject.size.name
        each[f"{name} weights_sha256"] = file_sha256(subject.weights)
        each[f"{name} corpus"] = subject.data.name
        each[f"{name} corpus_checksum"] = subject.data.checksum
    return {"command": command, **each, **versions(PACKAGES)}


def make_parser() -> argparse.ArgumentParser:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.splitlines()[0])
    parser.add_argument(
        "--size",
        action="append",
        choices=sorted(SIZES),
        help="may be given more than once; default: the small sizes of two sources",
    )
    parser.add_argument(
        "--mixtures",
        type=int,
        help=f"held-out ones to judge on; default: {MIXTURES}, or all of a smaller "
        "corpus",
    )
    parser.add_argument(
        "--data-root",
        type=Path,
        help="LibriMix, Aishell1Mix or LibriCSS, instead of the built-in mixtures",
    )
    parser.add_argument(
        "--trained",
        action="store_true",
        help="take weights that were fine-tuned after each compression",
    )
    add_outputs(parser)
    return parser


def sizes_of(chosen: argparse.Namespace) -> list[Size]:
    """Each once, in the order given."""
    if not chosen.size:
        return list(SMALL)
    return [SIZES[name] for name in dict.fromkeys(chosen.size)]


def subjects_of(chosen: argparse.Namespace) -> list[Subject]:
    """Of the weights that were trained on the user's corpus, else those that ship.

    Raises ValueError for weights that are missing or damaged, before any mixture is
    made, and as `data_of` does.
    """
    sizes = sizes_of(chosen)
    if not chosen.data_root:
        for size in sizes:
            load_facts(SEPARATION, size, find(SEPARATION, size))
    return [_subject_of(size, chosen) for size in sizes]


def _subject_of(size: Size, chosen: argparse.Namespace) -> Subject:
    data = data_of(size, chosen.data_root, chosen.mixtures)
    path = find(SEPARATION, size, corpus_checksum=data.checksum)
    load_facts(SEPARATION, size, path)
    return Subject(size, path, data, chosen.trained)


def command_of(chosen: argparse.Namespace) -> str:
    """Without the files that are written: they change no number."""
    words = COMMAND.split()
    for size in sizes_of(chosen):
        words += ["--size", size.name]
    for option in ("mixtures", "data_root"):
        if (value := getattr(chosen, option)) is not None:
            words += [f"--{option.replace('_', '-')}", str(value)]
    return shlex.join([*words, "--trained"] if chosen.trained else words)


def tell(line: str) -> None:
    """Beside the results, which go to standard output."""
    print(line, file=sys.stderr, flush=True)


def tell_progress(stage: str, done: int, total: int) -> None:
    tell(f"{stage}: {done} of {total}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = make_parser()
    chosen = parser.parse_args(arguments)
    try:
        STUDY.check_outputs(chosen)
        subjects = subjects_of(chosen)
        with one_thread():
            found = [check(subject, tell) for subject in subjects]
    except ValueError as error:
        parser.error(str(error))
    origin = origin_of(subjects, command_of(chosen))
    tables = [verdict_table(found), *map(table, found)]
    content = {**numbers(found), "origin": origin}
    STUDY.write(chosen, tables, content, lambda: page(found, origin))
    print_report(found, console_of(WIDTH))


if __name__ == "__main__":
    main()
