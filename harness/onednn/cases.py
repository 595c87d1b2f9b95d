"""The step of one of the suite's cases, in this process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import profile as profiles
from harness.hardware import Hardware
from harness.observe.onednn.replay.turns import Tell
from harness.plan import Planned, discover, plan
from harness.run_session import this_machine
from harness.workload import Context


def planned_case(case_id: str, profile: str) -> Planned:
    """ValueError where the profile has no such case."""
    hardware = _hardware_of(case_id)
    found = plan(discover(), profile, [hardware])
    for one in found:
        if one.case.id == case_id:
            return one
    like = [one.case.id for one in found if _alike(one.case.id, case_id)][:5]
    raise ValueError(
        f"the profile {profile} has no case {case_id}"
        + (
            f": did you mean {', '.join(like)}?"
            if like
            else "; `speechmark plan` lists them"
        )
    )


def _hardware_of(case_id: str) -> str:
    parts = [part for part in case_id.split("/") if part.startswith("cpu")]
    if not parts:
        raise ValueError(
            f"{case_id!r} is no case on a CPU: expected an id of `speechmark plan`, "
            "such as wav2letter/wav2letter-small/fp32/eager/cpu/b1"
        )
    return parts[0]


def _alike(one: str, other: str) -> bool:
    return one.split("/")[0] == other.split("/")[0]


def variables_of(case_id: str) -> dict[str, str]:
    """What the environment of a worker of this case has, and this program's needs from
    its start. ValueError where its hardware is not here."""
    machine = this_machine()
    hardware = Hardware.parse(_hardware_of(case_id))
    if missing := hardware.missing_on(machine):
        raise ValueError(f"{case_id}: {missing}")
    return hardware.environment(machine)


@contextmanager
def step_of(
    planned: Planned, profile: str, tell: Tell
) -> Iterator[Callable[[], object]]:
    """What the case times, or a representative step of a training. It is built here
    and not in a worker, because replays run beside it: `variables_of` it have to be
    set, and no library of threads loaded yet."""
    hardware = Hardware.parse(planned.case.hardware)
    os.sched_setaffinity(0, hardware.affinity(this_machine()))
    with tempfile.TemporaryDirectory() as folder:
        context = Context(
            case=planned.case,
            profile=profiles.find(profile),
            hardware=hardware,
            seed=0,
            scratch_dir=Path(folder),
            data_root=None,
            progress=lambda *parts: tell(" ".join(map(str, parts))),
        )
        built = planned.workload.build(context)
        try:
            yield built.step
        finally:
            built.close()
