"""Which cases each state has, as its own code declares them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Iterator, Sequence

from harness.ab.comparison import Comparison
from harness.ab.states import State
from harness.environment import inherited
from harness.plan import Planned
from harness.selection import Selection
from harness.suite import python_environment

LIMIT_S = 120.0
UNKNOWN = (
    "both states have it, the suite that compares them does not: run `speechmark ab` "
    "from a checkout of one of them"
)
# Lists the ids of a profile's cases on one hardware; the code is that of the folder.
LISTING = """
import json, sys
sys.path.insert(0, sys.argv[1])
from harness.plan import discover, plan
planned = plan(discover(), sys.argv[2], [sys.argv[3]])
print(json.dumps([one.case.id for one in planned]))
"""


class UnlistedError(Exception):
    """A state's code does not list its cases; the text says why."""


def declared(state: State, profile: str, hardware: str) -> list[str]:
    """The ids of a state's cases. UnlistedError where its code cannot tell."""
    folder = str(state.suite.folder)
    command = [state.suite.interpreter, "-P", "-c", LISTING, folder, profile, hardware]
    environment = {**inherited(), **python_environment(state.suite.folder)}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            timeout=LIMIT_S,
            env=environment,
        )
        return list(json.loads(done.stdout))
    except subprocess.CalledProcessError as error:
        last = " ".join(error.stderr.strip().splitlines()[-1:])
        raise UnlistedError(last or f"exit status {error.returncode}") from None
    except (subprocess.SubprocessError, OSError, json.JSONDecodeError) as error:
        raise UnlistedError(str(error)) from None


def in_both(
    cases: Sequence[Planned], a: Collection[str] | None, b: Collection[str] | None
) -> list[Planned]:
    """Those of the cases that neither state is known to lack."""
    return [
        planned
        for planned in cases
        if all(ids is None or planned.case.id in ids for ids in (a, b))
    ]


def beside_them(
    known: Collection[str],
    a: Collection[str] | None,
    b: Collection[str] | None,
    selection: Selection,
) -> Iterator[Comparison]:
    """A comparison without rounds for each case that cannot be run in both states: new
    in B; gone in B, which is a regression; or not among the `known`, those of the suite
    that compares."""
    if a is None or b is None:
        return
    for case_id in [*a, *(one for one in b if one not in set(a))]:
        if not selection.takes(case_id):
            continue
        if case_id not in a:
            yield Comparison(case_id, status="skipped", reason="new in B")
        elif case_id not in b:
            yield Comparison(case_id, status="failed", reason="gone in B")
        elif case_id not in known:
            yield Comparison(case_id, status="skipped", reason=UNKNOWN)
