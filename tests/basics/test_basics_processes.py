"""Processes that end together."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from basics.processes import end_with_parent

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


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's doing, on Linux")
def test_a_kernel_that_refuses_costs_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refusing = SimpleNamespace(prctl=lambda *_: -1)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: refusing)
    end_with_parent()
    assert "may outlive a parent that is killed" in caplog.text
