"""Workloads that stand beside the suite: in files of the user's, in other packages.

A file is named by `--workload FILE.py`, or in the variable SPEECHMARK_WORKLOADS where a
tool has no options of ours, as asv has none; a package names a module of its own under
the entry points `speechmark.workloads`. Either declares WORKLOADS, as the suite's own
benchmark files do.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from basics.files import file_sha256
from basics.user_files import VARIABLE, module_of_file, named_files

GROUP = "speechmark.workloads"


def name_files(paths: Sequence[Path]) -> None:
    """Have `others` find these too, here and in child processes. ValueError for what is
    no file."""
    for path in paths:
        if path.suffix != ".py" or not path.is_file():
            raise ValueError(
                f"--workload {path}: expected a Python file that declares WORKLOADS"
            )
    named = [*named_files(), *(path.resolve() for path in paths)]
    os.environ[VARIABLE] = os.pathsep.join(map(str, dict.fromkeys(named)))


def others() -> dict[str, str]:
    """By how a user names it: what `module_of` loads, a module or the path of a file;
    packages first."""
    points = sorted(entry_points(group=GROUP))
    found = {f"{point.name} of {GROUP}": point.module for point in points}
    return found | {str(path): str(path) for path in named_files()}


def module_of(name: str) -> ModuleType:
    """The module of a name, or of the path of a file, as `module_of_file` loads it."""
    is_file = name.endswith(".py")
    return module_of_file(Path(name)) if is_file else importlib.import_module(name)


def code_facts(name: str) -> Mapping[str, str]:
    """What a record tells of code beside the suite, whose digest does not hold it."""
    if not name.endswith(".py"):
        return {}
    return {"workload_sha256": file_sha256(Path(name))}
