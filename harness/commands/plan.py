"""The command `speechmark plan`."""

from __future__ import annotations

from pathlib import Path

import click

from harness import profile as profiles
from harness.commands import WIDTH
from harness.expectations import Expectations
from harness.files import cache_folder
from harness.hardware import parse_all
from harness.plan import discover
from harness.plan import plan as plan_cases
from harness.report.plan import DECLARED, plan_table, rests_on
from harness.report.tables.outputs import Outputs, table_outputs, usage_errors
from harness.report.tables.terminal import console_of, print_line, print_table
from harness.run_session import this_machine
from harness.selection import Selection, selecting
from harness.workload_files import name_files


@click.command()
@click.option("--profile", default="quick", show_default=True, help="how much work")
@click.option(
    "--hardware", multiple=True, default=["cpu"], show_default=True, metavar="HW"
)
@selecting
@click.option(
    "--workload",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE.py",
    help="a file that declares WORKLOADS beside the suite's own",
)
@click.option(
    "--declared",
    is_flag=True,
    help="the times that workloads declare for two cores of an AMD EPYC, not those "
    "that are expected here",
)
@table_outputs()
def plan(
    profile: str,
    hardware: tuple[str, ...],
    selection: Selection,
    files: tuple[Path, ...],
    declared: bool,
    outputs: Outputs,
) -> None:
    """List the cases that a run would measure, and how long each should take here."""
    with usage_errors():
        name_files(files)
        chosen_profile = profiles.find(profile)
        machine = this_machine()
        parse_all(hardware, machine)
        outputs.check()
    cases = plan_cases(discover(), profile, hardware)
    with usage_errors():
        chosen = selection.of(cases, lambda one: one.case.id, profile)
    lines = [DECLARED]
    if not declared:
        here = Expectations.here(chosen_profile, machine, 0, cache_folder())
        chosen, lines = here.planned(chosen), rests_on(chosen, here)
    table, console = plan_table(chosen), console_of(WIDTH)
    print_table(table, console)
    for line in lines:
        print_line(line, console)
    outputs.write([table])
