"""Processes that end together."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys

_log = logging.getLogger("speechmark")
PR_SET_PDEATHSIG = 1  # of Linux's <sys/prctl.h>


def end_with_parent(parent_pid: int | None = None) -> None:
    """Have the kernel kill this process when its parent is gone, by SIGKILL too: what
    was killed must not go on measuring or making. On Linux alone.

    A parent whose id is `parent_pid` may have gone before: then this ends at once. A
    kernel that refuses costs a warning, not the work.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        _log.warning(
            "this process may outlive a parent that is killed: %s",
            os.strerror(ctypes.get_errno()),
        )
    if parent_pid is not None and os.getppid() != parent_pid:
        os._exit(1)
