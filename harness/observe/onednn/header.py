"""What a log says of the library and the machine that wrote it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_VERSION = re.compile(r"(?:oneDNN|DNNL|MKL-DNN) v(\d[\w.-]*)")
_COMMIT = re.compile(r"\((?:commit|Git Hash) (\w+)\)")
_THREADS = re.compile(r"^cpu,.*nthr:(\d+)")
_RUNTIME = re.compile(r"^cpu,.*runtime:(\w+)")
_ISA = re.compile(r"^(?:cpu,isa:|Detected ISA is )(.+)")
_ISA_OF_0 = re.compile(r"\),(.+)")  # behind MKL-DNN's commit


@dataclass(frozen=True)
class Header:
    """Each "" or None where a log does not say it."""

    version: str = ""
    commit: str = ""
    runtime: str = ""  # OpenMP, TBB, threadpool
    threads: int | None = None
    isa: str = ""

    def and_of(self, line: str) -> Header:
        """With what a line behind "info," adds.

        >>> Header().and_of("oneDNN v3.12.0 (commit 80afa71)").version
        '3.12.0'
        >>> Header().and_of("cpu,runtime:OpenMP,nthr:2").threads
        2
        """
        found = {
            "version": _first(_VERSION, line),
            "commit": _first(_COMMIT, line),
            "runtime": _first(_RUNTIME, line),
            "isa": _first(_ISA, line),
        }
        if found["commit"] and not found["isa"]:
            found["isa"] = _first(_ISA_OF_0, line)
        threads = _first(_THREADS, line)
        known = {name: value for name, value in found.items() if value}
        return replace(self, **known, threads=int(threads) if threads else self.threads)


def _first(pattern: re.Pattern[str], line: str) -> str:
    match = pattern.search(line)
    return match[1].strip() if match else ""
