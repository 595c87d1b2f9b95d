"""A kernel profile: steps run with oneDNN's log on, in the worker."""

from __future__ import annotations

import contextlib
import ctypes
import locale
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from harness.observe.isa import ARM, isa_of
from harness.observe.kernels import ONEDNN_LOG, Entry, Profiled, narrowed
from harness.observe.onednn.execution import Execution
from harness.observe.onednn.log import Log, lines_of, read_log

_FILLER = b"\n" * (1 << 16)  # beyond what the log's last block may still take
_FPMATH = re.compile(r"attr-fpmath:(\w+)")


def capture(step: Callable[[], object], steps: int = 1) -> Profiled:
    """Runs `step()` with the log of torch's oneDNN on; loads torch.

    The log costs time, so these are no timed samples.
    """
    import torch  # the parent process never needs it

    log, wall_s = logged(step, steps)
    entries = [
        entry_of(call.execution, call.time_ms or 0.0)
        for call in log.calls
        if call.execution.kind != "graph"  # its primitives are logged themselves
    ]
    threads = torch.get_num_threads()
    return Profiled(entries, wall_s, ONEDNN_LOG, log.damaged, threads)


def logged(step: Callable[[], object], steps: int = 1) -> tuple[Log, float]:
    """The log of so many steps, and the seconds that they took."""
    with tempfile.TemporaryFile("w+b") as file:
        wall_s = _write(file, step, steps)
        file.seek(0)
        return read_log(lines_of(file)), wall_s


def write_log(path: Path, step: Callable[[], object], steps: int) -> float:
    """As `logged`, into a file as it is: the seconds that the steps took."""
    with path.open("w+b") as file:
        wall_s = _write(file, step, steps, str(path))
        file.truncate(file.tell() - len(_FILLER))
        return wall_s


def _write(
    file: IO[bytes],
    step: Callable[[], object],
    steps: int,
    where: str | None = None,
) -> float:
    """It is written by C code to file descriptor 1, hence redirected there; what else
    the steps print goes with it."""
    import torch

    mkldnn = torch.backends.mkldnn
    with (
        _stdout_into(file.fileno()),
        _plain_numbers(),
        mkldnn.verbose(mkldnn.VERBOSE_ON),
    ):
        start_ns = time.perf_counter_ns()
        for _ in range(steps):
            step()
        wall_s = (time.perf_counter_ns() - start_ns) / 1e9
    _check_whole(file, where or tempfile.gettempdir())
    return wall_s


def entry_of(execution: Execution, time_ms: float) -> Entry:
    return Entry(
        primitive=execution.primitive,
        direction=execution.direction,
        implementation=_implementation(execution),
        dtypes=execution.dtypes,
        problem=execution.problem,
        time_ms=time_ms,
        overlaps=execution.kind == "ukernel",
    )


def _implementation(execution: Execution) -> str:
    """x86's kernels are named after what they compute in. Arm's are not: those that may
    compute in fewer bits than they read get the mode that lets them into their name."""
    mode = _FPMATH.search(execution.attributes)
    if mode is None or isa_of(execution.implementation) not in ARM:
        return execution.implementation
    return narrowed(execution.implementation, mode[1])


class ProfileCutShortError(Exception):
    """The log could not be written to its end: nothing is known of the kernels."""


def _check_whole(file: IO[bytes], where: str) -> None:
    """C code does not tell when the disk is full; another line fails then as well, or
    is written in part."""
    reason = "no space left"
    try:
        if os.write(file.fileno(), _FILLER) == len(_FILLER):
            return
    except OSError as error:
        reason = error.strerror or reason
    raise ProfileCutShortError(
        f"the kernel profile was cut short in {where}: {reason}; free some space "
        "there, or set TMPDIR"
    )


@contextlib.contextmanager
def _plain_numbers() -> Iterator[None]:
    """C prints times by the process's locale, whose point may be a comma."""
    before = locale.setlocale(locale.LC_NUMERIC)
    locale.setlocale(locale.LC_NUMERIC, "C")
    try:
        yield
    finally:
        locale.setlocale(locale.LC_NUMERIC, before)


@contextlib.contextmanager
def _stdout_into(descriptor: int) -> Iterator[None]:
    libc = ctypes.CDLL(None)
    sys.stdout.flush()
    libc.fflush(None)
    saved = os.dup(1)
    os.dup2(descriptor, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        libc.fflush(None)  # C keeps its own buffer, which belongs into the file
        os.dup2(saved, 1)
        os.close(saved)
