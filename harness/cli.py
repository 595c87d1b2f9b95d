"""The command `speechmark`: it loads a subcommand once that is called, so that help and
completion come at once."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import click
from click.shell_completion import CompletionItem

from harness.suite import other_checkout, other_checkout_text


class Subcommand(NamedTuple):
    """Where one is, as module:name; the first sentence of its help; and whether it runs
    the suite's code: all others look at results or the machine."""

    where: str
    summary: str
    runs_code: bool = False


SUBCOMMANDS = {
    "ab": Subcommand(
        "harness.ab.command:ab", "Is REV_B slower than REV_A on this machine?", True
    ),
    "compare": Subcommand(
        "harness.report.compare.command:compare",
        "Which machine does this speech work best, and for how much?",
    ),
    "doctor": Subcommand(
        "harness.commands.doctor:doctor",
        "Print this machine's fingerprint and what would spoil measurements here.",
    ),
    "new-workload": Subcommand(
        "harness.new_workload.command:new_workload",
        "Write a workload that runs, to be changed into your own.",
        True,
    ),
    "onednn": Subcommand(
        "harness.onednn.command:onednn",
        "Where does the time of a program on oneDNN go, and how fast could it be?",
    ),
    "overhead": Subcommand(
        "harness.commands.overhead:overhead",
        "Measure what the harness, each sensor and the pytest bridge cost, and how "
        "often a slower host or a process beside is found.",
        True,
    ),
    "plan": Subcommand(
        "harness.commands.plan:plan",
        "List the cases that a run would measure, and how long each should take here.",
        True,
    ),
    "report": Subcommand(
        "harness.report.compare.command:report",
        "Write a page about one result: pictures, tables, downloads.",
    ),
    "show": Subcommand("harness.report.show:show", "Print a result file as tables."),
}


class Subcommands(click.Group):
    """Those above; each is imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SUBCOMMANDS:
            return None
        module, _, name = SUBCOMMANDS[cmd_name].where.partition(":")
        found: click.Command = getattr(import_module(module), name)
        return found

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, one.summary) for name, one in SUBCOMMANDS.items()]
            )

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[CompletionItem]:
        names = [
            CompletionItem(name, help=one.summary)
            for name, one in SUBCOMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(cls=Subcommands)
@click.version_option(package_name="speechmark")
@click.pass_context
def main(context: click.Context) -> None:
    """Which machine, and which compression of which model, does this speech work best.

    Measure with `pytest --benchmark-only`; these commands say what that would do, what
    would spoil it here, and what came out.
    """
    called = SUBCOMMANDS.get(context.invoked_subcommand or "")
    other = other_checkout(Path.cwd())
    if other is not None and called is not None and called.runs_code:
        raise click.UsageError(other_checkout_text(other))


if __name__ == "__main__":  # of a checkout that is not the installed one
    main(prog_name="speechmark")
