"""A program run with oneDNN's log on: its log into a file, its output where it was."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
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
CUT = b"_cut\n"  # behind a last line that was not written to its end


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
    """Run it to its end, or until an interrupt. ValueError where it cannot be run, and
    then no earlier log is touched, or where the log cannot be written."""
    began = time.perf_counter()
    try:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, env=environment(os.environ, is_stamped)
        )
    except OSError as error:
        raise ValueError(
            f"cannot run {command[0]}: {error.strerror}; the command stands behind --"
        ) from None
    try:
        with log.open("wb") as file, _interrupts_left_to_the_program():
            _divide(process, file)
            status = process.wait()
            found = Recording(tuple(command), time.perf_counter() - began, status)
            file.write(line_of(found).encode())
    except OSError as error:
        raise ValueError(f"cannot write {log}: {error.strerror}") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return found


def _divide(process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    """Lines with oneDNN's marker into the log, others on to where they were going."""
    assert process.stdout is not None
    last, is_read = b"\n", True
    with process.stdout as output:
        while line := output.readline(LONGEST_LINE_BYTES):
            if MARKER.search(line):
                log.write(line)
                last = line
            elif is_read:
                is_read = _pass_on(line)
    if not last.endswith(b"\n"):
        log.write(CUT)


@contextlib.contextmanager
def _interrupts_left_to_the_program() -> Iterator[None]:
    """A terminal sends them to it as well, and what it still says is its end."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _pass_on(line: bytes) -> bool:
    """False where nobody reads it any more, as behind `| head`."""
    try:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        return False
    return True
