"""Whoever reads the yardstick takes the CPUs of a run's workers: the best of others
lies in another file."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from harness import cli
from harness.ab import command
from harness.commands import doctor, overhead
from harness.hardware import Hardware, Machine
from harness.measure.watch import Instruments
from harness.observe import host_speed
from harness.observe.host_speed import HostSpeed

# Two cores of two threads: a case takes one thread of each.
SMT = Machine(cpus=(0, 2, 1, 3), isas=(), cuda_devices=0, threads=2)


class AskedError(Exception):
    """Instead of the reading itself."""


@pytest.fixture
def asked(monkeypatch):
    """The CPUs that the first asker of a host's speed takes, of `speechmark` so."""
    monkeypatch.setattr(host_speed, "cores_first", tuple)
    taken = []

    def of_this_machine(cpus, cache):
        taken.append(host_speed.yardstick_cpus(cpus))
        raise AskedError

    monkeypatch.setattr(HostSpeed, "of_this_machine", of_this_machine)
    for module in (doctor, overhead, command):
        monkeypatch.setattr(module, "this_machine", lambda: SMT)
    monkeypatch.setattr(doctor, "fingerprint", lambda: {})
    for name in ("measure", "measure_showing"):
        monkeypatch.setattr(overhead, name, lambda *_: {})
    states = SimpleNamespace(
        chosen_cases=lambda *_: [],
        checked_out=lambda *_: nullcontext(("a", "b")),
        lock_difference=lambda *_: None,
        declared=lambda *_: {},
        beside_them=lambda *_: [],
    )
    for name, instead in vars(states).items():
        monkeypatch.setattr(command, name, instead)

    def ask(*arguments):
        result = CliRunner().invoke(cli.main, arguments)
        assert isinstance(result.exception, AskedError), result.output
        return taken.pop()

    def of_a_run(hardware):
        with pytest.raises(AskedError):
            Instruments().host_of(set(Hardware.parse(hardware).affinity(SMT)))
        return taken.pop()

    return SimpleNamespace(by=ask, by_a_run=of_a_run)


@pytest.mark.parametrize("quota", [None, 1.5])
@pytest.mark.parametrize(
    ("hardware", "command_line"),
    [
        ("cpu", ["doctor"]),
        ("cpu", ["overhead"]),
        ("cpu", ["ab", ".", "."]),
        ("cpu:threads=1", ["overhead", "--hardware", "cpu:threads=1"]),
        ("cpu:threads=1", ["ab", ".", ".", "--hardware", "cpu:threads=1"]),
    ],
)
def test_every_command_reads_the_yardstick_of_a_runs_workers(
    asked, monkeypatch, tmp_path, quota, hardware, command_line
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(host_speed, "cpu_quota_cores", lambda: quota)
    assert asked.by(*command_line) == asked.by_a_run(hardware)


def test_a_quota_leaves_the_yardstick_one_thread_of_a_core(monkeypatch):
    """CPUs 0 and 1 are one core's: as a set, which an affinity is, they come first."""
    monkeypatch.setattr(host_speed, "cores_first", lambda cpus: (0, 2, 1, 3))
    monkeypatch.setattr(host_speed, "cpu_quota_cores", lambda: 2.0)
    assert host_speed.yardstick_cpus({0, 1, 2, 3}) == (0, 2)
