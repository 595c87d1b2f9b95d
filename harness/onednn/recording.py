"""A program run with oneDNN's log on: its log into a file, its output where it was."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from harness.observe.onednn.log import LONGEST_LINE_BYTES, MARKER
from harness.onednn.totals import Recording, line_of

# Each generation of the library reads its own.
VARIABLES = {
    "ONEDNN_VERBOSE": "1",
    "DNNL_VERBOSE": "1",
    "MKLDNN_VERBOSE": "1",
}
NOT_FOUND, NOT_RUN = 127, 126  # as shells have them


def environment(before: Mapping[str, str], is_stamped: bool = False) -> dict[str, str]:
    """With the log on, and numbers with a point whatever the locale: LC_ALL, which
    would go before, becomes LANG."""
    made = {**before, **VARIABLES}
    if is_stamped:
        made |= {"ONEDNN_VERBOSE_TIMESTAMP": "1", "DNNL_VERBOSE_TIMESTAMP": "1"}
    if whole := made.pop("LC_ALL", ""):
        made["LANG"] = whole
        for name in [name for name in made if name.startswith("LC_")]:
            del made[name]
    return {**made, "LC_NUMERIC": "C"}


def record(command: Sequence[str], log: Path, is_stamped: bool = False) -> Recording:
    """Run it to its end. ValueError where it cannot be run, or the log not written."""
    try:
        with log.open("wb") as file:
            found = _run(command, file, is_stamped)
            file.write(line_of(found).encode())
    except OSError as error:
        raise ValueError(f"cannot write {log}: {error.strerror}") from None
    return found


def _run(command: Sequence[str], log: IO[bytes], is_stamped: bool) -> Recording:
    began = time.perf_counter()
    try:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            env=environment(os.environ, is_stamped),
        )
    except OSError as error:
        raise ValueError(
            f"cannot run {command[0]}: {error.strerror}; the command stands behind --"
        ) from None
    assert process.stdout is not None
    with process.stdout as output:
        _divide(output, log)
    status = process.wait()
    return Recording(tuple(command), time.perf_counter() - began, status)


def _divide(output: IO[bytes], log: IO[bytes]) -> None:
    """Lines with oneDNN's marker into the log, others on to where they were going."""
    while line := output.readline(LONGEST_LINE_BYTES):
        if MARKER.search(line):
            log.write(line)
        else:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
