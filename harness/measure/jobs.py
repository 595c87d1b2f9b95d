"""What a parent has its worker do, and how plain values of a pipe become typed ones.

A job crosses the pipe as one JSON object: the fields of its task beside the entry and
the CPUs. `speechmark ab` gives jobs to workers of other commits: fields keep their
names, and a field that comes later has a default; in a task's parts, such as its
profile, it does not cross the pipe at that: suites of before refuse what they do not
know there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from inspect import signature
from typing import Any, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError

from harness.profile import Profile


class PipeError(ValueError):
    """What came through a pipe is not what was to come; the text says what is wrong."""


@dataclass(frozen=True)
class Job:
    """Call the function `entry`, by its importable name, with `task`: plain values, or
    a dataclass of such. The worker keeps to the CPUs of `affinity`."""

    entry: str
    affinity: tuple[int, ...]
    task: Any

    def plain(self) -> dict[str, Any]:
        """As it crosses the pipe."""
        own = {"entry": self.entry, "affinity": list(self.affinity)}
        task = plain_fields(self.task)
        return {**{name: _part(value) for name, value in task.items()}, **own}


@dataclass(frozen=True)
class Start:
    """What a worker reads of any job before it knows the task."""

    entry: str
    affinity: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class BuildTask:
    """A case to build: what its `Context` is made of, and the function's name."""

    build: str
    case_id: str
    hardware: str
    profile: Profile
    seed: int
    scratch_dir: str
    data_root: str | None
    claimed: str = "fp32"  # the precision that the compression claims


@dataclass(frozen=True, kw_only=True)
class CaseTask(BuildTask):
    """A case to measure in this process of several; `threads` as its hardware has."""

    process: int
    threads: int


@dataclass(frozen=True, kw_only=True)
class InstanceTask(CaseTask):
    """The same, beside others of its kind; `number` counts them from 1. `case_id` is
    that of one alone: a workload knows nothing of instances."""

    number: int


@dataclass(frozen=True, kw_only=True)
class TurnsTask(BuildTask):
    """A case to time in turns of `block_s`. For trials of a comparison, its steps are
    slowed by `slow_down_percent`, or every seventh of them by `stall_percent`."""

    block_s: float
    slow_down_percent: float = 0.0
    stall_percent: float = 0.0


def task_of(function: Callable[..., Any], job: Mapping[str, Any]) -> Any:
    """The task for an entry, as the function's first parameter is typed."""
    first = next(iter(signature(function).parameters), "")
    return parsed(get_type_hints(function).get(first, Any), job, "job")


def plain_fields(values: Any) -> Any:
    """One layer of a dataclass, or a record's part, as JSON knows it: for `json.dumps`
    to ask what it does not know. TypeError for anything else.

    >>> plain_fields(Start("a:b", (0, 1)))
    {'entry': 'a:b', 'affinity': (0, 1)}
    """
    if isinstance(values, Mapping):
        return dict(values)
    if isinstance(values, BaseModel):
        return values.model_dump(mode="json")
    if is_dataclass(values) and not isinstance(values, type):
        return {field.name: getattr(values, field.name) for field in fields(values)}
    raise TypeError(f"{type(values).__name__} cannot cross a pipe: {values!r:.80}")


def _part(value: Any) -> Any:
    """A task's field as it crosses the pipe."""
    if not is_dataclass(value) or isinstance(value, type):
        return value
    plain = {field.name: getattr(value, field.name) for field in fields(value)}
    defaults = {field.name: field.default for field in fields(value)}
    return {
        name: one
        for name, one in plain.items()
        if defaults[name] is MISSING or one != defaults[name]
    }


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def parsed(kind: Any, values: Any, what: str) -> Any:
    """Plain values as that type; PipeError says which field of `what` is wrong."""
    return checked(_adapter(kind), values, what)


def checked(adapter: TypeAdapter[Any], values: Any, what: str) -> Any:
    """`parsed`, by an adapter at hand."""
    try:
        return adapter.validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "as a whole"
        found = f"{first['input']!r:.80}"
        raise PipeError(
            f"no valid {what}: {place}: {first['msg']} (found {found})"
        ) from None
