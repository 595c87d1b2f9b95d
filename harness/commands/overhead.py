"""The command `speechmark overhead`."""

from __future__ import annotations

import sys

import click

from harness.bridges.cost import measure_showing
from harness.commands import WIDTH
from harness.hardware import parse_all
from harness.measure.overhead import FEWEST_PAIRS, measure
from harness.measure.power import measure_power
from harness.report import overhead as costs
from harness.report.tables.outputs import Outputs, table_outputs, usage_errors
from harness.report.tables.terminal import console_of, print_line, print_table
from harness.run_session import this_machine


@click.command()
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
