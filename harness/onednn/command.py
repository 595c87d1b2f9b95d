"""The command `speechmark onednn`: logs of any program on oneDNN."""

from __future__ import annotations

import click

from harness.onednn import reading_commands, replay_commands


class _InOrder(click.Group):
    """Subcommands in the order in which one uses them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder)
def onednn() -> None:
    """Where does the time of a program on oneDNN go, and how fast could it be?

    Reads what any program prints with ONEDNN_VERBOSE=1 (before oneDNN 2.0
    DNNL_VERBOSE or MKLDNN_VERBOSE), of every version of the library, mixed with other
    output, cut short, of any size.
    """


for _command in (*reading_commands.COMMANDS, *replay_commands.COMMANDS):
    onednn.add_command(_command)
