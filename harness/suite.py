"""The suite that runs: the folder of its code, a digest of what measures, and how other
processes import exactly it."""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from basics.files import file_sha256

SUITE = Path(__file__).resolve().parents[1]  # the folder this code was loaded from
ROOMS = ("benchmarks", "harness", "workloads")  # what every checkout of a suite has
PACKAGES = (*ROOMS, "basics")
# Code, and data that a package ships: weights, their descriptions, word lists.
SUFFIXES = (".py", ".safetensors", ".json", ".toml", ".txt")
# What only reads results, shows them, or measures what no result file holds. All else
# is in the digest: too much of it costs a repeated run, too little lets other code pass
# as the same.
LEFT_OUT = (
    "benchmarks/studies",  # a paper's questions, with files of their own
    "harness/ab",  # its samples go into files of its own, which name both commits
    "harness/beside",  # cases beside their runtimes' own tools; writes no record
    "harness/bridges/asv.py",  # asv keeps its own results, by commit and `version`
    "harness/bridges/cost.py",  # the bridge's cost, for `speechmark overhead`
    "harness/bridges/progress.py",  # what a person sees
    "harness/bridges/pytest_lines.py",  # what a person sees
    "harness/bridges/pytest_root.py",  # refuses a wrong root folder
    "harness/bridges/pytest_selection.py",  # which cases, and nothing of how
    "harness/bridges/pytest_table.py",  # whose table is printed
    "harness/cli.py",
    "harness/commands",  # plan a run, or look at the machine before it
    "harness/kernels_doctor.py",  # `speechmark doctor --kernels`; writes no record
    "harness/live.py",  # what a person sees
    "harness/measure/kernel_sweep.py",  # its workers
    "harness/measure/neighbour.py",  # disturbs a run on purpose, for trials
    "harness/measure/overhead.py",  # `speechmark overhead`, which writes no record
    "harness/measure/power.py",  # trials of the yardstick, for `speechmark overhead`
    "harness/measure/sensing.py",  # parts of the measuring, for `speechmark overhead`
    "harness/measure/tool_turns.py",  # the worker's side of `harness.beside`
    "harness/measure/turns.py",  # the worker's side of `ab`
    "harness/new_workload",  # writes code, and runs none
    "harness/onednn",  # reads logs and shows them; what records replay is in observe
    "harness/observe/doctor.py",  # advice before a run
    "harness/observe/kernel_sweep",  # what they run
    "harness/observe/look.py",  # what doctor judges
    "harness/record/host.py",  # a line over a result
    "harness/selection.py",  # the same of every command
    "harness/report",  # reads results, and shows them
)


def measuring_files(folder: Path = SUITE) -> Iterator[Path]:
    """Every file of the suite in `folder` on which a measured number may depend."""
    left_out = {folder / name for name in LEFT_OUT}
    for package in PACKAGES:
        for parent, folders, names in os.walk(folder / package):
            here = Path(parent)
            folders[:] = [name for name in folders if here / name not in left_out]
            paths = (here / name for name in names if name.endswith(SUFFIXES))
            yield from (path for path in paths if path not in left_out)


def file_digests(folder: Path = SUITE) -> dict[str, str]:
    """The first 16 hexadecimal digits of the SHA-256 of each measuring file, by its
    path under `folder`."""
    return {
        path.relative_to(folder).as_posix(): _file_digest(path)
        for path in sorted(measuring_files(folder))
    }


def _file_digest(path: Path) -> str:
    if path.suffix == ".py":  # git may write other line ends into another checkout
        content = path.read_bytes().replace(b"\r\n", b"\n")
        return hashlib.sha256(content).hexdigest()[:16]
    return file_sha256(path)[:16]


def digest_of(files: Mapping[str, str]) -> str:
    """One digest of what `file_digests` gave, 16 hexadecimal digits.

    >>> digest_of({"a": "1", "b": "2"}) == digest_of({"b": "2", "a": "1"})
    True
    """
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


@cache
def code_files() -> Mapping[str, str]:
    """This process's own, as they were when it first asked."""
    return file_digests()


def code_digest() -> str:
    """The digest of the code that measures here; equal digests are the same work."""
    return digest_of(code_files())


def loaded_elsewhere() -> list[str]:
    """The folders other than this suite's that modules of its packages came from."""
    folders = set()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in PACKAGES and file:
            path = Path(file).resolve()
            if SUITE not in path.parents:
                folders.add(str(path.parents[name.count(".") + _is_package(path)]))
    return sorted(folders)


def _is_package(path: Path) -> bool:
    return path.name == "__init__.py"


@dataclass(frozen=True)
class LoadedCode:
    """The code that a process runs: its suite's folder and digest, and the folders
    `elsewhere` that modules of its packages came from."""

    folder: str = ""
    digest: str = ""
    elsewhere: tuple[str, ...] = ()


def loaded() -> LoadedCode:
    """What a worker tells of the code that it runs."""
    return LoadedCode(str(SUITE), code_digest(), tuple(loaded_elsewhere()))


def other_code(worker: LoadedCode) -> str | None:
    """Why a worker's code is not this process's; None where it is."""
    if worker.folder != str(SUITE) or worker.elsewhere:
        folders = ", ".join(dict.fromkeys([worker.folder, *worker.elsewhere]))
        return (
            f"the worker ran code in {folders}, not the suite's in {SUITE} alone: "
            "unset PYTHONPATH, or install one suite in this environment"
        )
    if worker.digest != code_digest():
        return (
            f"the code in {SUITE} was changed during the run (digest {worker.digest} "
            f"in the worker, {code_digest()} when the run began): undo the change and "
            "go on with --resume, or start anew"
        )
    return None


def other_checkout(folder: Path) -> Path | None:
    """The checkout of a suite that `folder` lies in, where that is not this one."""
    for place in (folder.resolve(), *folder.resolve().parents):
        if all((place / name / "__init__.py").is_file() for name in ROOMS):
            return None if place == SUITE else place
    return None


def other_checkout_text(other: Path) -> str:
    """What to do about it."""
    return (
        f"{other} holds a suite, but this environment runs the one in {SUITE}: use "
        f"`python -m pytest` or `python -m harness.cli` there, or install it by `pip "
        f"install -e {other}`"
    )


def python_environment(
    folder: Path = SUITE, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The variables by which a Python and its children import the suite in `folder`,
    and nothing from their working folder: files there have any name.

    Of the user's PYTHONPATH stays what names a folder outright and holds no suite.
    """
    paths = [path for path in _python_path(environment) if not _holds_suite(path)]
    if str(folder) not in _site_folders():  # before the standard library it may hide it
        paths.insert(0, str(folder))
    return {"PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"}


def _python_path(environment: Mapping[str, str]) -> list[str]:
    paths = environment.get("PYTHONPATH", "").split(os.pathsep)
    return [path for path in paths if os.path.isabs(path)]


def _holds_suite(path: str) -> bool:
    return (Path(path) / "harness" / "__init__.py").is_file()


def _site_folders() -> set[str]:
    names = ("purelib", "platlib")
    return {str(Path(sysconfig.get_path(name)).resolve()) for name in names}
