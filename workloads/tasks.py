"""The tasks that there are: those of this package, of packages and files beside it.

A folder of `workloads` with a module `task` has the value of a `Task` in it, and so has
a file that the variable SPEECHMARK_WORKLOADS names; another package names its own under
the entry points `speechmark.tasks`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from basics.user_files import module_of_file, named_files
from workloads.task import Size, Task

GROUP = "speechmark.tasks"


def all_tasks() -> list[Task[Any, Any]]:
    """In the order of their names."""
    found = {task.name: task for task in (*_own(), *_of_others(), *_of_files())}
    return [found[name] for name in sorted(found)]


def _own() -> Iterator[Task[Any, Any]]:
    for path in sorted(Path(__file__).parent.glob("*/task.py")):
        yield from _in(importlib.import_module(f"workloads.{path.parent.name}.task"))


def _of_files() -> Iterator[Task[Any, Any]]:
    for path in named_files():
        yield from _in(module_of_file(path))


def _in(module: ModuleType) -> Iterator[Task[Any, Any]]:
    yield from (one for one in vars(module).values() if isinstance(one, Task))


def _of_others() -> Iterator[Task[Any, Any]]:
    for point in entry_points(group=GROUP):
        task = point.load()
        if not isinstance(task, Task):
            raise ValueError(
                f"the entry point {point.name} of {GROUP} is {task!r}: expected the "
                "value of a workloads.task.Task"
            )
        yield task


def size_named(name: str) -> tuple[Task[Any, Any], Size]:
    """A size and the task that has it. Raises ValueError that lists the known ones."""
    sizes = {
        key: (task, size) for task in all_tasks() for key, size in task.sizes.items()
    }
    if name not in sizes:
        raise ValueError(
            f"no model is called {name!r}: expected one of {', '.join(sorted(sizes))}"
        )
    return sizes[name]
