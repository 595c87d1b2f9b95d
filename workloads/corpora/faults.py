"""What is wrong with the files of a corpus: a few are left out, many are an error."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_FAULTY_SHARE = 0.01  # more than this and the copy is broken, not blemished
LISTED_FAULTS = 5

_log = logging.getLogger("speechmark")


@dataclass(frozen=True)
class Fault:
    """`reason` is one of few, to be counted; `where` names the file."""

    reason: str
    where: str


def report(faults: Sequence[Fault], sound: int, what: str, folder: Path) -> None:
    """Warn of faults, to the logger `speechmark`, that are few against the sound ones.

    `what` says of what there are so many, such as utterances. Raises ValueError where
    more than 1 % is faulty.
    """
    total = sound + len(faults)
    first = "; ".join(
        f"{fault.reason}: {fault.where}" for fault in faults[:LISTED_FAULTS]
    )
    found = f"{len(faults)} of {total} {what} of {folder} are faulty"
    if len(faults) > MAX_FAULTY_SHARE * total:
        raise ValueError(
            f"{found}, expected at most {MAX_FAULTY_SHARE:.0%}; the first are {first}: "
            "unpack the corpus anew"
        )
    if faults:
        _log.warning("%s and are left out; the first are %s", found, first)
