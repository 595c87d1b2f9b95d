"""The command `speechmark doctor`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from harness.commands import WIDTH
from harness.hardware import Hardware
from harness.kernels_doctor import examine_kernels, kernel_options, wants_kernels
from harness.observe import doctor as examination
from harness.observe.fingerprint import fingerprint
from harness.report.doctor import check_table, fact_table
from harness.report.tables.outputs import Outputs, table_outputs, usage_errors
from harness.report.tables.terminal import console_of, print_table
from harness.run_session import this_machine


@click.command()
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results/local"),
    show_default=True,
    help="the folder whose disk is looked at",
)
@kernel_options
@table_outputs(json="write the tables, or all errors of --kernels, as JSON")
@click.pass_context
def doctor(
    context: click.Context, results: Path, outputs: Outputs, **kernels: Any
) -> None:
    """Print this machine's fingerprint and what would spoil measurements here.

    With --kernels, check instead that convolutions, products, LSTMs and norms of each
    runtime give right values here. Exits with status 1 when something is bad.
    """
    with usage_errors():
        outputs.check()
    if wants_kernels(context):
        sys.exit(examine_kernels(this_machine(), **kernels, out=outputs.json))
    found = fingerprint()
    facts = fact_table(found)
    print_table(facts, console_of(WIDTH))
    cpus = Hardware.parse("cpu").affinity(this_machine())
    findings = examination.examine(found, results, cpus)
    checks = check_table(findings)
    print_table(checks, console_of(WIDTH))
    outputs.write([facts, checks])
    sys.exit(any(finding.severity == "bad" for finding in findings))
