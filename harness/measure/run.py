"""The parent: runs a case in fresh worker processes and makes its record."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.case import Case
from harness.environment import Variables, variables
from harness.files import cache_folder
from harness.hardware import Hardware, Machine
from harness.measure.channel import SPOILED
from harness.measure.compose import failed, measured, skipped
from harness.measure.spawn import Worker, how_it_ended
from harness.measure.values import wrong_values
from harness.measure.watch import Instruments, Seen, Watch
from harness.measure.worker import name_of
from harness.observe.roofline import PRECISIONS
from harness.profile import Profile
from harness.record.schema import Record, VariablesRecord
from harness.suite import other_code
from harness.workload import Workload

CASE_LIMIT_S = 1800.0  # beyond the profile's own times: builds, accuracy
PEAKS_LIMIT_S = 120.0


@dataclass(frozen=True)
class Progressing:
    """Where a case stands, for whoever shows it."""

    stage: str
    what: str = ""
    done: int = 0
    total: int = 0


Listener = Callable[[Progressing], None]


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


@dataclass(frozen=True)
class Outcome:
    """How one worker process ended."""

    kind: str  # "result", "skipped", "failed"
    value: dict[str, Any]
    seen: Seen
    reason: str = ""
    warnings: tuple[str, ...] = ()  # of the work itself
    process: int = 0
    code: str = ""  # the digest of the code that the worker ran


@dataclass
class Runner:
    """Runs cases one after another."""

    settings: Settings
    instruments: Instruments = field(
        default_factory=lambda: Instruments(cache=cache_folder())
    )
    _peaks: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def run(self, workload: Workload, case: Case, listen: Listener) -> Record:
        """Measure one case; whatever goes wrong inside its worker is its record."""
        profile = self.settings.profile
        outcomes: list[Outcome] = []
        for process in range(profile.processes):
            outcome = self.one_process(workload, case, process, listen)
            if outcome.kind == "skipped":
                return skipped(workload, case, profile, outcome.reason)
            if outcome.kind == "failed":
                return failed(workload, case, profile, outcome)
            if wrong := wrong_values(outcome.value):
                return failed(workload, case, profile, replace(outcome, reason=wrong))
            outcomes.append(outcome)
            if "tta" in outcome.value:
                break  # a training is repeated with other seeds, as runs of their own
        peaks = self.peaks(case, listen)
        try:
            found = measured(workload, case, profile, outcomes, peaks)
            if _is_beyond_peak(found):
                peaks = self._second_look(case, listen)
                found = measured(workload, case, profile, outcomes, peaks)
        except ValidationError as error:
            reason = f"what was measured is no valid record: {error}"
            return failed(workload, case, profile, replace(outcomes[0], reason=reason))
        told = VariablesRecord(**asdict(self._variables(case)))
        return found.model_copy(update={"variables": told})

    def forget(self, case: Case) -> None:
        """Remove a case's checkpoints, once its record is safe."""
        shutil.rmtree(self._scratch(case), ignore_errors=True)

    def peaks(self, case: Case, listen: Listener) -> dict[str, Any]:
        """This hardware's measured peaks at the case's precision, taken once a run."""
        precision = precision_of(case.compression)
        key, hardware = (case.hardware, precision), Hardware.parse(case.hardware)
        if key not in self._peaks:
            listen(Progressing("roofline", precision))
            job = {"entry": "harness.observe.roofline:run_job", "precision": precision}
            outcome = self._work(job, case, "roofline", listen, PEAKS_LIMIT_S)
            self._peaks[key] = _of_all_devices(outcome, hardware)
        return {"precision": precision, **self._peaks[key]}

    def _second_look(self, case: Case, listen: Listener) -> dict[str, Any]:
        """Measure the peaks once more, for they cannot be so low; the higher count."""
        key = (case.hardware, precision_of(case.compression))
        before = self._peaks[key]
        if before.get("again"):
            return self.peaks(case, listen)
        del self._peaks[key]
        self.peaks(case, listen)
        best = max(before, self._peaks[key], key=lambda p: p.get("flops_per_s") or 0.0)
        self._peaks[key] = best | {"again": True}
        return self.peaks(case, listen)

    def one_process(
        self, workload: Workload, case: Case, process: int, listen: Listener
    ) -> Outcome:
        settings = self.settings
        scratch = self._scratch(case)
        if process == 0 and not settings.resume:
            shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True, exist_ok=True)
        job = {
            "entry": "harness.measure.worker:run_case",
            "claimed": precision_of(case.compression),
            "build": name_of(workload.build),
            "case_id": case.id,
            "profile": asdict(settings.profile),
            "seed": settings.seed,
            "process": process,
            "scratch_dir": str(scratch),
            "data_root": str(settings.data_root) if settings.data_root else None,
        }
        profile = settings.profile
        limit_s = (
            CASE_LIMIT_S
            + profile.training_budget_s
            + 10 * (profile.warmup_s + profile.timed_s)
        )
        name = f"{file_name(case)}-{process}"
        outcome = self._work(job, case, name, listen, limit_s)
        return replace(outcome, process=process)

    def _work(
        self,
        job: dict[str, Any],
        case: Case,
        name: str,
        listen: Listener,
        limit_s: float,
    ) -> Outcome:
        hardware = Hardware.parse(case.hardware)
        machine = self.settings.machine
        job |= {
            "hardware": case.hardware,
            "affinity": list(hardware.affinity(machine)),
            "threads": hardware.threads_on(machine),
        }
        logs = self.settings.work_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self.instruments.idle_watts(hardware)  # while nothing runs
        environment = self._environment(hardware)
        worker = Worker(job, environment, logs / f"{name}.log")
        watch = Watch(worker.pid, hardware, self.instruments)
        try:
            return _follow(worker, watch, listen, limit_s)
        finally:
            watch.close()
            worker.close()

    def _environment(self, hardware: Hardware) -> dict[str, str]:
        """Beside what a worker inherits."""
        settings = self.settings
        return {**hardware.environment(settings.machine), **settings.passed}

    def _variables(self, case: Case) -> Variables:
        hardware = Hardware.parse(case.hardware).environment(self.settings.machine)
        return variables(hardware, self.settings.passed)

    def _scratch(self, case: Case) -> Path:
        return self.settings.work_dir / "scratch" / file_name(case)


def _follow(worker: Worker, watch: Watch, listen: Listener, limit_s: float) -> Outcome:
    """Read a worker's messages to its end."""
    ended: dict[str, Any] | None = None
    warnings: list[str] = []
    try:
        for message in worker.messages(limit_s):
            kind = message["kind"]
            if kind == "stage":
                watch.enter(message["name"])
                listen(Progressing(message["name"]))
                worker.go_on()
            elif kind == "segment":
                spoiled = watch.segment(message["samples"])
                worker.answer(SPOILED if spoiled else "")
            elif kind == "progress":
                what, done, total = (message[key] for key in ("what", "done", "total"))
                listen(Progressing(watch.stage, what, done, total))
            elif kind == "warning":
                warnings.append(message["text"])
            else:
                ended = message
    except TimeoutError as error:
        stage = watch.stage
        worker.kill()
        reason = f"stage {stage}: {error}; killed"
        return Outcome("failed", {}, watch.close(), reason, tuple(warnings))
    seen = watch.close()
    status = worker.wait()
    if ended is None:
        reason = f"stage {seen.stage}: {how_it_ended(status, seen.last_rss_bytes)}"
        tail = worker.log_tail()
        reason += f"\n{tail}" if tail else ""
        return Outcome("failed", {}, seen, reason, tuple(warnings))
    if ended["kind"] == "result":
        code, told = ended["code"], tuple(warnings)
        if other := other_code(code):
            return Outcome("failed", {}, seen, other, told)
        return Outcome("result", ended["value"], seen, "", told, code=code["digest"])
    reason = ended["reason"]
    if ended["kind"] == "failed":
        reason = f"stage {seen.stage}: {reason}\n{ended['text']}"
    return Outcome(ended["kind"], {}, seen, reason, tuple(warnings))


def _is_beyond_peak(record: Record) -> bool:
    fraction = record.roofline.fraction_of_peak if record.roofline else None
    return fraction is not None and fraction > 1


def _of_all_devices(outcome: Outcome, hardware: Hardware) -> dict[str, Any]:
    """One device's peaks times their number."""
    if outcome.kind != "result":
        return {"reason": outcome.reason}
    count = len(hardware.devices)
    rates = {k: v for k, v in outcome.value.items() if k.endswith("_per_s") and v}
    return outcome.value | {name: rate * count for name, rate in rates.items()}


def precision_of(compression: str) -> str:
    """The arithmetic that a compression claims.

    "w16a8" multiplies integers, of 8 and 16 bits: int8 is the nearest claim.
    "int16-weights" claims none: it stores 16 bits a weight and multiplies in fp32.

    >>> precision_of("int8-static-keep-first"), precision_of("prune-l1-20")
    ('int8', 'fp32')
    >>> precision_of("prune-l1-20+int8-static"), precision_of("w16a8")
    ('int8', 'int8')
    """
    words = re.split("[+-]", compression)
    if "w16a8" in words:
        return "int8"
    return next((name for name in PRECISIONS if name in words), "fp32")


def file_name(case: Case) -> str:
    return case.id.replace("/", "_").replace(":", "-").replace(os.sep, "_")
