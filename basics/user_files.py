"""Python files of a user's own, which declare workloads beside the suite's."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

VARIABLE = "SPEECHMARK_WORKLOADS"  # paths, with os.pathsep between them

_files: dict[str, Path] = {}  # of the modules that came from files


def named_files() -> list[Path]:
    """Those that the variable names."""
    return [Path(one) for one in os.environ.get(VARIABLE, "").split(os.pathsep) if one]


def module_of_file(path: Path) -> ModuleType:
    """The module of a file.

    Its folder is searched last: what lies there hides no other module. ImportError
    where another module has the file's name.
    """
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
