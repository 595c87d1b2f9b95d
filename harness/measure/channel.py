"""The worker's end of the pipes to its parent: JSON lines.

The worker's standard output stays free for whatever libraries print there.
"""

from __future__ import annotations

import json
import os
from typing import Any

from harness.measure.jobs import plain_fields
from harness.measure.messages import ProgressMessage, SegmentMessage, StageMessage

SPOILED = "spoiled"  # the parent's answer to a segment; an empty line says clean


class Channel:
    """The worker's end."""

    def __init__(self, write_fd: int, read_fd: int) -> None:
        self._out = os.fdopen(write_fd, "w", buffering=1)
        self._in = os.fdopen(read_fd, "r")

    def job(self) -> dict[str, Any]:
        """The job in plain values, which the parent sends first."""
        return json.loads(self._in.readline())

    def send(self, message: object) -> None:
        """Send a message: a dataclass of plain values that tells its `kind`."""
        self._out.write(json.dumps(message, default=plain_fields) + "\n")

    def ask(self, message: object) -> str:
        """Send a message, and wait for the parent's answer to it."""
        self.send(message)
        return self._in.readline().rstrip("\n")

    def enter(self, stage: str) -> None:
        """Say that a stage begins, and wait until the parent has read its sensors: the
        timed stage then holds exactly what its sensors saw."""
        self.ask(StageMessage(stage))

    def segment(self, samples: int) -> bool:
        """Say that so many samples were timed since the last message, and wait until
        the parent has read its sensors: whether something disturbed these samples."""
        return self.ask(SegmentMessage(samples)) == SPOILED

    def progress(self, what: str, done: int, total: int) -> None:
        self.send(ProgressMessage(what, done, total))
