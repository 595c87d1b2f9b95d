"""Which cases are meant, by `-k` and `--cases`: alike in every command and in pytest,
whose own `-k` knows the names of files and functions, too."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from fnmatch import fnmatchcase
from functools import cache, wraps
from typing import Any, TypeVar

import click

from harness.text import quoted

NEAREST = 3  # ids that are named where nothing matches
_OPERATORS = ("and", "or", "not")
_BETWEEN = re.compile(r"[\s()/*?\[\]]+")  # what no part of an id holds
_OPTION = re.compile(r"[^\s()]+=[^\s()]+")

Item = TypeVar("Item")
Names = Callable[[Item], str | list[str]]
Command = Callable[..., Any]


class SelectionError(ValueError):
    """What is wrong with `-k` or `--cases`, and what to do."""


@dataclass(frozen=True)
class Selection:
    """Cases by their ids: those for which the `expression` is true, in pytest's grammar
    for `-k`, and whose whole id matches one of the `globs`, if there are any. Words of
    an expression are parts of ids in either case; `[` and `]` stand for an id's ends,
    as in pytest's names: `b1]`.

    >>> chosen = Selection("int8 and not b16]", ("wav2letter/*",))
    >>> chosen.takes("wav2letter/small/int8-static/onnxruntime/cpu/b1")
    True
    """

    expression: str = ""
    globs: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"-k {quoted(self.expression)}"] if self.expression.strip() else []
        return " ".join([*parts, *(f"--cases {quoted(glob)}" for glob in self.globs)])

    def check(self) -> None:
        """SelectionError for an expression that pytest would refuse."""
        _compiled(self.expression)

    def takes(self, case_id: str) -> bool:
        return self._is_true_of(case_id) and self.is_in_globs(case_id)

    def is_in_globs(self, case_id: str) -> bool:
        return not self.globs or any(fnmatchcase(case_id, one) for one in self.globs)

    def _is_true_of(self, case_id: str) -> bool:
        name = f"[{case_id}]".lower()

        def holds(word: str, /, **arguments: object) -> bool:
            if arguments:
                raise SelectionError(
                    f"-k {quoted(self.expression)}: {word} takes no arguments; give "
                    "words that ids hold, and, or, not"
                )
            return word.lower() in name

        expression = _compiled(self.expression)
        return expression is None or bool(expression.evaluate(holds))

    def of(self, items: Iterable[Item], names: Names[Item], whose: str) -> list[Item]:
        """The items of which the id, or any of several, is taken; `whose` they are
        stands in messages.

        SelectionError where none is, or a glob matches none: it names the nearest.
        """
        found = [(item, _listed(names(item))) for item in items]
        ids = [some[0] for _, some in found]
        every = [name for _, some in found for name in some]
        for glob in self.globs:
            if not any(fnmatchcase(name, glob) for name in every):
                raise SelectionError(_nothing(Selection(globs=(glob,)), ids, whose))
        taken = [item for item, some in found if any(map(self.takes, some))]
        if not taken and self != ALL:
            raise SelectionError(_nothing(self, ids, whose))
        return taken


ALL = Selection()


def _listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names


@cache
def _compiled(text: str) -> Any:
    """pytest's own expression, so that it means here what it means there; None for
    none."""
    if not text.strip():
        return None
    # pytest takes a tenth of a second to load
    from _pytest.mark import expression

    # pytest raises its own error before version 9
    faults = (SyntaxError, getattr(expression, "ParseError", SyntaxError))
    try:
        return expression.Expression.compile(text.strip())
    except faults as error:
        offset = getattr(error, "offset", None)
        place = f"at column {offset}: " if offset else ""
        fault = f"{place}{getattr(error, 'msg', error)}"
        raise SelectionError(f"-k {quoted(text)}: {fault}; {_remedy(text)}") from None


def _remedy(text: str) -> str:
    """What to give in place of an expression."""
    if option := _OPTION.search(text):
        return (
            f"expressions hold no '=': --cases '*{option[0]}*' takes the ids that do, "
            "by globs"
        )
    return "expected words of ids with and, or, not and brackets: 'asr and not bf16'"


def _nothing(selection: Selection, ids: Sequence[str], whose: str) -> str:
    if not ids:
        return f"{selection} matches nothing: there is no case of {whose}"
    near = ", ".join(nearest(selection, ids))
    count = "the only case" if len(ids) == 1 else f"none of the {len(ids)} cases"
    verb = "does not match" if len(ids) == 1 else "matches"
    return f"{count} of {whose} {verb} {selection}; the nearest: {near}"


def nearest(selection: Selection, ids: Collection[str]) -> list[str]:
    """The ids whose parts are most like the words of the selection, best first.

    >>> nearest(Selection("wav2leter"), ["asr-step/a/b", "wav2letter/a/b"])[0]
    'wav2letter/a/b'
    """
    words = list(_words(selection))
    unique = list(dict.fromkeys(ids))
    return sorted(unique, key=lambda one: -_likeness(words, one))[:NEAREST]


def _words(selection: Selection) -> Iterator[str]:
    for text in (selection.expression, *selection.globs):
        for word in _BETWEEN.split(text.lower()):
            if word and word not in _OPERATORS:
                yield word


def _likeness(words: Sequence[str], case_id: str) -> float:
    parts = case_id.lower().split("/")
    return sum(max(_ratio(word, part) for part in parts) for word in words)


@cache
def _ratio(one: str, other: str) -> float:
    return 1.0 if one in other else SequenceMatcher(None, one, other).ratio()


def selecting(command: Command) -> Command:
    """The options `-k` and `--cases` on a command of click, which takes them as
    `selection`."""

    @wraps(command)
    def with_selection(
        *arguments: Any, keyword: str, globs: tuple[str, ...], **options: Any
    ) -> Any:
        selection = Selection(keyword, globs)
        try:
            selection.check()
        except SelectionError as error:
            raise click.UsageError(str(error)) from None
        return command(*arguments, selection=selection, **options)

    made: Command = with_selection
    options = (
        click.option(
            "-k",
            "keyword",
            default="",
            metavar="EXPRESSION",
            help="only cases whose id holds these words: 'asr and not bf16', as pytest",
        ),
        click.option(
            "--cases",
            "globs",
            multiple=True,
            metavar="GLOB",
            help="only cases whose whole id matches: 'asr-decoding/*beam=64*'; may be "
            "given more than once",
        ),
    )
    for option in reversed(options):
        made = option(made)
    return made
