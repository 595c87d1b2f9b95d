"""A kernel profile: steps run with oneDNN's log on, in the worker."""

import contextlib
import ctypes
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from harness.observe.kernels import ONEDNN_LOG, Profiled
from harness.observe.onednn.log import read_log

_FILLER = b"\n" * (1 << 16)  # beyond what the log's last block may still take


def capture(step: Callable[[], object], steps: int = 1) -> Profiled:
    """Runs `step()` with the log of torch's oneDNN on; loads torch.

    The log costs time, so these are no timed samples. It is written by C code to file
    descriptor 1, hence redirected there; what else the steps print goes with it.
    """
    import torch  # the parent process never needs it

    mkldnn = torch.backends.mkldnn
    with tempfile.TemporaryFile("w+", errors="replace") as file:
        with _stdout_into(file.fileno()), mkldnn.verbose(mkldnn.VERBOSE_ON):
            start_ns = time.perf_counter_ns()
            for _ in range(steps):
                step()
            wall_s = (time.perf_counter_ns() - start_ns) / 1e9
        _check_whole(file)
        file.seek(0)
        log = read_log(file)
    return Profiled(log.entries, wall_s, ONEDNN_LOG, log.unparsed_lines)


class ProfileCutShortError(Exception):
    """The log could not be written to its end: nothing is known of the kernels."""


def _check_whole(file: TextIO) -> None:
    """C code does not tell when the disk is full; another line fails then as well."""
    try:
        os.write(file.fileno(), _FILLER)
    except OSError as error:
        raise ProfileCutShortError(
            f"the kernel profile was cut short in {tempfile.gettempdir()}: "
            f"{error.strerror}; free some space there, or set TMPDIR"
        ) from None


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
