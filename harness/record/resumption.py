"""Whether a run may go on where an interrupted one stopped: what has changed since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.text import quoted

MOST_FILES = 5  # of changed code that a refusal names
LONGEST = 80  # characters of a value
_CODE = ("code_digest", "git_commit")  # known together

Facts = Mapping[str, Any]


def first_line(run: Facts, facts: Facts) -> dict[str, Any]:
    """What a journal begins with: the run, as its result tells it, and the facts that
    a result need not hold: the machine's that last, and a digest of each file of
    code."""
    return {"run": dict(run), "facts": dict(facts)} if facts else {"run": dict(run)}


def changes(then: Facts, now: Facts) -> list[str]:
    """What keeps a run that began with the line `then` from going on as `now`.

    The commit alone does not: the code that measures is what its digest says.
    """
    old, new = then.get("run", {}), now.get("run", {})
    apart = ("data_root", *(_CODE if new.get("code_digest") else ()))
    before, after = then.get("facts", {}), now.get("facts", {})
    found = [
        *_different(_without(old, apart), _without(new, apart)),
        *_corpus(old.get("data_root"), new.get("data_root")),
        *_different(_flat(before.get("machine", {})), _flat(after.get("machine", {}))),
    ]
    if apart != ("data_root",) and old.get("code_digest") != new["code_digest"]:
        found.append(_code(old, new, before.get("code", {}), after.get("code", {})))
    return sorted(found)


def _without(facts: Facts, names: tuple[str, ...]) -> Facts:
    return {name: value for name, value in facts.items() if name not in names}


def _different(old: Facts, new: Facts) -> Iterator[str]:
    for name in {*old, *new}:
        if old.get(name) != new.get(name):
            was, now = (quoted(facts.get(name), LONGEST) for facts in (old, new))
            yield f"{name}: {was} then, {now} now"


def _corpus(old: str | None, new: str | None) -> Iterator[str]:
    """Labels are a folder's name and a digest of its path."""
    if old == new:
        return
    if old and new and (name := _name(old)) == _name(new):
        yield f"data_root: another folder of the name {name!r}"
        return
    was, now = ((label and _name(label)) for label in (old, new))
    yield f"data_root: {was!r} then, {now!r} now"


def _name(label: str) -> str:
    return label.rpartition("-")[0] or label


def _flat(facts: Facts) -> dict[str, Any]:
    """A mapping within, such as of libraries, as facts of their own."""
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        inner = value.items() if isinstance(value, Mapping) else [(None, value)]
        flat |= {f"{name}.{key}" if key else name: each for key, each in inner}
    return flat


def _code(old: Facts, new: Facts, before: Facts, after: Facts) -> str:
    files = sorted(
        name for name in {*before, *after} if before.get(name) != after.get(name)
    )
    more = f" and {len(files) - MOST_FILES} more" if len(files) > MOST_FILES else ""
    named = f" in {', '.join(files[:MOST_FILES])}{more}" if before else ""
    commits = " then, ".join(
        str(run.get("git_commit") or "unknown")[:12] for run in (old, new)
    )
    return f"the suite's code: it differs{named} (commit {commits} now)"
