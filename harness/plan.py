"""Which cases a command would run, and how long that should take."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.case import Case
from harness.workload import Workload

BENCHMARKS = "benchmarks"  # the package whose bench_*.py modules declare workloads


@dataclass(frozen=True)
class Planned:
    """A case to run. `expected_s` is what the workload declares for two cores."""

    workload: Workload
    case: Case
    expected_s: float


def discover(package: str = BENCHMARKS) -> list[Workload]:
    """The workloads that the package's bench_*.py modules declare as WORKLOAD(S)."""
    root = importlib.import_module(package)
    names = sorted(
        module.name
        for module in pkgutil.iter_modules(root.__path__)
        if module.name.startswith("bench_")
    )
    modules = [importlib.import_module(f"{package}.{name}") for name in names]
    return [workload for module in modules for workload in module.WORKLOADS]


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
