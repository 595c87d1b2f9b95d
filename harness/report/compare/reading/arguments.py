"""Arguments of the command line to result files, each once."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harness.record.result import ResultError
from harness.text import plain_path, quoted

T = TypeVar("T")


@dataclass(frozen=True)
class Given:
    """A file on the command line. `name` is the machine's; None: it was given none."""

    name: str | None
    path: Path


def result_files(arguments: Sequence[str]) -> tuple[list[Given], list[str]]:
    """The files that `PATH`, `GLOB` and `NAME=GLOB` name, and warnings.

    A file that is given again, by its path or by its content under another path, counts
    once and is told. ValueError: nothing matches, a folder is named, or one content is
    given to two machines.
    """
    if not arguments:
        raise ValueError("no result to compare: give one file or more")
    given = [one for text in arguments for one in _files(text)]
    results = [one for one in given if not _is_of_ab(one.path)]
    warnings = [
        f"{plain_path(one.path)} is left out: it holds the samples of `speechmark ab`"
        for one in given
        if one not in results
    ]
    if not results:
        raise ValueError("; ".join(warnings))
    found, more = _distinct(results)
    return found, [*warnings, *more]


def _is_of_ab(path: Path) -> bool:
    """`ab` writes beside results, and says so first of all."""
    try:
        with path.open("rb") as file:
            return b'"format": "speechmark-ab"' in file.read(100)
    except OSError:
        return False  # told where it is read


def _files(argument: str) -> Iterator[Given]:
    """What is there as a whole is no NAME=GLOB."""
    found, name, pattern = _matching(argument), "", argument
    if not found and "=" in argument:
        name, _, pattern = argument.partition("=")
        if not name:
            raise ValueError(f"{quoted(argument)}: expected a name before '='")
        found = _matching(pattern)
    if not found:
        raise ValueError(
            f"{quoted(pattern)} matches no file: give a result that `pytest "
            "--benchmark-only` wrote, or NAME=FILE"
        )
    for path in found:
        if path.is_dir():
            shown = plain_path(path)
            raise ValueError(f"{shown} is a folder: expected files, as {shown}/*.json")
        yield Given(name or None, path)


def _matching(pattern: str) -> list[Path]:
    path = os.path.expanduser(pattern)
    if os.path.exists(path):  # False, not an error, where no file could be called so
        return [Path(path)]
    return sorted(map(Path, glob.glob(path, recursive=True)))


def _distinct(given: Sequence[Given]) -> tuple[list[Given], list[str]]:
    kept: dict[str, Given] = {}
    warnings = []
    contents = _contents([one.path for one in given])
    for one in given:
        content = contents[one.path]
        first = kept.setdefault(content, one)
        if first is one:
            continue
        if first.name and one.name and first.name != one.name:
            raise ValueError(
                f"{plain_path(one.path)} as {quoted(one.name, 80)} has the content of "
                f"{plain_path(first.path)} as {quoted(first.name, 80)}: a result is of "
                "one machine; leave one out"
            )
        kept[content] = first if first.name else Given(one.name, first.path)
        again = _again(first.path, one.path)
        warnings.append(f"{plain_path(one.path)} counts once: {again}")
    return list(kept.values()), warnings


def _again(first: Path, path: Path) -> str:
    is_same = first.resolve() == path.resolve()
    shown = plain_path(first)
    return "it was given twice" if is_same else f"it has the content of {shown}"


def _contents(paths: Sequence[Path]) -> dict[Path, str]:
    """What tells contents apart: the size, and a checksum where sizes are equal."""
    sizes = {path: _asked(path, _size) for path in paths}
    counts = list(sizes.values())
    return {
        path: f"{size} {_asked(path, _checksum) if counts.count(size) > 1 else ''}"
        for path, size in sizes.items()
    }


def _asked(path: Path, ask: Callable[[Path], T]) -> T:
    try:
        return ask(path)
    except OSError as error:
        raise ResultError(f"cannot read {plain_path(path)}: {error.strerror}") from None


def _size(path: Path) -> int:
    return path.stat().st_size


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
