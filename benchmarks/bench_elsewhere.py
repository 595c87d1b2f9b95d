"""Workloads that stand beside the suite: those of `--workload FILE.py`, of the variable
SPEECHMARK_WORKLOADS, and of packages under the entry points `speechmark.workloads`.

Each file declares its cases, and its asv classes where it has some, as the suite's own
files do; they have its name here, for asv knows a benchmark by file and class. asv
keeps one cache for all files of users: give it one at a time.
"""

from harness.bridges import asv
from harness.plan import Measure, Planned, declared, modules_elsewhere

MODULES = modules_elsewhere()
WORKLOADS = tuple(workload for module in MODULES for workload in declared(module))
globals().update(asv.classes_of(MODULES))

if WORKLOADS:

    def test_elsewhere(planned: Planned, measure: Measure) -> None:
        measure(planned)
