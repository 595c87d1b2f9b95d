"""`speechmark doctor --kernels`: sweep, show, and say by the exit status."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from click.core import ParameterSource

from harness.hardware import Hardware, Machine, parse_all
from harness.live import live
from harness.measure.kernel_sweep import InWorkers
from harness.observe.kernel_sweep import report
from harness.observe.kernel_sweep.shapes import RUNTIMES, trials
from harness.observe.kernel_sweep.sweep import Listener, sweep
from harness.observe.software import libraries
from harness.report.tables.outputs import write_output

BUDGET_S = 100.0  # under two minutes, with the start of the last process
OPTIONS = {
    "results": "--results",
    "budget_s": "--budget-s",
    "hardware": "--hardware",
    "csv": "--csv",
    "parquet": "--parquet",
    "markdown": "--markdown",
}
OF_TABLES = {"results", "csv", "parquet", "markdown"}  # which --kernels does not print
Command = Callable[..., Any]


def kernel_options(command: Command) -> Command:
    """Adds them to `doctor`."""
    options = (
        click.option(
            "--kernels", is_flag=True, help="check kernels' values, in two minutes"
        ),
        click.option(
            "--budget-s",
            default=BUDGET_S,
            show_default=True,
            type=click.FloatRange(1.0, 86400.0),
            help="of --kernels: seconds that it may take",
        ),
        click.option(
            "--hardware",
            default="cpu",
            show_default=True,
            metavar="HW",
            help="of --kernels: cpu, or capped as cpu:threads=1",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def wants_kernels(context: click.Context) -> bool:
    """UsageError for an option that would do nothing."""
    given = {
        name
        for name in OPTIONS
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    wanted = bool(context.params["kernels"])
    idle = given & OF_TABLES if wanted else given - OF_TABLES
    if idle:
        names = ", ".join(sorted(OPTIONS[name] for name in idle))
        one = "with" if wanted else "without"
        raise click.UsageError(f"{names} does nothing {one} --kernels: leave it out")
    return wanted


def examine_kernels(
    machine: Machine,
    *,
    kernels: bool,
    budget_s: float,
    hardware: str,
    out: Path | None,
) -> int:
    """Exit status: 1 where something is wrong."""
    assert kernels
    parsed = _checked(hardware, machine)
    swept = {runtime: trials(runtime) for runtime in RUNTIMES}
    with TemporaryDirectory() as folder, _progress() as listen:
        run = InWorkers(machine, parsed, Path(folder))
        isas = () if parsed.isa else machine.isas
        found = sweep(swept, run, budget_s, isas, listen)
    for line in report.lines(found):
        click.echo(line)
    if out is not None:
        write_output(out, report.as_json(found, libraries(RUNTIMES)))
    if not found.checks and not found.is_bad:
        raise click.ClickException(
            "nothing was checked: install torch, onnxruntime or openvino, or raise "
            "--budget-s"
        )
    return int(found.is_bad)


def _checked(text: str, machine: Machine) -> Hardware:
    try:
        (hardware,) = parse_all([text], machine)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if hardware.is_cuda:
        raise click.UsageError(
            f"--hardware {text}: only the CPU's kernels are checked; leave it out"
        )
    return hardware


@contextmanager
def _progress() -> Iterator[Listener]:
    with live() as tell:
        yield lambda runtime, done, total: tell(
            f"{runtime}: shape {done} of {total}", done, total
        )
