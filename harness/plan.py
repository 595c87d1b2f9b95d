"""Which cases a command would run, and how long that should take."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType

from harness.case import Case
from harness.workload import Workload

_log = logging.getLogger("speechmark")
# What a file that someone is writing may raise when it is loaded.
UNUSABLE = (ImportError, SyntaxError, AttributeError, NameError, TypeError, ValueError)
BENCHMARKS = "benchmarks"  # the package whose bench_*.py modules declare workloads


@dataclass(frozen=True)
class Planned:
    """A case to run. `expected_s` is what the workload declares for two cores."""

    workload: Workload
    case: Case
    expected_s: float

    @property
    def claims(self) -> str:
        """The arithmetic that its kernels have to show."""
        return self.workload.claims_of(self.case)


def discover(package: str = BENCHMARKS) -> list[Workload]:
    """The workloads that the package's bench_*.py modules declare as WORKLOAD(S)."""
    root = importlib.import_module(package)
    names = sorted(
        module.name
        for module in pkgutil.iter_modules(root.__path__)
        if module.name.startswith("bench_")
    )
    return [each for name in names for each in _declared(f"{package}.{name}")]


def _declared(module: str) -> Sequence[Workload]:
    """None of a file that is broken: the others serve all the same."""
    try:
        return declared(importlib.import_module(module))
    except UNUSABLE as error:
        _log.warning("%s is left out: %s: %s", module, type(error).__name__, error)
        return ()


def declared(module: ModuleType) -> Sequence[Workload]:
    """The workloads of a benchmark file; AttributeError with the remedy for a file
    without."""
    if hasattr(module, "WORKLOADS"):
        found: Sequence[Workload] = module.WORKLOADS
        return found
    raise AttributeError(
        f"{module.__file__} declares no WORKLOADS: add `WORKLOADS = (WORKLOAD,)`, or "
        "give it a name that does not begin with bench_"
    )


def plan(
    workloads: Iterable[Workload], profile: str, hardware: Sequence[str]
) -> list[Planned]:
    """Every case of a profile on every hardware, workload by workload."""
    return [
        Planned(workload, case, expected_s)
        for workload in workloads
        for device in hardware
        for case, expected_s in workload.cases(profile, device).items()
    ]
