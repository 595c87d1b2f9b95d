"""Which cases a command would run, and how long that should take."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType

from basics.user_files import usable
from harness.case import Case
from harness.workload import Workload
from harness.workload_files import module_of, others

_log = logging.getLogger("speechmark")
BENCHMARKS = "benchmarks"  # the package whose bench_*.py modules declare workloads
ELSEWHERE = "bench_elsewhere"  # the one of them that declares none of its own
_TWICE = (
    "the workload %s of %s is left out: another one has its name, and case ids would "
    "not tell them apart; rename it"
)


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


Measure = Callable[[Planned], None]  # what a benchmark file's test hands its cases to


def discover(package: str = BENCHMARKS) -> list[Workload]:
    """The workloads that the package's bench_*.py modules declare as WORKLOADS; of two
    with one name the first."""
    root = importlib.import_module(package)
    files = [
        module.name
        for module in pkgutil.iter_modules(root.__path__)
        if module.name.startswith("bench_")
    ]
    # Last what stands beside the suite: it takes no name of the suite's own.
    files.sort(key=lambda name: (name == ELSEWHERE, name))
    found: dict[str, Workload] = {}
    for name in (f"{package}.{file}" for file in files):
        module = _usable(name, name)
        for each in declared(module) if module else ():
            if each.name in found:
                _log.warning(_TWICE, each.name, name)
            found.setdefault(each.name, each)
    return list(found.values())


def modules_elsewhere() -> list[ModuleType]:
    """Those beside the suite that declare workloads: see `workload_files`."""
    found = (_usable(shown, name) for shown, name in others().items())
    return [module for module in found if module]


def _usable(shown: str, name: str) -> ModuleType | None:
    """None of a file that is broken, or declares no workloads."""

    def load() -> ModuleType:
        module = module_of(name)
        declared(module)
        return module

    return usable(shown, load)


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
