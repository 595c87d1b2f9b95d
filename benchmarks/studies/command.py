"""What the commands of studies share: their files, and what their numbers rest on."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.report.pages.plain import is_page_of
from harness.report.tables.outputs import (
    add_table_outputs,
    chosen_outputs,
    write_output,
)
from harness.report.tables.table import Table


@dataclass(frozen=True)
class Study:
    """`kind` marks the files of a study, `name` stands for it in messages."""

    kind: str
    name: str
    schema_version: int = 1

    @property
    def marks(self) -> dict[str, Any]:
        """What its JSON begins with."""
        return {"schema": self.kind, "schema_version": self.schema_version}

    def is_json(self, text: str) -> bool:
        """Whether a file holds numbers of this study."""
        try:
            found = json.loads(text)
        except ValueError:
            return False
        return isinstance(found, dict) and found.get("schema") == self.kind

    def is_page(self, text: str) -> bool:
        """Whether a file is a page of this study."""
        return is_page_of(text, self.kind)

    def check_outputs(self, chosen: argparse.Namespace) -> None:
        """ValueError where the results could not be written in the end, or would
        destroy what is no such result."""
        both = chosen.json and chosen.html
        if both and chosen.json.absolute() == chosen.html.absolute():
            raise ValueError(
                f"--json and --html both name {chosen.json}: give two files"
            )
        if chosen.json:
            check_output(chosen.json, self.is_json, f"{self.name} in JSON")
        if chosen.html:
            check_output(chosen.html, self.is_page, f"page of the {self.name}")
        chosen_outputs(chosen).check(others={"--html": chosen.html})

    def write(
        self,
        chosen: argparse.Namespace,
        tables: Sequence[Table],
        content: Mapping[str, Any],
        page: Callable[[], str],
    ) -> None:
        """Every file that is wanted; `content` is that of the JSON."""
        text = json.dumps(content, indent=1) + "\n"
        chosen_outputs(chosen).write(tables, json=lambda: text)
        if chosen.html:
            write_output(chosen.html, page())


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """The options of the files that a study writes."""
    add_table_outputs(parser, json="write all numbers to this file")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page with pictures"
    )


def check_output(path: Path, is_ours: Callable[[str], bool], kind: str) -> None:
    """Raise ValueError unless a file of this kind can be written there.

    One that exists may be replaced where `is_ours` recognises the text in it.
    """
    advice = f"give another name for the {kind}"
    if path.is_dir():
        raise ValueError(f"{path} is a folder: {advice}")
    if path.exists():
        try:
            ours = is_ours(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            ours = False
        if not ours:
            raise ValueError(f"{path} exists and is no {kind}: remove it or {advice}")
    if not path.parent.is_dir():
        raise ValueError(f"no folder {path.parent} for the {kind}: make it first")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ValueError(
            f"cannot write into {path.parent} ({error.strerror}): {advice}"
        ) from error


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Of Python and of what computes."""
    found = {package: importlib.metadata.version(package) for package in packages}
    return {"python": platform.python_version(), **found}


def evenly(count: int, there: int, what: str, among: str) -> tuple[int, ...]:
    """The places of so many that lie evenly over all.

    Raises ValueError for fewer than one or more than there are.

    >>> evenly(3, 20, "mixtures", "20 are held out")
    (0, 6, 13)
    """
    if not 1 <= count <= there:
        raise ValueError(f"cannot take {count} {what}: {among}, give 1 to as many")
    return tuple(i * there // count for i in range(count))
