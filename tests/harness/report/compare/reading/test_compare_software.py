"""Software and settings: never pooled over, and told beside the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from recorded import CASE, MACHINE, record, result_file, training

from harness.record.schema import Record
from harness.report.compare.assemble import Question, assemble
from harness.report.compare.model import Comparison, Difference
from harness.report.compare.reading.gather import Gathered, gather
from harness.report.compare.reading.software import Software, software, unlike
from harness.report.compare.shown.verdict import verdict
from harness.report.compare.terms import Terms

OLD = {"libraries": MACHINE["libraries"] | {"torch": "1.13.1"}}
ALLOCATOR = {"settings": {"LD_PRELOAD": "libtcmalloc.so"}}
THREE = ([0.5], [0.5], [0.5])


def files(folder: Path, *machines: dict[str, Any], host: str = "") -> list[str]:
    """A file for each, of the same case in other times."""
    return [
        f"{host + '=' if host else ''}"
        f"{result_file(folder / f'{n}.json', _record(n), machine=machine)}"
        for n, machine in enumerate(machines)
    ]


def _record(n: int) -> Record:
    return record(*([0.5 + n / 10] for _ in range(3)))


def labels(found: Gathered) -> list[str]:
    return [candidate.label for candidate in found.candidates]


@pytest.mark.parametrize(
    ("change", "stated"),
    [
        (OLD, ("torch 2.14.1", "torch 1.13.1")),
        (ALLOCATOR, ("LD_PRELOAD unset", "LD_PRELOAD libtcmalloc.so")),
        (
            {"settings": {"OMP_NUM_THREADS": "1"}},
            ("OMP_NUM_THREADS unset", "OMP_NUM_THREADS 1"),
        ),
        ({"torch_onednn": "2.7.3"}, ("torch_onednn 3.12.0", "torch_onednn 2.7.3")),
        ({"torch_blas": "open"}, ("torch_blas mkl", "torch_blas open")),
        (
            {"cpu_governor": "powersave"},
            ("cpu_governor performance", "cpu_governor powersave"),
        ),
        ({"cpu_turbo": False}, ("cpu_turbo on", "cpu_turbo off")),
        (
            {"python_version": "3.12.1"},
            ("python_version 3.11.7", "python_version 3.12.1"),
        ),
        ({"os_kernel": "6.2"}, ("os_kernel 6.1", "os_kernel 6.2")),
    ],
)
def test_runs_that_differ_are_candidates_of_their_own(
    tmp_path: Path, change: dict[str, Any], stated: tuple[str, str]
) -> None:
    known = {
        "torch_onednn": "3.12.0",
        "torch_blas": "mkl",
        "cpu_governor": "performance",
        "cpu_turbo": True,
        "os_kernel": "6.1",
    }
    given = files(tmp_path, known, known | change, known)
    found = gather(given)
    assert labels(found) == [f"alpha ({text})" for text in stated]
    assert [len(candidate.files) for candidate in found.candidates] == [2, 1]
    (warning,) = found.warnings
    assert warning == (
        "the 3 runs of alpha are not pooled but 2 candidates: they differ in "
        f"{stated[0].split()[0]}; --allow=software pools them"
    )
    assert labels(gather(given, pools_software=True)) == ["alpha"]


def test_what_a_run_does_not_tell_is_no_difference(tmp_path: Path) -> None:
    unknown = {"settings": None, "torch_version": None, "libraries": {}}
    assert labels(gather(files(tmp_path, {}, unknown, {"cpu_governor": None}))) == [
        "alpha"
    ]


def test_a_run_that_tells_little_joins_the_first_that_it_fits(tmp_path: Path) -> None:
    silent = {"settings": None, "torch_version": None, "libraries": {}}
    found = gather(files(tmp_path, {}, silent, OLD))
    assert [len(candidate.files) for candidate in found.candidates] == [2, 1]


def test_as_much_is_named_as_tells_candidates_apart(tmp_path: Path) -> None:
    assert labels(gather(files(tmp_path, {}, OLD, OLD | ALLOCATOR))) == [
        "alpha (torch 2.14.1, LD_PRELOAD unset)",
        "alpha (torch 1.13.1, LD_PRELOAD unset)",
        "alpha (torch 1.13.1, LD_PRELOAD libtcmalloc.so)",
    ]


def test_candidates_whose_shown_names_are_alike_are_still_two(tmp_path: Path) -> None:
    long = [{"settings": {"LD_PRELOAD": "x" * 100 + end}} for end in "ab"]
    one, other = labels(gather(files(tmp_path, *long)))
    assert other == one.removesuffix(")") + "; software 2)"


def test_hardware_settings_stand_before_the_software(tmp_path: Path) -> None:
    capped = Record.model_validate(
        record(*THREE).model_dump()
        | {
            "hardware": "cpu:threads=1",
            "case_id": CASE.id.replace("/cpu/", "/cpu:threads=1/"),
        }
    )
    paths = [
        str(result_file(tmp_path / f"{n}.json", _record(n), capped, machine=machine))
        for n, machine in enumerate(({}, OLD))
    ]
    assert labels(gather(paths)) == [
        "alpha cpu (torch 2.14.1)",
        "alpha cpu:threads=1 (torch 2.14.1)",
        "alpha cpu (torch 1.13.1)",
        "alpha cpu:threads=1 (torch 1.13.1)",
    ]


def compared(given: list[str]) -> Comparison:
    return assemble(Question(given, Terms(1.0, 4.0)), ())


def test_the_verdict_names_the_software_that_differs(tmp_path: Path) -> None:
    beta = {"host": "beta", "torch_threads": 64} | OLD | ALLOCATOR
    beta |= {"python_version": "3.12.1", "cpu_governor": "powersave"}
    alpha = {"torch_threads": 2, "cpu_governor": "performance"}
    found = compared(files(tmp_path, alpha, beta))
    assert found.software == (
        Difference("torch", {"alpha": "2.14.1", "beta": "1.13.1"}),
        Difference("LD_PRELOAD", {"alpha": "unset", "beta": "libtcmalloc.so"}),
        Difference("cpu_governor", {"alpha": "performance", "beta": "powersave"}),
        Difference("python_version", {"alpha": "3.11.7", "beta": "3.12.1"}),
    )
    assert verdict(found)[-1] == (
        "Software and settings differ too, and what is theirs in the speed is not told "
        "apart: torch is 2.14.1 on alpha, 1.13.1 on beta; LD_PRELOAD is unset on "
        "alpha, libtcmalloc.so on beta; cpu_governor is performance on alpha, "
        "powersave on beta, and 1 more differ."
    )


def test_a_verdict_over_the_same_software_has_no_such_reserve(tmp_path: Path) -> None:
    hosts = ({}, {"host": "beta", "torch_threads": 64, "cpu_microcode": "0x1"})
    assert not any(
        "oftware" in text for text in verdict(compared(files(tmp_path, *hosts)))
    )


def test_trainings_that_end_far_apart_are_stated(tmp_path: Path) -> None:
    def trained(value: float) -> Record:
        wer = {"value": value, "n": 50, "interval": [value - 0.05, value + 0.05]}
        targets = [(0.5, 9.0 + value, 3)]
        stated = {"metrics": {"wer": wer}, "reason": None}
        return training(2.0, targets=targets, accuracy=stated)

    paths = [
        str(result_file(tmp_path / f"{n}.json", trained(value), machine={"host": n}))
        for n, value in (("a", 0.2), ("b", 0.9))
    ]
    last = verdict(compared(paths))[-1]
    assert last.startswith("1 of the trainings ended at accuracies whose intervals")


def test_variables_count_where_they_are_known() -> None:
    none, some = Software({}, None), Software({}, {"OMP_NUM_THREADS": "1"})
    assert unlike([none, some]) == []
    assert unlike([Software({}, {}), some]) == ["OMP_NUM_THREADS"]
    assert software({"settings": {}}) == Software({}, {})
    assert software({}) == Software({}, None)
