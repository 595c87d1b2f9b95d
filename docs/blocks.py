"""Prints anew what README and docs show of committed results.

    python docs/blocks.py

A block is a fence of the language `console` whose first line is `$ COMMAND`. What
`show`, `plan` and `compare` print is printed again; what takes minutes is read from its
log, `results/printed/*.txt`, whose first line is `$ COMMAND` too. A line `...` in a
block leaves lines out: it keeps as many before it and after it as it had. A new block
has a single line in place of its body: `@@ 5 2` for the first five lines and the last
two, `@@ 5` for the first five, `@@` for all.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from click.testing import CliRunner

from harness import cli

PROJECT = Path(__file__).parents[1]
LOGS = PROJECT / "results" / "printed"
PAGES = (PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md")))
PRINTED_ANEW = ("speechmark show ", "speechmark plan ", "speechmark compare ")
ELLIPSIS = "..."
_BLOCK = re.compile(
    r"^```console\n\$ (?P<command>[^\n]+)\n(?P<body>.*?)^```$", re.M | re.S
)
_SKELETON = re.compile(r"@@(?: (?P<first>\d+)(?: (?P<last>\d+))?)?")


@dataclass(frozen=True)
class Block:
    command: str
    body: tuple[str, ...]


def blocks_of(text: str) -> list[Block]:
    """The blocks of a page's text, from above to below."""
    return [
        Block(found["command"], tuple(found["body"].splitlines()))
        for found in _BLOCK.finditer(text)
    ]


def extract(lines: tuple[str, ...], body: tuple[str, ...]) -> tuple[str, ...]:
    """Of what was printed, as much as the block shows now.

    >>> extract(("a", "b", "c", "d"), ("x", "...", "y"))
    ('a', '...', 'd')
    >>> extract(("a", "b", "c"), ("@@ 2",))
    ('a', 'b', '...')
    >>> extract(("a", "", "c"), ("@@ 2",))
    ('a', '...')
    """
    first, last = _ends(body)
    if first is None or first + last >= len(lines):
        return lines
    shown = "\n".join(lines[:first]).rstrip("\n").split("\n")
    return (*shown, ELLIPSIS, *lines[len(lines) - last :])


def _ends(body: tuple[str, ...]) -> tuple[int | None, int]:
    """How many lines before and after an ellipsis: all, without one."""
    if len(body) == 1 and (found := _SKELETON.fullmatch(body[0])):
        first, last = found["first"], found["last"]
        return (int(first) if first else None), int(last or 0)
    if ELLIPSIS in body:
        at = body.index(ELLIPSIS)
        return at, len(body) - at - 1
    return None, 0


@cache
def printed(command: str) -> tuple[str, ...]:
    """The lines that a command prints into a pipe, or that its log holds.

    Raises LookupError where there is no log, and RuntimeError where it fails.
    """
    if not command.startswith(PRINTED_ANEW):
        if command not in _logs():
            raise LookupError(
                f"no file in {LOGS.relative_to(PROJECT)} begins with `$ {command}`: "
                "run it, and keep what it prints there, below that line"
            )
        return _logs()[command]
    with contextlib.chdir(PROJECT):
        found = CliRunner().invoke(cli.main, shlex.split(command)[1:])
    if found.exit_code != 0:
        raise RuntimeError(f"`{command}` ends with {found.exit_code}: {found.output}")
    return _trimmed(found.output)


@cache
def _logs() -> dict[str, tuple[str, ...]]:
    """What is printed by the commands that the logs' first lines name."""
    logs = {}
    for path in sorted(LOGS.glob("*.txt")):
        first, _, rest = path.read_text().partition("\n")
        logs[first.removeprefix("$ ")] = _trimmed(rest)
    return logs


def _trimmed(text: str) -> tuple[str, ...]:
    return tuple(line.rstrip() for line in text.strip("\n").splitlines())


def renewed(text: str, output: Callable[[str], tuple[str, ...]] = printed) -> str:
    """A page's text with every block as its command prints it now."""

    def block(found: re.Match[str]) -> str:
        body = extract(output(found["command"]), tuple(found["body"].splitlines()))
        return "\n".join([f"```console\n$ {found['command']}", *body, "```"])

    return _BLOCK.sub(block, text)


def main() -> None:
    for page in PAGES:
        before = page.read_text()
        after = renewed(before)
        if after != before:
            page.write_text(after)
            print(f"{page.relative_to(PROJECT)}: printed anew")


if __name__ == "__main__":
    main()
