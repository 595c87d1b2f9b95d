"""The parent: runs a case in fresh worker processes and makes its record."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.case import Case
from harness.environment import Variables, variables
from harness.files import cache_folder
from harness.hardware import Hardware, Machine
from harness.measure.compose import failed, measured, skipped
from harness.measure.follow import Listener, Progressing, follow
from harness.measure.instances.run import InstancesSetup, run_instances
from harness.measure.instances.shares import Share, shares_of
from harness.measure.jobs import CaseTask, InstanceTask, Job
from harness.measure.outcome import CaseOutcome, Outcome, typed
from harness.measure.results import OperationResult, TrainingResult
from harness.measure.spawn import Worker
from harness.measure.values import wrong_values
from harness.measure.watch import Instruments, Watch
from harness.measure.worker import name_of
from harness.observe.roofline import Peaks, PeaksTask
from harness.profile import Profile
from harness.record.schema import Record, VariablesRecord
from harness.workload import UnsupportedError, Workload

INSTANCE = "harness.measure.instances.worker:run_instance"  # what each of several runs
CASE_LIMIT_S = 1800.0  # beyond the profile's own times: builds, accuracy
PEAKS_LIMIT_S = 120.0


@dataclass(frozen=True)
class Settings:
    """What holds for every case of a run."""

    profile: Profile
    machine: Machine
    work_dir: Path  # logs and checkpoints of this run
    data_root: Path | None = None
    seed: int = 0
    resume: bool = False
    passed: Mapping[str, str] = field(default_factory=dict)  # variables of `--env`


@dataclass
class Runner:
    """Runs cases one after another."""

    settings: Settings
    instruments: Instruments = field(
        default_factory=lambda: Instruments(cache=cache_folder())
    )
    _peaks: dict[tuple[str, str], Peaks] = field(default_factory=dict)

    def run(self, workload: Workload, case: Case, listen: Listener) -> Record:
        """Measure one case; whatever goes wrong inside its worker is its record."""
        profile = self.settings.profile
        try:
            hardware = self._of_a_worker(case)
        except UnsupportedError as unsupported:
            return skipped(workload, case, profile, str(unsupported))
        outcomes: list[CaseOutcome] = []
        for process in range(profile.processes):
            outcome = self.one_process(workload, case, process, listen)
            if outcome.kind == "skipped":
                return skipped(workload, case, profile, outcome.reason)
            if outcome.kind == "failed":
                return failed(workload, case, profile, outcome)
            if wrong := wrong_values(outcome.done.values):
                return failed(workload, case, profile, replace(outcome, reason=wrong))
            outcomes.append(outcome)
            if isinstance(outcome.result, TrainingResult):
                break  # a training is repeated with other seeds, as runs of their own
        precision = workload.claims_of(case)
        peaks = self.peaks(case, precision, listen)
        try:
            found = measured(workload, case, profile, outcomes, peaks)
            if _is_beyond_peak(found):
                peaks = self._second_look(case, precision, listen)
                found = measured(workload, case, profile, outcomes, peaks)
        except ValidationError as error:
            reason = f"what was measured is no valid record: {error}"
            return failed(workload, case, profile, replace(outcomes[0], reason=reason))
        used = VariablesRecord(**asdict(self._variables(hardware)))
        return found.model_copy(update={"variables": used})

    def forget(self, case: Case) -> None:
        """Remove a case's checkpoints, once its record is safe."""
        shutil.rmtree(self._scratch(case), ignore_errors=True)

    def peaks(self, case: Case, precision: str, listen: Listener) -> Peaks:
        """This hardware's measured peaks at a precision, taken once a run."""
        key, hardware = (case.hardware, precision), Hardware.parse(case.hardware)
        if key not in self._peaks:
            listen(Progressing("roofline", precision))
            task = PeaksTask(case.hardware, precision)
            job = self._job("harness.observe.roofline:run_job", task, hardware)
            outcome = self._work(job, case, "roofline", listen, PEAKS_LIMIT_S)
            found: Outcome[Peaks] = typed(outcome, Peaks)
            self._peaks[key] = _of_all_devices(found, hardware, precision)
        return self._peaks[key]

    def _second_look(self, case: Case, precision: str, listen: Listener) -> Peaks:
        """Measure the peaks once more, for they cannot be so low; the higher count."""
        key = (case.hardware, precision)
        before = self._peaks[key]
        if before.again:
            return before
        del self._peaks[key]
        now = self.peaks(case, precision, listen)
        best = max(before, now, key=lambda peaks: peaks.flops_per_s or 0.0)
        self._peaks[key] = replace(best, again=True)
        return self._peaks[key]

    def one_process(
        self, workload: Workload, case: Case, process: int, listen: Listener
    ) -> CaseOutcome:
        settings, hardware = self.settings, self._of_a_worker(case)
        scratch = self._scratch(case)
        if process == 0 and not settings.resume:
            shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True, exist_ok=True)
        task = CaseTask(
            build=name_of(workload.build),
            case_id=case.of_one_instance.id,
            hardware=case.hardware,
            profile=settings.profile,
            seed=settings.seed,
            scratch_dir=str(scratch),
            data_root=str(settings.data_root) if settings.data_root else None,
            claimed=workload.claims_of(case),
            process=process,
            threads=hardware.threads_on(settings.machine),
        )
        profile = settings.profile
        limit_s = (
            CASE_LIMIT_S
            + profile.training_budget_s
            + 10 * (profile.warmup_s + profile.timed_s)
        )
        name = f"{file_name(case)}-{process}"
        if case.instances is not None:
            outcome = self._several(task, case, name, listen, limit_s)
        else:
            job = self._job("harness.measure.worker:run_case", task, hardware)
            outcome = self._work(job, case, name, listen, limit_s)
            outcome = typed(outcome, OperationResult | TrainingResult)
        return replace(outcome, process=process)

    def _several(
        self, task: CaseTask, case: Case, name: str, listen: Listener, limit_s: float
    ) -> CaseOutcome:
        """Workers of this task at once, each on its share of the hardware."""
        whole, own = Hardware.parse(case.hardware), self._of_a_worker(case)
        self.instruments.idle_watts(whole)  # while nothing runs
        environment, logs = self._environment(own), self._logs()

        def start(share: Share) -> Worker:
            numbered = InstanceTask(**vars(task), number=share.number)
            job = Job(INSTANCE, share.cpus, numbered)
            return Worker(job, environment, logs / f"{name}-{share.number}.log")

        setup = InstancesSetup(
            shares=self._shares(case),
            start=start,
            watch=lambda pid: Watch(pid, whole, self.instruments),
            profile=self.settings.profile,
            limit_s=limit_s,
        )
        return run_instances(setup, listen)

    def _shares(self, case: Case) -> tuple[Share, ...]:
        """UnsupportedError where the hardware has not so many."""
        assert case.instances is not None
        hardware = Hardware.parse(case.hardware)
        return shares_of(hardware, self.settings.machine, case.instances)

    def _of_a_worker(self, case: Case) -> Hardware:
        """With the threads that one worker has; UnsupportedError as of `_shares`."""
        hardware = Hardware.parse(case.hardware)
        if case.instances is None:
            return hardware
        return replace(hardware, threads=len(self._shares(case)[0].cpus))

    def _job(self, entry: str, task: object, hardware: Hardware) -> Job:
        return Job(entry, tuple(hardware.affinity(self.settings.machine)), task)

    def _work(
        self, job: Job, case: Case, name: str, listen: Listener, limit_s: float
    ) -> Outcome[Any]:
        """Its result in plain values."""
        hardware = Hardware.parse(case.hardware)
        logs = self._logs()
        self.instruments.idle_watts(hardware)  # while nothing runs
        environment = self._environment(hardware)
        worker = Worker(job, environment, logs / f"{name}.log")
        watch = Watch(worker.pid, hardware, self.instruments)
        try:
            return follow(worker, watch, listen, limit_s)
        finally:
            watch.close()
            worker.close()

    def _environment(self, hardware: Hardware) -> dict[str, str]:
        """Beside what a worker inherits."""
        settings = self.settings
        return {**hardware.environment(settings.machine), **settings.passed}

    def _variables(self, hardware: Hardware) -> Variables:
        own = hardware.environment(self.settings.machine)
        return variables(own, self.settings.passed)

    def _logs(self) -> Path:
        logs = self.settings.work_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        return logs

    def _scratch(self, case: Case) -> Path:
        return self.settings.work_dir / "scratch" / file_name(case)


def _is_beyond_peak(record: Record) -> bool:
    fraction = record.roofline.fraction_of_peak if record.roofline else None
    return fraction is not None and fraction > 1


def _of_all_devices(
    outcome: Outcome[Peaks], hardware: Hardware, precision: str
) -> Peaks:
    """One device's peaks times their number."""
    if outcome.kind != "result":
        return Peaks(precision, reason=outcome.reason)
    found, count = outcome.done, len(hardware.devices)
    return replace(
        found,
        flops_per_s=found.flops_per_s and found.flops_per_s * count,
        bytes_per_s=found.bytes_per_s and found.bytes_per_s * count,
    )


def file_name(case: Case) -> str:
    return case.id.replace("/", "_").replace(":", "-").replace(os.sep, "_")
