"""Whose result a file is: machines by name, and whether a name stands for one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from harness.record.result import Header, ResultError
from harness.text import plain, plain_path, quoted

LONGEST_NAME = 40
# What a machine keeps over its runs. Where one run does not know it, it tells nothing.
LASTING = (
    *("cpu_model", "cpu_vendor", "cpu_family", "cpu_model_number", "cpu_stepping"),
    *("cpu_architecture", "cpu_sockets", "cpu_cores_physical", "cpu_cores_logical"),
    *("cpu_cores_allowed", "cpu_isa", "container_cpu_limit_cores"),
)
MEMORY = "memory_total_bytes"
MEMORY_TOLERANCE = 0.05  # another kernel keeps another part for itself


def host_of(header: Header) -> str:
    """The machine's name in its fingerprint, else that of the file."""
    host = header.machine.get("host")
    if host is not None and not isinstance(host, str):
        raise ResultError(
            f"{plain_path(header.path)}: machine_info.speechmark.host: expected a text "
            f"(found {quoted(host, 80)}); name the machine, as NAME=FILE"
        )
    return host or header.path.stem


def shown_names(names: Sequence[str]) -> dict[str, str]:
    """Names as they are shown: without controls, short, and no two alike.

    >>> shown_names(["a", "x" * 50, "x" * 60])["x" * 60][-6:]
    'xx (2)'
    """
    shown: dict[str, str] = {}
    for name in dict.fromkeys(names):
        base = found = plain(name, LONGEST_NAME).strip() or "?"
        number = 1
        while found in shown.values():
            number += 1
            mark = f" ({number})"
            found = base[: LONGEST_NAME - len(mark)] + mark
        shown[name] = found
    return shown


def check_one_machine(name: str, headers: Sequence[Header]) -> list[str]:
    """Raise ValueError where files of one name are of two machines; else warnings."""
    for one, other in combinations(headers, 2):
        if unlike := _unlike(one, other):
            fact, a, b = unlike[0]
            raise ValueError(
                f"{plain(name, LONGEST_NAME)!r} is two machines: {fact} is "
                f"{quoted(a, 100)} in {plain_path(one.path)}, but {quoted(b, 100)} in "
                f"{plain_path(other.path)}; give each machine a name of its own, as "
                "NAME=FILE"
            )
    known = (header.machine.get("host") for header in headers)
    hosts = dict.fromkeys(str(host or "unknown") for host in known)
    if len(hosts) == 1:
        return []
    listed = ", ".join(repr(plain(host, LONGEST_NAME)) for host in hosts)
    shown = plain(name, LONGEST_NAME)
    return [
        f"{shown!r} is taken as one machine, as it is named: its hosts are {listed}"
    ]


def _unlike(one: Header, other: Header) -> list[tuple[str, Any, Any]]:
    """The lasting facts, known in both, in which two files differ."""
    facts = [*((fact, *_both(one, other, fact)) for fact in LASTING)]
    facts.append(("gpu_devices", _gpu_names(one), _gpu_names(other)))
    unlike = [fact for fact in facts if None not in fact and fact[1] != fact[2]]
    a, b = _both(one, other, MEMORY)
    known = isinstance(a, int | float) and isinstance(b, int | float)
    if known and abs(a - b) > MEMORY_TOLERANCE * max(abs(a), abs(b)):
        unlike.append((MEMORY, a, b))
    return unlike


def _both(one: Header, other: Header, fact: str) -> tuple[Any, Any]:
    return one.machine.get(fact), other.machine.get(fact)


def _gpu_names(header: Header) -> list[Any] | None:
    devices = header.machine.get("gpu_devices")
    if not isinstance(devices, list):
        return None
    return [gpu.get("name") if isinstance(gpu, dict) else gpu for gpu in devices]
