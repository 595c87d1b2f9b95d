"""asv glue: the asv classes over the cases of the profile `commit`.

A benchmark file makes its classes through this module, for a base class imported by
name would be taken for a benchmark itself:

    from harness.bridges import asv

    Steady, Plain, Tracked = asv.classes(WORKLOAD, metrics=("wer",))

asv takes any rise for a regression, and judges by ratios, so that all that is shown is
positive and falls when it gets better. A metric of which higher is better is shown as
its reciprocal, and called so: `metrics=("inverse_si_sdr",)`. Of dB that is the
reciprocal of the ratio of powers: 1 dB less is a rise by 26 %, wherever it starts.
The harness's seconds come as `time_*` and not as `track_*`: asv runs `time_*` alone in
rounds that alternate between two commits, and tests alone their samples for
significance.

asv imports the benchmark files of the working tree for every commit, and everything
else, workers included, from the wheel of the commit. This module imports little: what
it loads would stand in asv's peaks of memory.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterable, Mapping
from math import nan
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from harness.case import Case
from harness.hardware import Hardware, Machine
from harness.metrics import recorded_kind
from harness.profile import COMMIT
from harness.workload import Context, Operation, UnsupportedError, Workload

if TYPE_CHECKING:
    from harness.measure.run import Runner
    from harness.record.schema import AccuracyMetric, Record

HARDWARE = "cpu"
FRAMEWORKS = ("ASV_", "PYTEST_")  # whose variables steer no kernels
INVERSE = "inverse_"  # before the name of a metric of which higher is better
PROCESS = 1  # not the first: without accuracy and kernel profile
# Each is a process of its own with one sample, for processes differ by more than the
# samples of one do. Mann and Whitney's test at asv's 0.2 % takes seven a commit; among
# ten, one may be disturbed.
ROUNDS = 10

Cache = dict[str, dict[str, Any]]  # of case ids


class _Cases:
    """A workload's cases of the profile `commit`, as asv's one parameter.

    asv drops earlier results where `version` changes; without it, asv would do so at
    any edit of this file. Raise it where the numbers change their meaning.
    """

    version = "2"  # 1: before decoding summed over paths, threads left SMT out
    workload: ClassVar[Workload]
    params: ClassVar[list[str]]
    param_names: ClassVar[list[str]] = ["case"]


class Steady(_Cases):
    """The harness's seconds per item: one fresh worker a round, warmed up until steady,
    without accuracy and kernel profile.

    asv reads `timer` before and after the call, and so sees what the worker measured.
    """

    rounds = ROUNDS
    repeat = 1
    number = 1
    warmup_time = 0.0
    _now_s = 0.0
    _seconds = 0.0

    def setup(self, case_id: str) -> None:
        # Not in asv's setup_cache: asv may keep a cache over rounds, and all would show
        # the same process.
        self._seconds = seconds_per_item(self.workload, Case.parse(case_id))

    def timer(self) -> float:
        return self._now_s

    def time_per_item(self, case_id: str) -> None:
        self._now_s += self._seconds


class Tracked(_Cases):
    """What one full measurement tells beside times: errors, bytes and joules."""

    def setup(self, cache: Cache, case_id: str) -> None:
        if "skipped" in cache[case_id]:
            raise NotImplementedError(cache[case_id]["skipped"])
        if "failed" in cache[case_id]:
            raise RuntimeError(cache[case_id]["failed"])

    def track_model_bytes(self, cache: Cache, case_id: str) -> float:
        return _number(cache[case_id]["model_bytes"])

    def track_peak_rss_bytes(self, cache: Cache, case_id: str) -> float:
        return _number(cache[case_id]["peak_rss_bytes"])

    def track_joules_per_audio_hour(self, cache: Cache, case_id: str) -> float:
        return _number(cache[case_id]["joules_per_audio_hour"])

    track_model_bytes.unit = "bytes"  # type: ignore[attr-defined]
    track_peak_rss_bytes.unit = "bytes"  # type: ignore[attr-defined]
    track_joules_per_audio_hour.unit = "J/h"  # type: ignore[attr-defined]


class Plain(_Cases):
    """asv's own timing and peak memory of the very operation, in asv's process.

    A sample is one cycle: its steps differ in their inputs' lengths. In few rounds, for
    it stands beside the harness's time as a second opinion: asv tells of it what no
    noise explains.
    """

    rounds = 3
    repeat = 1
    number = 1
    warmup_time = 0.5
    _operation: Operation

    def setup(self, case_id: str) -> None:
        """Builds once in a process: asv calls it before every sample, also of the
        warm-up."""
        if not hasattr(self, "_operation"):
            self._operation = built_here(self.workload, Case.parse(case_id))

    def time_cycle(self, case_id: str) -> None:
        for _ in range(self._operation.cycle):
            self._operation.step()

    def peakmem_cycle(self, case_id: str) -> None:
        self.time_cycle(case_id)


def classes(
    workload: Workload, metrics: tuple[str, ...] = ()
) -> tuple[type, type, type]:
    """Steady, Plain and Tracked of a workload, for the top level of its file.

    `metrics` are those of its accuracy, those of which higher is better as
    `inverse_<metric>`; each gives a `track_<metric>`. One call a file: asv knows a
    cache by its function's module and line.
    """
    module = workload.build.__module__
    names = {
        "__module__": module,
        "workload": workload,
        "params": [case.id for case in workload.cases(COMMIT.name, HARDWARE)],
    }

    def setup_cache(self: Tracked) -> Cache:
        return {
            case.id: tracked(full_record(workload, case))
            for case in workload.cases(COMMIT.name, HARDWARE)
        }

    setup_cache.__module__ = module
    errors = {f"track_{metric}": _track_error(metric) for metric in metrics}
    return (
        type("Steady", (Steady,), names),
        type("Plain", (Plain,), names),
        type("Tracked", (Tracked,), {**names, **errors, "setup_cache": setup_cache}),
    )


def classes_of(modules: Iterable[ModuleType]) -> dict[str, type]:
    """The classes of benchmark files, with a file's name before each: `toy_Steady`."""
    return {
        name: type(name, (found,), {"__module__": module.__name__})
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, _Cases)
        for name in [f"{module.__name__.rpartition('.')[2]}_{found.__name__}"]
    }


def seconds_per_item(workload: Workload, case: Case) -> float:
    """Of one fresh worker. NotImplementedError, asv's skip, where the case cannot run
    here; RuntimeError with the reason and the end of the worker's log where it broke.
    """
    from harness.statistics import undisturbed_step_s

    if case.instances is not None:
        raise NotImplementedError("asv follows one worker: leave instances out")
    with TemporaryDirectory() as folder:
        runner = _runner(Path(folder), workload, case)
        outcome = runner.one_process(workload, case, PROCESS, lambda _: None)
    if outcome.kind == "skipped":
        raise NotImplementedError(outcome.reason)
    if outcome.kind == "failed":
        raise RuntimeError(f"{case.id}: {outcome.reason}")
    found = outcome.done
    step_s = undisturbed_step_s(found.samples_s, found.cycle)
    return step_s / found.work.items


def full_record(workload: Workload, case: Case) -> Record:
    """The record of one process with accuracy and sensors."""
    with TemporaryDirectory() as folder:
        runner = _runner(Path(folder), workload, case)
        return runner.run(workload, case, lambda _: None)


def tracked(record: Record) -> dict[str, Any]:
    """The numbers of a record that are the better the lower they are, None for unknown
    ones; or why there are none, as "skipped" or "failed"."""
    if record.status != "ok":
        return {record.status: f"{record.case_id}: {record.reason}"}
    assert record.work is not None
    accuracy, memory, energy = record.accuracy, record.memory, record.energy
    metrics = (accuracy.metrics if accuracy else None) or {}
    return {
        "errors": dict(_falling(name, metric) for name, metric in metrics.items()),
        "model_bytes": record.work.model_bytes,
        "peak_rss_bytes": memory.peak_rss_bytes if memory else None,
        "joules_per_audio_hour": energy.joules_per_audio_hour if energy else None,
    }


def _falling(name: str, metric: AccuracyMetric) -> tuple[str, float]:
    """A metric as a positive figure that falls when it gets better, by the name that
    says so. Nothing to be known of a reciprocal of 0 or less."""
    if metric.better == "lower":
        return name, metric.value
    kind = recorded_kind(name, metric.better, metric.unit, metric.title)
    if kind.unit == "dB":
        return INVERSE + name, 10.0 ** (-metric.value / 10)
    return INVERSE + name, 1 / metric.value if metric.value > 0 else nan


def built_here(workload: Workload, case: Case) -> Operation:
    """The case's operation in this process, which has loaded no library that its
    environment steers; NotImplementedError where the case cannot run here."""
    folder = TemporaryDirectory()
    scratch = Path(folder.name, "scratch")
    scratch.mkdir()
    hardware, machine = Hardware.parse(case.hardware), _this_machine()
    _set_environment(hardware.environment(machine))
    try:
        context = Context(
            case=case,
            profile=COMMIT,
            hardware=hardware,
            seed=0,
            scratch_dir=scratch,
            data_root=None,
            progress=lambda what, done, total: None,
        )
        operation = workload.build(context)
    except UnsupportedError as reason:
        raise NotImplementedError(str(reason)) from reason
    if not isinstance(operation, Operation):
        raise TypeError(f"{case.id} is a training: asv times operations alone")
    atexit.register(folder.cleanup)
    atexit.register(operation.close)
    return operation


def _set_environment(variables: Mapping[str, str]) -> None:
    """As a worker's; asv's own variables stay."""
    from harness.environment import is_inherited

    for name in list(os.environ):
        if not (is_inherited(name) or name.startswith(FRAMEWORKS)):
            del os.environ[name]
    os.environ.update(variables)


def _runner(folder: Path, workload: Workload, case: Case) -> Runner:
    """Asks neither for idle power nor for the machine's peaks: asv shows no such."""
    from harness.measure.run import Runner, Settings
    from harness.measure.watch import Instruments
    from harness.observe.roofline import Peaks

    precision = workload.claims_of(case)
    return Runner(
        Settings(COMMIT, _this_machine(), folder),
        Instruments({case.hardware: None}),
        {(case.hardware, precision): Peaks(precision, reason="not asked for")},
    )


def _this_machine() -> Machine:
    """Enough of it for a CPU without caps."""
    from harness.observe.fingerprint import cores_first, default_threads

    allowed = os.sched_getaffinity(0)
    threads = default_threads(allowed)
    return Machine(cores_first(allowed), (), cuda_devices=0, threads=threads)


def _track_error(metric: str) -> Callable[[Any, Cache, str], float]:
    def track(self: Any, cache: Cache, case_id: str) -> float:
        errors = cache[case_id]["errors"]
        if not errors:
            return nan
        if metric not in errors:
            raise KeyError(
                f"{metric} is not among the metrics of {case_id}: expected one of "
                f"{', '.join(errors)}"
            )
        return float(f"{errors[metric]:.6g}")  # asv prints every digit

    track.unit = metric  # type: ignore[attr-defined]
    return track


def _number(value: float | None) -> float:
    """asv shows nan as n/a."""
    return nan if value is None else value
