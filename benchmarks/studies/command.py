"""What the commands of studies share: their files, and what their numbers rest on."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from basics.files import file_sha256
from harness.report.pages.plain import Part, page
from harness.report.tables.outputs import Outputs, table_outputs
from harness.report.tables.table import Table
from workloads.task import Dataset

Models = Mapping[str, tuple[Path, Dataset]]
PACKAGES = ("speechmark", "numpy", "onnx", "onnxruntime", "torch", "torchmetrics")
START_CHARACTERS = 1000  # of a study's file: its mark stands among them
study_outputs = table_outputs(
    json="write all numbers to this file", html="write a page with pictures"
)


@dataclass(frozen=True)
class Report:
    """What a study found: the `parts` of its page, of which the tables are also written
    for other programs, and all its numbers. `models` are the weights and the data that
    these are of, by what begins their lines where they come from."""

    title: str
    parts: Sequence[Part]
    numbers: Mapping[str, Any]
    models: Models
    heading: str = ""


@dataclass(frozen=True)
class Study:
    """`folder` is its own beside this file, `kind` marks the files that it writes, and
    `name` stands for it in messages."""

    folder: str
    kind: str
    name: str

    @property
    def program(self) -> str:
        return f"python -m {__package__}.{self.folder}"

    @property
    def command(self) -> str:
        """What was asked for, without the files that are written: they change no
        number."""
        context, words = click.get_current_context(), self.program.split()
        for option in context.command.params:
            value = context.params[str(option.name)]
            if option.name in vars(Outputs()) or value in (None, False):
                continue
            for one in value if isinstance(value, tuple) else [value]:
                words += [option.opts[0], *([] if one is True else [str(one)])]
        return shlex.join(words)

    def check(self, outputs: Outputs) -> None:
        """ValueError where the results could not be written in the end, or would
        destroy what is no such result."""
        outputs.check()
        for path, mark, what in (
            (outputs.json, f'"schema": "{self.kind}"', f"{self.name} in JSON"),
            (outputs.html, f'content="{self.kind}"', f"page of the {self.name}"),
        ):
            if path and path.exists() and mark not in _start_of(path):
                raise ValueError(
                    f"{path} exists and is no {what}: remove it or give another name"
                )

    def write(self, outputs: Outputs, report: Report) -> None:
        """Every file that is wanted. Numbers and page say where they come from."""
        origin = {"command": self.command, **origin_of(report.models)}
        marks = {"schema": self.kind, "schema_version": 1}
        content = {**marks, **report.numbers, "origin": origin}
        lines = "\n".join(f"{name}: {value}" for name, value in origin.items())
        parts = [*report.parts, lines]
        outputs.write(
            [part for part in report.parts if isinstance(part, Table)],
            json=lambda: json.dumps(content, indent=1) + "\n",
            html=lambda: page(report.title, self.kind, parts, report.heading),
        )


def _start_of(path: Path) -> str:
    """Where a study's mark stands; "" where the file cannot be read."""
    try:
        with path.open(encoding="utf-8", errors="ignore") as file:
            return file.read(START_CHARACTERS)
    except OSError:
        return ""


def origin_of(models: Models) -> dict[str, str]:
    """Weights and data, Python and what computes: who has them gets the same
    numbers."""
    found = {}
    for start, (weights, data) in models.items():
        found[f"{start}weights_sha256"] = file_sha256(weights)
        found[f"{start}corpus"] = data.name
        found[f"{start}corpus_checksum"] = data.checksum
    versions = {package: importlib.metadata.version(package) for package in PACKAGES}
    return {**found, "python": platform.python_version(), **versions}


def places(
    count: int | None, there: int, what: str, usual: int | None = None
) -> tuple[int, ...]:
    """Of so many of all that there are, evenly; None: the usual number, or all.

    Raises ValueError for fewer than one or more than there are.

    >>> places(3, 20, "mixtures"), places(None, 2, "mixtures", usual=3)
    ((0, 6, 13), (0, 1))
    """
    if count is None:
        count = min(there, usual or there)
    if not 1 <= count <= there:
        raise ValueError(
            f"cannot take {count} {what}: {there} {what} are held out, give 1 to as "
            "many"
        )
    return tuple(i * there // count for i in range(count))
