"""A job of trials of which those in bf16 end their process, as an instruction does that
a CPU lacks."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import Any

from harness.measure.channel import Channel


def run_job(job: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
    for index, trial in enumerate(job["trials"]):
        channel.send("trying", index=index)
        if trial["precision"] == "bf16":
            os.kill(os.getpid(), signal.SIGILL)
        steered = 0.0 if "DNNL_DEFAULT_FPMATH_MODE" not in os.environ else 1.0
        channel.send("tried", index=index, errors={"forward": steered})
    return {}


def raises(job: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
    raise ImportError("libomp.so: cannot open shared object file")
