"""The parent's side of a worker: start it, read its messages, know how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from time import monotonic

from harness.environment import inherited
from harness.measure.jobs import Job, plain_fields
from harness.measure.messages import Message, message_of
from harness.suite import SUITE, python_environment

LOG_TAIL_LINES = 12


@dataclass(frozen=True)
class Suite:
    """The code that a worker runs: an interpreter, and the folder with the suite's
    packages."""

    interpreter: str = sys.executable
    folder: Path = SUITE


HERE = Suite()


class Worker:
    """One worker process and the pipes to it.

    `environment` is added to what is inherited of the parent's. Standard output and
    error go to `log_path`.
    """

    def __init__(
        self,
        job: Job,
        environment: Mapping[str, str],
        log_path: Path,
        suite: Suite = HERE,
    ) -> None:
        from_worker, worker_out = os.pipe()
        worker_in, to_worker = os.pipe()
        command = (suite.interpreter, "-m", "harness.measure.worker")
        self.log_path = log_path
        try:
            with open(log_path, "wb") as log:
                self._process = subprocess.Popen(
                    [*command, str(worker_out), str(worker_in)],
                    env={
                        **inherited(),
                        **python_environment(suite.folder),
                        **environment,
                    },
                    pass_fds=(worker_out, worker_in),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # killed together with its data readers
                )
        except OSError:
            os.close(from_worker)
            os.close(to_worker)
            raise
        finally:
            os.close(worker_out)
            os.close(worker_in)
        self._from = os.fdopen(from_worker, "rb", buffering=0)
        self._to = os.fdopen(to_worker, "w", buffering=1)
        self.answer(json.dumps(job.plain(), default=plain_fields))

    @property
    def pid(self) -> int:
        return self._process.pid

    def go_on(self) -> None:
        """Answer a stage message: the sensors have been read."""
        self.answer("")

    def answer(self, text: str) -> None:
        """Answer a message that the worker waits on."""
        with contextlib.suppress(BrokenPipeError):  # dead: `messages` finds out how
            self._to.write(text + "\n")

    def messages(self, limit_s: float) -> Iterator[Message]:
        """Every message until the worker closes its pipe.

        TimeoutError after `limit_s`: a hung worker must not hang the run. PipeError for
        what is no message.
        """
        return map(message_of, self.lines(limit_s))

    def lines(self, limit_s: float) -> Iterator[bytes]:
        """What messages come as, for a reader who knows more kinds of them."""
        deadline, rest = monotonic() + limit_s, b""
        with DefaultSelector() as selector:
            selector.register(self._from, EVENT_READ)
            while True:
                if not selector.select(max(0.0, deadline - monotonic())):
                    raise TimeoutError(f"no end after {limit_s:.0f} s")
                chunk = os.read(self._from.fileno(), 1 << 20)
                if not chunk:
                    return
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines

    def wait(self) -> int:
        """The exit status, negative for a signal."""
        return self._process.wait()

    def kill(self) -> None:
        """End the worker and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        self.kill()
        self._from.close()
        with contextlib.suppress(BrokenPipeError):
            self._to.close()

    def log_tail(self) -> str:
        """The last lines that the worker printed."""
        text = self.log_path.read_text(errors="replace") if self.log_path else ""
        return "\n".join(text.splitlines()[-LOG_TAIL_LINES:])


def how_it_ended(status: int, rss_bytes: int | None) -> str:
    """Why a worker that sent no result is gone, from its exit status.

    >>> how_it_ended(3, None)
    'the worker ended with exit status 3 and sent no result'
    """
    if status >= 0:
        return f"the worker ended with exit status {status} and sent no result"
    name = signal.Signals(-status).name
    reason = f"the worker was killed by signal {-status} ({name})"
    if -status == signal.SIGKILL:
        size = f" at {rss_bytes / 2**20:.0f} MiB resident" if rss_bytes else ""
        reason += (
            f"{size}: the kernel does so when memory runs out; if nobody killed it, "
            "use a smaller batch size, model or a machine with more memory"
        )
    return reason
