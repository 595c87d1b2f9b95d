"""What worker and parent say to each other: JSON lines over pipes.

The worker's standard output stays free for whatever libraries print there.
"""

from __future__ import annotations

import json
import os
from typing import Any

SPOILED = "spoiled"  # the parent's answer to a segment; an empty line says clean


class Channel:
    """The worker's end."""

    def __init__(self, write_fd: int, read_fd: int) -> None:
        self._out = os.fdopen(write_fd, "w", buffering=1)
        self._in = os.fdopen(read_fd, "r")

    def job(self) -> dict[str, Any]:
        """The job, which the parent sends first."""
        return json.loads(self._in.readline())

    def send(self, kind: str, **fields: Any) -> None:
        self._out.write(json.dumps({"kind": kind, **fields}) + "\n")

    def enter(self, stage: str) -> None:
        """Say that a stage begins, and wait until the parent has read its sensors: the
        timed stage then holds exactly what its sensors saw."""
        self.send("stage", name=stage)
        self._in.readline()

    def ask(self, kind: str, **fields: Any) -> str:
        """Send a message, and wait for the parent's answer to it."""
        self.send(kind, **fields)
        return self._in.readline().rstrip("\n")

    def segment(self, samples: int) -> bool:
        """Say that so many samples were timed since the last word, and wait until the
        parent has read its sensors: whether something disturbed these samples."""
        return self.ask("segment", samples=samples) == SPOILED

    def progress(self, what: str, done: int, total: int) -> None:
        self.send("progress", what=what, done=done, total=total)
