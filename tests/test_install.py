"""What `make` installs where: the locks over Pythons and processors, and its steps."""

import os
import re
import stat
import subprocess
import sys
import tomllib
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK, OPTIONAL = ROOT / "requirements.lock", ROOT / "requirements-optional.lock"
PYTHONS = ("3.11.0", "3.11.9", "3.12.0", "3.13.5", "3.14.0")
MACHINES = ("x86_64", "aarch64")
EVERYWHERE = list(product(PYTHONS, MACHINES))


def environment(python, machine):
    return {
        "python_version": python.rpartition(".")[0],
        "python_full_version": python,
        "platform_machine": machine,
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }


def applying(lines, python, machine):
    """The requirements among lines that a Python on a processor has."""
    found = [Requirement(line) for line in lines]
    there = environment(python, machine)
    return [r for r in found if r.marker is None or r.marker.evaluate(there)]


def pinned(lock, python, machine):
    return {
        canonicalize_name(one.name): one.specifier
        for one in applying(lock.read_text().splitlines(), python, machine)
    }


def versions(specifier):
    return [one.version for one in specifier]


@pytest.mark.parametrize(("python", "machine"), EVERYWHERE)
def test_the_lock_pins_what_the_project_needs_on_each_python_and_processor(
    python, machine
):
    pins = pinned(LOCK, python, machine)
    needed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    for one in applying(needed, python, machine):
        (version,) = versions(pins[canonicalize_name(one.name)])
        assert one.specifier.contains(version), one


@pytest.mark.parametrize(("python", "machine"), EVERYWHERE)
def test_what_is_optional_stands_in_a_lock_of_its_own(python, machine):
    pins, optional = (pinned(lock, python, machine) for lock in (LOCK, OPTIONAL))
    assert not pins.keys() & optional.keys()
    extras = PROJECT["optional-dependencies"]
    for one in applying([*extras["runtimes"], *extras["asv"]], python, machine):
        (version,) = versions(optional[canonicalize_name(one.name)])
        assert one.specifier.contains(version), one
    has_wheels = python.startswith(("3.11", "3.12"))
    assert ("flashlight-text" in optional) is has_wheels


@pytest.mark.parametrize("lock", [LOCK, OPTIONAL], ids=lambda lock: lock.name)
def test_a_lock_has_exactly_one_version_of_each_package_everywhere(lock):
    lines = lock.read_text().splitlines()
    for python, machine in EVERYWHERE:
        found = applying(lines, python, machine)
        assert len({canonicalize_name(one.name) for one in found}) == len(found)
        assert all(re.fullmatch(r"==[\w.]+", str(one.specifier)) for one in found)


def test_the_pythons_that_are_declared_are_those_that_are_locked():
    supported = SpecifierSet(PROJECT["requires-python"])
    declared = [
        text.rpartition(" ")[2]
        for text in PROJECT["classifiers"]
        if re.search(r":: 3\.\d+$", text)
    ]
    assert declared == ["3.11", "3.12", "3.13", "3.14"]
    assert [f"3.{n}" for n in range(30) if supported.contains(f"3.{n}.0")] == declared
    check = (ROOT / ".ci" / "check-lock").read_text()
    assert f"for python in {' '.join(declared)};" in check
    assert all(f"{machine}-manylinux" in check for machine in MACHINES)


def interpreter(path, text):
    """A program in place of Python's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def make(python, folder):
    """`make` up to a filled environment, in a checkout that has the locks alone."""
    for name in ("Makefile", "pyproject.toml", LOCK.name, OPTIONAL.name):
        (folder / name).write_text((ROOT / name).read_text())
    command = ["make", f"PYTHON={python}", "VENV=env", "env/installed"]
    quiet = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, check=False, env=quiet
    )


@pytest.mark.parametrize(
    ("patch", "found"),
    [
        ("sys.version_info = (3, 10, 4)", "this is Python 3.10 on Linux on "),
        ("sys.version_info = (3, 15, 0)", "this is Python 3.15 on Linux on "),
        ("platform.system = lambda: 'Darwin'", " on Darwin on "),
        ("platform.machine = lambda: 'riscv64'", " on Linux on riscv64"),
    ],
)
def test_another_python_or_machine_is_refused_before_anything_is_installed(
    tmp_path, patch, found
):
    program = f"import platform, sys; {patch}; exec(sys.argv[-1])"
    python = interpreter(
        tmp_path / "python", f'exec "{sys.executable}" -c "{program}" "$@"'
    )
    done = make(python, tmp_path)
    assert done.returncode != 0
    assert "Python 3.11 to 3.14 on Linux on x86-64 or aarch64" in done.stderr
    assert found in done.stderr
    assert not (tmp_path / "env").exists()


@pytest.mark.parametrize("missing", ["", "openvino", "asv"])
def test_what_cannot_be_installed_of_the_optional_is_left_out_and_named(
    tmp_path, missing
):
    """pip is played: it fails where it is asked for the package that is missing."""
    refuses = (
        f"grep -q '^{missing}==' requirements-optional.lock" if missing else "false"
    )
    pip = interpreter(
        tmp_path / "played",
        f"""echo "$@" >> pip.log
case "$*" in
*requirements-optional.lock*) if {refuses}; then exit 1; fi ;;
*" {missing or "nothing"}=="*) exit 1 ;;
esac""",
    )
    python = interpreter(
        tmp_path / "python",
        f'[ "$1" = -c ] && exec "{sys.executable}" "$@"\n'
        f"mkdir -p env/bin && cp {pip} env/bin/python",
    )
    done = make(python, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "env" / "installed").exists()
    said = re.findall("left out: ([a-z0-9-]+)==", done.stdout)
    assert said == ([missing] if missing else [])
    asked = (tmp_path / "pip.log").read_text()
    assert asked.startswith("-m pip install --quiet --requirement requirements.lock\n")
    assert asked.endswith("--no-deps --editable .\n")
    alone = re.findall(r"--no-deps ([a-z0-9-]+)==", asked)
    lines = OPTIONAL.read_text().splitlines()
    assert alone == ([line.partition("==")[0] for line in lines] if missing else [])


def test_a_required_package_that_cannot_be_installed_fails(tmp_path):
    pip = interpreter(tmp_path / "played", "exit 1")
    python = interpreter(
        tmp_path / "python",
        f'[ "$1" = -c ] && exec "{sys.executable}" "$@"\n'
        f"mkdir -p env/bin && cp {pip} env/bin/python",
    )
    assert make(python, tmp_path).returncode != 0
    assert not (tmp_path / "env" / "installed").exists()
