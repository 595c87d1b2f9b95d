"""Python files of a user's own, which declare workloads beside the suite's."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

_log = logging.getLogger("speechmark")
# What a file that someone is writing may raise when it is loaded.
UNUSABLE = (
    *(ImportError, SyntaxError, AttributeError, NameError, TypeError, ValueError),
    *(ArithmeticError, AssertionError, LookupError, OSError, RuntimeError),
)
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


def usable(shown: str, load: Callable[[], ModuleType]) -> ModuleType | None:
    """The module that `load` gives; None of one that is broken, with a warning that
    calls it as it is `shown`: the others serve all the same."""
    try:
        return load()
    except UNUSABLE as error:
        _log.warning("%s is left out, and nothing else: %s", shown, _described(error))
        return None


def _described(error: BaseException) -> str:
    """The mistake, and the last line that led to it of what was imported."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):  # which tells file and line itself
        return f"{text}; correct it there"
    frames = traceback.extract_tb(error.__traceback__)
    is_import = ["importlib" in frame.filename for frame in frames]
    imported = [
        frame
        for place, frame in enumerate(frames)
        if any(is_import[:place]) and not is_import[place]
    ]
    if not imported:
        return text
    return f"{imported[-1].filename}:{imported[-1].lineno}: {text}; correct it there"


def file_of(module: str) -> Path | None:
    """The user's file that a module was loaded from."""
    return _files.get(module)
