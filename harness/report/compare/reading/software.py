"""Software and settings that a run belongs to: they make a machine faster or slower,
and are no part of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report.compare.model import Candidate, Difference
from harness.text import plain

UNSET = "unset"
MOST_NAMES, LONGEST_VARIANT = 3, 60  # of what a candidate is known by
# Of a fingerprint; besides its `libraries`, its `settings` and all of `torch_*`.
LINES = (
    *("cpu_governor", "cpu_turbo", "cpu_smt", "cpu_frequency_driver", "cpu_microcode"),
    *("memory_transparent_huge_pages", "gpu_driver", "python_version", "os_kernel"),
    *("os_distribution",),
)
# What decides over speed comes first: what computes, then settings, then the system.
FIRST = (
    *("torch", "torch_version", "onnxruntime", "onnxruntime-gpu", "openvino"),
    *("intel-extension-for-pytorch", "torchao", "triton", "torch_onednn", "onednn"),
    *("torch_onednn_commit", "torch_mkl", "mkl", "torch_blas", "torch_cuda"),
    *("torch_cudnn", "torch_openmp", "torch_compiler"),
)
SYSTEM = (*LINES, "numpy", "scipy")
# What other hardware alone makes different: two machines cannot but differ in it.
OF_HARDWARE = (
    *("torch_cpu_capability", "torch_threads", "torch_interop_threads"),
    *("cpu_microcode", "cpu_smt", "cpu_frequency_driver"),
)


@dataclass(frozen=True)
class Software:
    """Versions and settings as texts, by name; what is not known is not among them.
    `variables` are None where a file does not tell them: then an absent one may have
    been set."""

    versions: Mapping[str, str]
    variables: Mapping[str, str] | None

    def value(self, name: str) -> str | None:
        if name in self.versions:
            return self.versions[name]
        if self.variables is None or name not in self.variables:
            return None
        return self.variables[name]


def software(fingerprint: Mapping[str, Any]) -> Software:
    libraries = fingerprint.get("libraries")
    variables = fingerprint.get("settings")
    known = {n: v for n, v in fingerprint.items() if n in LINES or _is_torchs(n)}
    named = dict(libraries) if isinstance(libraries, Mapping) else {}
    return Software(
        {name: _text(v) for name, v in (named | known).items() if v is not None},
        {name: _text(v) for name, v in variables.items()}
        if isinstance(variables, Mapping)
        else None,
    )


def _is_torchs(name: str) -> bool:
    return name.startswith("torch_")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def unlike(found: Sequence[Software]) -> list[str]:
    """Names in which any two differ that both know, the most important first.

    >>> one = Software({"torch": "2", "numpy": "2"}, {})
    >>> unlike([one, Software({"torch": "1"}, {"LD_PRELOAD": "x.so"})])
    ['torch', 'LD_PRELOAD']
    """
    versions = {name for one in found for name in one.versions}
    variables = {name for one in found for name in one.variables or ()}
    names = sorted(versions | variables, key=lambda name: _rank(name, variables))
    return [name for name in names if len(set(values(name, found).values())) > 1]


def values(name: str, found: Sequence[Software]) -> dict[int, str]:
    """What those that know it have, by their place. A variable that none of a run's is
    was not set."""
    is_variable = any(name in (one.variables or ()) for one in found)
    known = {}
    for place, one in enumerate(found):
        value = one.value(name)
        if value is None and is_variable and one.variables is not None:
            value = UNSET
        if value is not None:
            known[place] = value
    return known


def _rank(name: str, variables: set[str]) -> tuple[int, int, str]:
    if name in FIRST:
        return 0, FIRST.index(name), name
    if name in variables:
        return 1, 0, name
    return (2, SYSTEM.index(name), name) if name in SYSTEM else (3, 0, name)


def grouped(found: Sequence[Software]) -> list[int]:
    """The number of the group of each, counted from 0: the first group in which it is
    unlike none."""
    groups: list[list[Software]] = []
    numbers = []
    for one in found:
        fits = (n for n, group in enumerate(groups) if not unlike([*group, one]))
        number = next(fits, len(groups))
        if number == len(groups):
            groups.append([])
        if one not in groups[number]:
            groups[number].append(one)
        numbers.append(number)
    return numbers


def differing_software(candidates: Sequence[Candidate]) -> Iterator[Difference]:
    """In what the candidates' software and settings differ, the most important first,
    without what follows from their hardware."""
    found = [software(candidate.fingerprint) for candidate in candidates]
    names = [name for name in unlike(found) if name not in OF_HARDWARE]
    for name in names:
        if name == "torch_version" and "torch" in names:
            continue  # the same once more, with its build
        texts = {candidates[n].label: plain(v) for n, v in values(name, found).items()}
        yield Difference(plain(name), texts)


def variants(found: Sequence[Software]) -> list[str]:
    """What tells each from those of other groups; empty texts where there is but one.

    >>> two = [Software({"torch": v, "numpy": "2"}, None) for v in ("1.13", "2.14")]
    >>> variants(two), variants(two[:1])
    (['torch 1.13', 'torch 2.14'], [''])
    """
    numbers = grouped(found)
    count = max(numbers, default=0) + 1
    if count == 1:
        return [""] * len(found)
    of_groups: list[list[str]] = [[] for _ in range(count)]
    for name in unlike(found)[:MOST_NAMES]:
        by_group = {numbers[n]: text for n, text in values(name, found).items()}
        for number, texts in enumerate(of_groups):
            texts.append(f"{name} {by_group.get(number, 'unknown')}")
        if len(set(map(tuple, of_groups))) == count:
            break
    texts = [plain(", ".join(one), LONGEST_VARIANT) for one in of_groups]
    for number, text in enumerate(texts):
        if text in texts[:number]:
            texts[number] = f"{text}; software {number + 1}"
    return [texts[number] for number in numbers]
