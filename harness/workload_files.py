"""Workloads that stand beside the suite: in files of the user's, in other packages.

A file is named by `--workload FILE.py`, or in the variable SPEECHMARK_WORKLOADS where a
tool has no options of ours, as asv has none; a package names a module of its own under
the entry points `speechmark.workloads`. Either declares WORKLOADS, as the suite's own
benchmark files do.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from basics.files import file_sha256

GROUP = "speechmark.workloads"
VARIABLE = "SPEECHMARK_WORKLOADS"  # paths, with os.pathsep between them

_files: dict[str, Path] = {}  # of the modules that came from files


def name_files(paths: Sequence[Path]) -> None:
    """Have `others` find these too, here and in child processes. ValueError for what is
    no file."""
    for path in paths:
        if path.suffix != ".py" or not path.is_file():
            raise ValueError(
                f"--workload {path}: expected a Python file that declares WORKLOADS"
            )
    named = [*_named(), *(path.resolve() for path in paths)]
    os.environ[VARIABLE] = os.pathsep.join(map(str, dict.fromkeys(named)))


def _named() -> list[Path]:
    return [Path(one) for one in os.environ.get(VARIABLE, "").split(os.pathsep) if one]


def others() -> dict[str, str]:
    """By how a user names it: what `module_of` loads, a module or the path of a file;
    packages first."""
    points = sorted(entry_points(group=GROUP))
    found = {f"{point.name} of {GROUP}": point.module for point in points}
    return found | {str(path): str(path) for path in _named()}


def module_of(name: str) -> ModuleType:
    """The module of a name, or of the path of a file.

    A file's folder is searched last: what lies there hides no other module. ImportError
    where another module has the file's name.
    """
    if not name.endswith(".py"):
        return importlib.import_module(name)
    path = Path(name)
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)
    module = importlib.import_module(path.stem)
    found = Path(module.__file__ or "").resolve()
    if found != path.resolve():
        raise ImportError(
            f"a module in {found} is called {path.stem} too: rename {path.name}"
        )
    _files[path.stem] = path
    return module


def file_of(module: str) -> Path | None:
    """The user's file that a module was loaded from."""
    return _files.get(module)


def code_facts(name: str) -> Mapping[str, str]:
    """What a record tells of code beside the suite, whose digest does not hold it."""
    if not name.endswith(".py"):
        return {}
    return {"workload_sha256": file_sha256(Path(name))}
