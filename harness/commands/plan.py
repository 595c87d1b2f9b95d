"""The command `speechmark plan`."""

from __future__ import annotations

from pathlib import Path

import click

from harness import profile as profiles
from harness.commands import WIDTH
from harness.hardware import parse_all
from harness.plan import discover
from harness.plan import plan as plan_cases
from harness.report.plan import plan_table
from harness.report.tables.outputs import Outputs, table_outputs, usage_errors
from harness.report.tables.terminal import console_of, print_table
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
@table_outputs()
def plan(
    profile: str,
    hardware: tuple[str, ...],
    selection: Selection,
    files: tuple[Path, ...],
    outputs: Outputs,
) -> None:
    """List the cases that a run would measure, and how long each should take."""
    with usage_errors():
        name_files(files)
        profiles.find(profile)
        parse_all(hardware, this_machine())
        outputs.check()
    cases = plan_cases(discover(), profile, hardware)
    with usage_errors():
        chosen = selection.of(cases, lambda one: one.case.id, profile)
    table = plan_table(chosen)
    print_table(table, console_of(WIDTH))
    click.echo("expected on two cores, once the corpus is in the cache")
    outputs.write([table])
