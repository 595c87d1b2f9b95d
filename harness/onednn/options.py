"""What the subcommands share: logs, keys, progress."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.onednn.keys import KEYS, USUAL

LOG = click.Path(path_type=Path, exists=True, dir_okay=False)
KEY_HELP = f"by what to put executions together, with commas between: {', '.join(KEYS)}"


def by_keys(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--by",
        "keys",
        default=",".join(USUAL),
        show_default=True,
        metavar="KEYS",
        help=KEY_HELP,
    )(command)


def tell(text: str) -> None:
    """On standard error: results go to standard output."""
    click.echo(text, err=True)


class Progress:
    """Tells how much of a large log is read, to whoever sits at a terminal."""

    LEAST_BYTES = 1 << 26

    def __init__(self, log: Path) -> None:
        self._size = log.stat().st_size
        self._bar: Any = None

    def __enter__(self) -> Callable[[int], None]:
        if self._size < self.LEAST_BYTES or not sys.stderr.isatty():
            return lambda done: None
        self._bar = click.progressbar(
            length=self._size, label="reading", file=sys.stderr
        )
        shown = self._bar.__enter__()
        return lambda done: shown.update(done - shown.pos)

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
