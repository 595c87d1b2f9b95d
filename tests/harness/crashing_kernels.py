"""A job of trials of which those in bf16 end their process, as an instruction does that
a CPU lacks."""

from __future__ import annotations

import os
import signal

from harness.measure.channel import Channel
from harness.observe.kernel_sweep.job import SweepTask
from harness.observe.kernel_sweep.messages import TriedMessage, TryingMessage


def run_job(task: SweepTask, channel: Channel) -> None:
    for index, trial in enumerate(task.trials):
        channel.send(TryingMessage(index))
        if trial.precision == "bf16":
            os.kill(os.getpid(), signal.SIGILL)
        steered = 0.0 if "DNNL_DEFAULT_FPMATH_MODE" not in os.environ else 1.0
        channel.send(TriedMessage(index, {"forward": steered}))


def raises(task: SweepTask, channel: Channel) -> None:
    raise ImportError("libomp.so: cannot open shared object file")
