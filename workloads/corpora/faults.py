"""What is wrong with the files of a corpus: a few are left out, many are an error."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_FAULTY_SHARE = 0.01  # more than this and the copy is broken, not blemished
LISTED_OF_A_KIND = 3

_log = logging.getLogger("speechmark")


class AbsentError(ValueError):
    """A folder holds nothing of the corpus that is looked for: nothing is wrong with
    it, it is another one."""


@dataclass(frozen=True)
class Fault:
    """`reason` is one of few, to be counted; `where` names the file."""

    reason: str
    where: str


def report(
    faults: Sequence[Fault],
    sound: int,
    what: str,
    folder: Path,
    remedy: str = "unpack the corpus anew",
) -> None:
    """Warn of faults, to the logger `speechmark`, that are few against the sound ones.

    `what` says of what there are so many, such as utterances. Raises ValueError where
    more than 1 % is faulty. Either lists every kind of fault, with its first ones.
    """
    total = sound + len(faults)
    found = f"{len(faults)} of {total} {what} of {folder} are faulty"
    if len(faults) > MAX_FAULTY_SHARE * total:
        raise ValueError(
            f"{found}, expected at most {MAX_FAULTY_SHARE:.0%}: {_by_kind(faults)}: "
            f"{remedy}"
        )
    if faults:
        _log.warning("%s and are left out: %s", found, _by_kind(faults))


def _by_kind(faults: Sequence[Fault]) -> str:
    """How many there are of each kind, and where the first of them are.

    >>> _by_kind([Fault("empty", "a.wav"), Fault("unreadable", "b.wav")])
    '1 empty: a.wav; 1 unreadable: b.wav'
    """
    kinds: dict[str, list[str]] = {}
    for fault in faults:
        kinds.setdefault(fault.reason, []).append(fault.where)
    return "; ".join(
        f"{len(places)} {reason}: {', '.join(_first_of(places))}"
        for reason, places in kinds.items()
    )


def _first_of(places: Sequence[str]) -> list[str]:
    more = ["..."] if len(places) > LISTED_OF_A_KIND else []
    return [*places[:LISTED_OF_A_KIND], *more]
