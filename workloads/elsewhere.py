"""Work done in a process of its own: whoever times a model must not be the one that
made it or its data, which loads other libraries and takes more memory."""

import json
import logging
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from basics.logged import LoggedWarnings
from basics.processes import end_with_parent

_SERVE = "from workloads.elsewhere import serve; serve()"
_log = logging.getLogger("speechmark")


class ElsewhereError(RuntimeError):
    """The other process could not do it; the text says what it said."""


def run_elsewhere(
    function: Callable[..., None],
    arguments: Sequence[Any],
    what: str,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Call `function(*arguments)` in a new interpreter with this one's environment,
    `variables` set in it, and import path.

    `function` is of the top level of an importable module; the arguments can be
    pickled; `what` names the result in errors. Warnings to the logger `speechmark` are
    repeated here. Raises ElsewhereError, ValueError for a function that another process
    cannot find.

    Not by `multiprocessing`: its spawned processes import the caller's `__main__`,
    whatever that is, and forked ones hang in OpenMP.
    """
    check_importable(function)
    paths = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, **(variables or {}), "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-P", "-c", _SERVE],  # none of the working folder
        input=pickle.dumps((function, tuple(arguments))),
        capture_output=True,
        env=environment,
    )
    said = done.stderr.decode(errors="replace").strip()
    try:
        reply = json.loads(done.stdout)
    except ValueError:
        raise ElsewhereError(_abrupt_end(what, done.returncode, said)) from None
    for warning in reply["warnings"]:
        _log.warning("%s", warning)
    if reply["error"]:
        raise ElsewhereError(f"{what} cannot be made: {reply['error']}\n{said[-2000:]}")


def check_importable(function: Callable[..., None]) -> None:
    """Raise ValueError for a function that another process cannot find."""
    if function.__module__ == "__main__" or "." in function.__qualname__:
        raise ValueError(
            f"{function.__module__}.{function.__qualname__} cannot be found by another "
            "process: give a function of the top level of an importable module"
        )


def _abrupt_end(what: str, code: int, said: str) -> str:
    ending = f"exit status {code}" if code >= 0 else f"signal {-code}"
    if code == -signal.SIGKILL:
        ending = "SIGKILL: often a lack of memory"
    return f"{what} cannot be made: its process ended by {ending}\n{said[-2000:]}"


def serve() -> None:
    """The other process, whose output is for the reply alone: whatever libraries print
    goes to the error stream."""
    end_with_parent()  # a run that is killed must not go on making
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings = LoggedWarnings()
    logging.getLogger("speechmark").addHandler(warnings)
    error = None
    try:
        function, arguments = pickle.load(sys.stdin.buffer)
        function(*arguments)
    except Exception as failure:  # the outermost boundary: who asked gets the text
        logging.getLogger(__name__).error("the work failed", exc_info=failure)
        error = f"{type(failure).__name__}: {failure}"
    json.dump({"error": error, "warnings": warnings.texts}, output)
    output.flush()
