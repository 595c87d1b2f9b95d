"""A kernel profile: steps run with oneDNN's log on, in the worker."""

import contextlib
import ctypes
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.observe.onednn.breakdown import (
    Row,
    break_down,
    claim_share_percent,
    float_fallbacks,
)
from harness.observe.onednn.log import read_log


@dataclass(frozen=True)
class Captured:
    """A breakdown of `steps` steps that took `wall_s`, in plain values."""

    rows: tuple[Row, ...]
    steps: int
    wall_s: float
    logged_s: float
    coverage_percent: float | None
    claim_share_percent: float | None  # of the compute kernels' time
    unparsed_lines: int
    float_fallbacks: tuple[Row, ...]


def capture(
    step: Callable[[], object], steps: int = 1, claimed: str = "fp32"
) -> Captured:
    """Runs `step()` with the log on; `claimed` names what must not run in float.

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
        file.seek(0)
        found = break_down(read_log(file), wall_s)
    return Captured(
        rows=found.rows,
        steps=steps,
        wall_s=wall_s,
        logged_s=found.logged_s,
        coverage_percent=found.coverage_percent,
        claim_share_percent=claim_share_percent(found, claimed),
        unparsed_lines=found.unparsed_lines,
        float_fallbacks=float_fallbacks(found, claimed),
    )


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
