"""Check the document's findings on compressed separators against trained models.

    python -m workloads.separation.findings
    python -m workloads.separation.findings --size conv-tasnet-small --html a.html

Every compression is applied to the trained weights, without any training after it, so
that all are alike; with `--trained`, those that prune or factorize are taken as they
were fine-tuned. torch computes all but int8, which ONNX Runtime does, on one thread.
The held-out mixtures are built in, or those of `--data-root`.
"""

import argparse
import contextlib
import importlib.metadata
import json
import platform
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from basics.files import file_sha256, write_whole
from workloads import reports
from workloads.compression.names import parse
from workloads.corpora.cache import default_cache_dir
from workloads.corpora.mixtures.builtin import MixturesSize
from workloads.elsewhere import ElsewhereError
from workloads.separation import trained
from workloads.separation.dataset import Dataset, Part, builtin_mixtures, on_disk
from workloads.separation.exporting import (
    CALIBRATION_MIXTURES,
    Wanted,
    Weights,
    weights_of,
)
from workloads.separation.findings_page import is_page, page
from workloads.separation.findings_report import (
    Checked,
    is_json,
    numbers,
    progress,
    report,
)
from workloads.separation.findings_rules import (
    BASELINE,
    FACTORIZED,
    FORMATS,
    PRUNED,
    Scored,
)
from workloads.separation.findings_scores import scored
from workloads.separation.sizes import SIZES, SMALL, Size
from workloads.weights import of_one_corpus

COMMAND = "python -m workloads.separation.findings"
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
        weights = Weights(self.weights, mended=False)
        if self.fine_tuned:
            weights = weights_of(self.size, compression, self.data.checksum)
            if compression.reshaped and (reason := self._why_not(weights)):
                return reason
        wanted = Wanted(self.size, compression, weights, self.data.train)
        try:
            return scored(wanted, self.data.validation)
        except (ValueError, ElsewhereError) as error:
            return str(error)

    def _why_not(self, mended: Weights) -> str | None:
        """What keeps these from being compared with the uncompressed ones."""
        if not mended.mended or mended.path is None:
            return mended.reason
        if of_one_corpus(mended.path, self.weights, self.data.checksum):
            return None
        return (
            f"of {mended.path} and {self.weights} one alone was trained on this "
            "corpus: train the other on it too"
        )


def check(subject: Subject, tell: Callable[[str], None]) -> Checked:
    """Score all compressions; `tell` hears of each as soon as it is done.

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
        told = progress(name, scores, left_out)
        tell(f"{subject.size.name} {number} of {len(COMPRESSIONS) - 1}: {told}")
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
    found = on_disk(root, size, on_progress=told_progress)
    found = replace(found, validation=some(found.validation, mixtures))
    if found.train.mixtures:
        return found
    made = _builtin(size, 1)
    return replace(found, name=f"{made.name}+{found.name}", train=made.train)


def _builtin(size: Size, mixtures: int) -> Dataset:
    wanted = MixturesSize("findings", CALIBRATION_MIXTURES, mixtures)
    return builtin_mixtures(
        size, wanted, default_cache_dir(), on_progress=told_progress
    )


def some(part: Part, count: int | None) -> Part:
    """So many mixtures that lie evenly over the part; where not told, the usual number,
    or all of them."""
    there = len(part.mixtures)
    count = min(MIXTURES, there) if count is None else count
    if not 1 <= count <= there:
        raise ValueError(
            f"cannot take {count} mixtures: {there} are held out, give 1 to as many"
        )
    chosen = tuple(part.mixtures[i * there // count] for i in range(count))
    return Part(chosen, part.sample_rate_hz)


def origin_of(subjects: Sequence[Subject], command: str) -> dict[str, str]:
    """What another needs to get the same numbers."""
    each: dict[str, str] = {}
    for subject in subjects:
        name = subject.size.name
        each[f"{name} weights_sha256"] = file_sha256(subject.weights)
        each[f"{name} corpus"] = subject.data.name
        each[f"{name} corpus_checksum"] = subject.data.checksum
    versions = {package: importlib.metadata.version(package) for package in PACKAGES}
    python = platform.python_version()
    return {"command": command, **each, "python": python, **versions}


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
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    parser.add_argument("--html", type=Path, help="write a page with pictures")
    return parser


def check_outputs(json_path: Path | None, html_path: Path | None) -> None:
    """Raise ValueError where the results could not be written in the end."""
    if json_path and html_path and json_path.absolute() == html_path.absolute():
        raise ValueError(f"--json and --html both name {json_path}: give two files")
    if json_path:
        reports.check_output(json_path, is_json, "check of the findings in JSON")
    if html_path:
        reports.check_output(html_path, is_page, "page about the findings")


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
            trained.load_facts(trained.find(size))
    return [_subject_of(size, chosen) for size in sizes]


def _subject_of(size: Size, chosen: argparse.Namespace) -> Subject:
    data = data_of(size, chosen.data_root, chosen.mixtures)
    path = trained.find(size, corpus_checksum=data.checksum)
    trained.load_facts(path)
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


def told_progress(stage: str, done: int, total: int) -> None:
    tell(f"{stage}: {done} of {total}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = make_parser()
    chosen = parser.parse_args(arguments)
    try:
        check_outputs(chosen.json, chosen.html)
        subjects = subjects_of(chosen)
        with one_thread():
            found = [check(subject, tell) for subject in subjects]
    except ValueError as error:
        parser.error(str(error))
    origin = origin_of(subjects, command_of(chosen))
    if chosen.json:
        content = {**numbers(found), "origin": origin}
        write_whole(chosen.json, json.dumps(content, indent=1) + "\n")
    if chosen.html:
        write_whole(chosen.html, page(found, origin))
    print(report(found))


if __name__ == "__main__":
    main()
