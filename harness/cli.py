"""The command `speechmark`: plan, doctor and overhead; ab, compare, new-workload,
report and show are added to it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from harness import profile as profiles
from harness.ab.command import ab
from harness.bridges.cost import measure_showing
from harness.hardware import Hardware, parse_all
from harness.kernels_doctor import examine_kernels, kernel_options, wants_kernels
from harness.measure.overhead import FEWEST_PAIRS, measure
from harness.measure.power import measure_power
from harness.new_workload.command import new_workload
from harness.observe import doctor as examination
from harness.observe.fingerprint import fingerprint
from harness.plan import discover
from harness.plan import plan as plan_cases
from harness.report import overhead as costs
from harness.report.compare.command import compare, report
from harness.report.doctor import check_table, fact_table
from harness.report.plan import plan_table
from harness.report.show import show
from harness.report.tables.outputs import Outputs, table_outputs, usage_errors
from harness.report.tables.terminal import console_of, print_line, print_table
from harness.run_session import this_machine
from harness.selection import Selection, selecting
from harness.suite import other_checkout, other_checkout_text
from harness.workload_files import name_files

# All others look at results or the machine.
RUN_CODE = ("ab", "new-workload", "overhead", "plan")


WIDTH = 140  # of these tables, where the output is no terminal


@click.group()
@click.version_option(package_name="speechmark")
@click.pass_context
def main(context: click.Context) -> None:
    """Which machine, and which compression of which model, does this speech work best.

    Measure with `pytest --benchmark-only`; these commands say what that would do, what
    would spoil it here, and what came out.
    """
    other = other_checkout(Path.cwd())
    if other is not None and context.invoked_subcommand in RUN_CODE:
        raise click.UsageError(other_checkout_text(other))


@main.command()
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


@main.command()
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


@main.command()
@click.option(
    "--pairs", default=50, show_default=True, help="rounds of blocks, 2 s each"
)
@click.option("--hardware", default="cpu", show_default=True, metavar="HW")
@table_outputs(json="write the figures to a file")
def overhead(pairs: int, hardware: str, outputs: Outputs) -> None:
    """Measure what the harness, each sensor and the pytest bridge cost, and how often
    a slower host or a process beside is found.

    Blocks of one step run bare and with each of them, interleaved. Exits with status 0
    when the 95 % intervals of the harness and of all sensors lie within the limit, 1
    when one lies beyond it, and 3 when the limit lies in one: that cannot tell.
    """
    if pairs < FEWEST_PAIRS:
        raise click.UsageError(
            f"--pairs {pairs}: an interval needs at least {FEWEST_PAIRS} pairs"
        )
    machine = this_machine()
    with usage_errors():
        (parsed,) = parse_all([hardware], machine)
        outputs.check()
    try:
        with costs.progress(pairs) as on_round:
            found = measure(machine, pairs, hardware, on_round)
            showing = measure_showing()
        power = measure_power(parsed.affinity(machine))
    except RuntimeError as error:
        raise click.ClickException(str(error)) from None
    console, table = console_of(WIDTH), costs.table(found)
    print_table(table, console)
    for line in (*costs.remarks(found, showing), *power.lines()):
        print_line(line, console)
    outputs.write([table], json=lambda: costs.as_json(found, showing, power))
    sys.exit(costs.EXIT_STATUS[found.answer])


for command in (ab, compare, new_workload, report, show):
    main.add_command(command)

if __name__ == "__main__":  # of a checkout that is not the installed one
    main(prog_name="speechmark")
