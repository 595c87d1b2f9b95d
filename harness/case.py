"""A case: one point in model x compression x runtime x hardware x batch size.

Its id holds every axis and nothing that depends on the machine, so that the same id
means the same work everywhere: it is the pytest id and the key in result files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from harness.text import quoted

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
LONGEST_ID = 500
_SIZE = "[1-9][0-9]{0,8}"  # of a batch
_HARDWARE = re.compile(r"[a-z0-9][a-z0-9_:=,]*")  # harness.hardware knows which exist
# The one option that is the harness's own: so many workers at once, on as many parts of
# the machine.
INSTANCES = "instances"
_SEVERAL = "[2-9]|[1-9][0-9]{1,5}"

Options = tuple[tuple[str, str], ...]


def instances_of(options: Options) -> int | None:
    """How many workers run at once; None of a case that runs alone.

    >>> instances_of((("beam", "4"), ("instances", "8"))), instances_of(())
    (8, None)
    """
    found = dict(options).get(INSTANCES)
    return None if found is None else int(found)


def without_instances(options: Options) -> Options:
    """What is left for the workload.

    >>> without_instances((("beam", "4"), ("instances", "8")))
    (('beam', '4'),)
    """
    return tuple(pair for pair in options if pair[0] != INSTANCES)


@dataclass(frozen=True, order=True)
class Case:
    """One benchmark case.

    `options` are the workload's own parameters beyond the five axes (beam width,
    reader count, ...), as (name, value) pairs in the order in which the id shows them.
    """

    workload: str
    model: str
    compression: str
    runtime: str
    hardware: str
    batch_size: int
    options: Options = ()

    def __post_init__(self) -> None:
        names = (self.workload, self.model, self.compression, self.runtime)
        for word in (*names, *(part for pair in self.options for part in pair)):
            if not _WORD.fullmatch(word):
                raise ValueError(
                    f"{quoted(word)} cannot stand in a case id: expected letters, "
                    "digits and '_', '.', '+', '-', beginning with a letter or digit"
                )
        if not _HARDWARE.fullmatch(self.hardware):
            raise ValueError(
                f"hardware {quoted(self.hardware)} cannot stand in a case id: expected "
                "the likes of 'cpu', 'cpu:threads=1' or 'cuda:0'"
            )
        shown = quoted(self.id)
        if len(self.id) > LONGEST_ID:
            raise ValueError(
                f"case id {shown} has {len(self.id)} characters: expected at most "
                f"{LONGEST_ID}"
            )
        if len({name for name, _ in self.options}) < len(self.options):
            raise ValueError(f"{shown} gives an option twice: expected each once")
        several = dict(self.options).get(INSTANCES)
        if several is not None and not re.fullmatch(_SEVERAL, several):
            raise ValueError(
                f"instances={several} in {shown}: expected a whole number from 2 to "
                "999999; a case without this option is one instance"
            )
        if not re.fullmatch(_SIZE, str(self.batch_size)):
            raise ValueError(
                f"batch size {self.batch_size} in {shown}: expected 1 to 999999999"
            )

    @property
    def id(self) -> str:
        """The stable id.

        >>> Case("asr-training", "ds2-small", "bf16", "eager", "cpu", 32).id
        'asr-training/ds2-small/bf16/eager/cpu/b32'
        >>> Case("asr-decoding", "ds2-small", "fp32", "eager", "cpu", 1,
        ...      (("beam", "16"),)).id
        'asr-decoding/ds2-small/fp32/eager/cpu/b1/beam=16'
        """
        axes = (self.workload, self.model, self.compression, self.runtime)
        options = "".join(f"/{name}={value}" for name, value in self.options)
        return "/".join((*axes, self.hardware, f"b{self.batch_size}")) + options

    def option(self, name: str) -> str:
        """The value of one option; KeyError when the case has none of that name."""
        return dict(self.options)[name]

    @property
    def instances(self) -> int | None:
        """How many workers run at once; None of a case that runs alone."""
        return instances_of(self.options)

    @property
    def of_one_instance(self) -> Case:
        """What each of several workers runs.

        >>> Case("a", "m", "fp32", "eager", "cpu", 1,
        ...      (("instances", "2"),)).of_one_instance.id
        'a/m/fp32/eager/cpu/b1'
        """
        return replace(self, options=without_instances(self.options))

    @classmethod
    def parse(cls, case_id: str) -> Case:
        """The case of an id; ValueError says which part is wrong.

        >>> Case.parse("a/m/fp32/eager/cpu:threads=1/b2/beam=4").option("beam")
        '4'
        """
        parts = case_id.split("/")
        if len(parts) < 6 or not re.fullmatch(f"b{_SIZE}", parts[5]):
            raise ValueError(
                f"case id {quoted(case_id)}: expected workload/model/compression/"
                "runtime/hardware/b<batch size>[/option=value ...]"
            )
        if wrong := [part for part in parts[6:] if part.count("=") != 1]:
            raise ValueError(
                f"case id {quoted(case_id)}: {quoted(wrong[0])} is not option=value"
            )
        options = tuple(part.partition("=")[::2] for part in parts[6:])
        workload, model, compression, runtime, hardware = parts[:5]
        return cls(
            workload, model, compression, runtime, hardware, int(parts[5][1:]), options
        )
