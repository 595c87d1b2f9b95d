"""Processes that end together."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

import pytest

PARENT = """
import subprocess, sys, time
child = "import os, time; from basics.processes import end_with_parent; " + sys.argv[1]
started = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE)
print(started.pid, started.stdout.readline().decode().strip(), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's doing, on Linux")
def test_a_process_ends_when_its_parent_is_killed() -> None:
    child = "end_with_parent(os.getppid()); print('ready', flush=True); time.sleep(60)"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, child], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid, ready = parent.stdout.readline().split()
    assert ready == "ready"
    reading = os.pidfd_open(int(pid))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    ended, _, _ = select.select([reading], [], [], 10.0)
    os.close(reading)
    parent.stdout.close()
    assert ended


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's doing, on Linux")
def test_a_process_whose_parent_had_gone_before_ends_at_once() -> None:
    late = "from basics.processes import end_with_parent; end_with_parent(1 << 22)"
    assert subprocess.run([sys.executable, "-c", late], check=False).returncode == 1
