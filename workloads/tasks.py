"""The tasks that there are: those of this package, of packages and files beside it.

A folder of `workloads` with a module `task` has the value of a `Task` in it, and so has
a file that the variable SPEECHMARK_WORKLOADS names; another package names its own under
the entry points `speechmark.tasks`.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from basics.user_files import module_of_file, named_files, usable
from workloads.task import Size, Task

_log = logging.getLogger("speechmark")
GROUP = "speechmark.tasks"
_Placed = tuple[str, Task[Any, Any]]  # where it was found, and the task


def all_tasks() -> list[Task[Any, Any]]:
    """In the order of their names; of two with one name the first, the suite's own
    before others, with a warning."""
    found = _found()
    return [found[name] for name in sorted(found)]


def _found() -> dict[str, Task[Any, Any]]:
    found: dict[str, Task[Any, Any]] = {}
    for where, task in (*_own(), *_of_others(), *_of_files()):
        if found.setdefault(task.name, task) is not task:
            _log.warning(
                "the task %s of %s is left out: another one has its name; rename it",
                *(task.name, where),
            )
    return found


def _own() -> Iterator[_Placed]:
    for path in sorted(Path(__file__).parent.glob("*/task.py")):
        name = f"workloads.{path.parent.name}.task"
        yield from _in(name, importlib.import_module(name))


def _of_files() -> Iterator[_Placed]:
    for path in named_files():
        if module := usable(str(path), partial(module_of_file, path)):
            yield from _in(str(path), module)


def _in(where: str, module: ModuleType) -> Iterator[_Placed]:
    for one in vars(module).values():
        if isinstance(one, Task):
            yield where, one


def _of_others() -> Iterator[_Placed]:
    for point in entry_points(group=GROUP):
        task = point.load()
        if not isinstance(task, Task):
            raise ValueError(
                f"the entry point {point.name} of {GROUP} is {task!r}: expected the "
                "value of a workloads.task.Task"
            )
        yield f"the entry point {point.name}", task


def size_named(name: str) -> tuple[Task[Any, Any], Size]:
    """A size and the task that has it; of two with one name the first, with a warning.
    Raises ValueError that lists the known ones."""
    sizes: dict[str, tuple[Task[Any, Any], Size]] = {}
    for task in _found().values():
        for key, size in task.sizes.items():
            first, _ = sizes.setdefault(key, (task, size))
            if first is not task:
                _log.warning(
                    "the model %s of the task %s is left out: the task %s has one of "
                    "its name; rename it",
                    *(key, task.name, first.name),
                )
    if name not in sizes:
        raise ValueError(
            f"no model is called {name!r}: expected one of {', '.join(sorted(sizes))}"
        )
    return sizes[name]
