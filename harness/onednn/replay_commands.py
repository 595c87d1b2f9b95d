"""Subcommands that run primitives again, or reckon with them: steps, project, predict,
benchdnn."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from harness.environment import restart_with
from harness.files import check_output
from harness.observe.onednn.replay.projection import Projection
from harness.onednn.options import LOG, Progress, tell
from harness.onednn.projection_views import (
    missed_table,
    projection_lines,
    projection_table,
)
from harness.onednn.totals import Recording, distinct, line_of
from harness.onednn.views import MOST_ROWS
from harness.report.tables.outputs import (
    FILE,
    Outputs,
    check_outputs,
    table_outputs,
    usage_errors,
    write_output,
)
from harness.report.tables.terminal import console_of, print_line, print_table
from harness.text import counted, plain_path

STEPS, PROFILE = 3, "quick"
OF_CASES, OF_LOGS = ("profile", "steps"), ("threads", "anyway")


@click.command()
@click.argument("case_id", metavar="CASE")
@click.option("--log", type=FILE, default=Path("onednn.log"), show_default=True)
@click.option("--profile", default=PROFILE, show_default=True, help="of the case")
@click.option("--steps", type=click.IntRange(1), default=10, show_default=True)
def steps(case_id: str, log: Path, profile: str, steps: int) -> None:
    """Keep the log of steps of one of this suite's cases, and no more than those.

    CASE is an id of `speechmark plan`, of eager or compiled cases on a CPU.
    """
    from harness.onednn.cases import planned_case, step_of, variables_of

    with usage_errors():
        check_output(log)
        planned, variables = planned_case(case_id, profile), variables_of(case_id)
    restart_with(variables)
    with step_of(planned, profile, tell) as step:
        from harness.observe.onednn.capture import ProfileCutShortError, write_log

        step()
        try:
            wall_s = write_log(log, step, steps)
            with log.open("ab") as file:
                what = "steps", "of", case_id
                file.write(line_of(Recording(what, wall_s, 0)).encode())
        except (ProfileCutShortError, OSError) as error:
            raise click.ClickException(f"{plain_path(log)}: {error}") from None
    tell(f"written: {plain_path(log)}, of {steps} steps, {wall_s:.4g} s")


@click.command()
@click.argument("log", type=LOG, required=False)
@click.option(
    "--case",
    "case_id",
    metavar="ID",
    help="a case of this suite instead of a log: its steps and replays take turns",
)
@click.option("--profile", help=f"of the case  [default: {PROFILE}]")
@click.option(
    "--steps",
    type=click.IntRange(1),
    help=f"of the case in each turn  [default: {STEPS}]",
)
@click.option(
    "--runs",
    type=click.IntRange(1),
    default=15,
    show_default=True,
    help="of each replay, hot and cold, or as many as half a second has room for",
)
@click.option(
    "--threads", type=click.IntRange(1), help="[default: as many as the log has]"
)
@click.option("--cpus", metavar="LIST", help="run on these CPUs, such as 0-3")
@click.option(
    "--anyway",
    is_flag=True,
    help="go on although library, processor or threads are others than in the log",
)
@table_outputs()
def project(
    log: Path | None,
    case_id: str | None,
    runs: int,
    cpus: str | None,
    outputs: Outputs,
    **own: int | str | bool | None,
) -> None:
    """How fast could it be? Each primitive replayed alone.

    Every distinct primitive runs again through torch's own operators; one counts only
    where the replay's log has the very same line, but for the time. What comes out: the
    time that the same kernels take alone, how much of the observed time that is, and
    how much of the log was reproduced.
    """
    with usage_errors():
        _check_project(log, case_id, own)
        outputs.check([log] if log else [])
    if case_id is not None:
        steps, profile = int(own["steps"] or STEPS), str(own["profile"] or PROFILE)
        found, labels = _of_case(case_id, profile, steps, runs, cpus), [case_id]
    else:
        assert log is not None
        threads = None if own["threads"] is None else int(own["threads"])
        found, labels = _of_log(log, runs, threads, cpus, bool(own["anyway"]))
    console, tables = console_of(), [projection_table(found), missed_table(found)]
    for one in tables:
        if len(one):
            print_table(one.cut(MOST_ROWS, "--csv FILE"), console)
    for line in (*labels, *projection_lines(found)):
        print_line(line, console)
    outputs.write(tables)


def _check_project(
    log: Path | None, case_id: str | None, own: dict[str, int | str | bool | None]
) -> None:
    if (log is None) == (case_id is None):
        raise ValueError("give a LOG or --case: one of them")
    others, what = (OF_CASES, "a log") if log else (OF_LOGS, "a case")
    for name in others:
        if own[name]:
            raise ValueError(f"--{name} does nothing with {what}: leave it out")


def _of_case(
    case_id: str, profile: str, steps: int, runs: int, cpus: str | None
) -> Projection:
    from harness.observe.onednn.replay.turns import projected_in_turns
    from harness.onednn.cases import planned_case, step_of, variables_of
    from harness.onednn.project import bind

    with usage_errors():
        planned, variables = planned_case(case_id, profile), variables_of(case_id)
    restart_with(variables)
    with usage_errors():
        if cpus:
            bind(cpus)
    with step_of(planned, profile, tell) as step:
        return projected_in_turns(step, steps, runs, tell)


def _of_log(
    log: Path, runs: int, threads: int | None, cpus: str | None, anyway: bool
) -> tuple[Projection, list[str]]:
    from harness.onednn.project import bind, differences, here, projected

    with usage_errors(), Progress(log) as watch:
        if cpus:
            bind(cpus)
        found, totals = distinct(log, watch)
    header, there = totals.header, len(os.sched_getaffinity(0))
    chosen = threads or header.threads
    others = list(differences(header, here(), chosen, there))
    if others and not anyway:
        raise click.ClickException(
            f"{plain_path(log)} is of another program than runs here: "
            f"{'; '.join(others)}; replays would not be its kernels. --anyway goes on, "
            "and says so"
        )
    if chosen:
        import torch

        torch.set_num_threads(chosen)
    wall_s = totals.recording.wall_s if totals.recording else None
    labels = [f"not the same: {one}" for one in others]
    return projected(found, runs, wall_s, tell), labels


@click.command()
@click.argument("log", type=LOG)
@click.option(
    "--source",
    required=True,
    metavar="RESULT[@HW]",
    help="a result file of the machine that wrote the log, for its peaks",
)
@click.option(
    "--target",
    required=True,
    metavar="RESULT[@HW]",
    help="that of the machine to predict, or another hardware setting in it",
)
@click.option(
    "--measured", type=LOG, help="a log of the same program there: tells the error"
)
@table_outputs()
def predict(
    log: Path, source: str, target: str, measured: Path | None, outputs: Outputs
) -> None:
    """How long would its primitives take on another machine?

    Each is taken to reach the same share of its roofline there as here.
    """
    from harness.onednn.prediction import (
        file_and_hardware,
        peaks_of,
        predicted,
        prediction_lines,
        prediction_table,
    )
    from harness.record.result import ResultError

    results = [file_and_hardware(text)[0] for text in (source, target)]
    with usage_errors():
        outputs.check([log, *results, *([measured] if measured else [])])
        try:
            here, there = peaks_of(source), peaks_of(target)
        except ResultError as error:
            raise ValueError(str(error)) from None
    with usage_errors(), Progress(log) as watch:
        found, _ = distinct(log, watch)
        known = distinct(measured, watch)[0] if measured else None
    made = predicted(found, here, there, known)
    console, table = console_of(), prediction_table(made)
    print_table(table.cut(MOST_ROWS, "--csv FILE"), console)
    for line in prediction_lines(made, here.name, there.name, known is not None):
        print_line(line, console)
    outputs.write([table])


@click.command()
@click.argument("log", type=LOG)
@click.option("--output", type=FILE, metavar="FILE", help="the batch file")
@click.option(
    "--cold-cache",
    type=click.Choice(["none", "wei", "all"]),
    default="none",
    show_default=True,
    help="what benchdnn drives out of the caches before each run",
)
@click.option(
    "--fix-times-per-prb",
    type=click.IntRange(1),
    metavar="N",
    help="run each case so often  [default: for three seconds]",
)
@click.option("--run", is_flag=True, help="run benchdnn, which has to be on PATH")
def benchdnn(
    log: Path,
    output: Path | None,
    cold_cache: str,
    fix_times_per_prb: int | None,
    run: bool,
) -> None:
    """Write a batch file for benchdnn: a case for each distinct primitive."""
    from harness.onednn.benchdnn import batch

    with usage_errors():
        check_outputs({"--output": output}, [log])
        program = shutil.which("benchdnn")
        if run and program is None:
            raise ValueError("--run: no benchdnn is on PATH; it is built with oneDNN")
    with usage_errors(), Progress(log) as watch:
        found, _ = distinct(log, watch)
    lines, left_out = batch(list(found), cold_cache, fix_times_per_prb)
    for reason, count in left_out.items():
        tell(f"left out: {counted(count, 'execution', 'executions')}: {reason}")
    if not lines:
        raise click.ClickException(
            f"{plain_path(log)}: no execution is a case of benchdnn"
        )
    text = "\n".join(lines) + "\n"
    if output is not None:
        write_output(output, text)
    elif not run:
        click.echo(text, nl=False)
    if run and program is not None:
        sys.exit(_run_benchdnn(program, lines))


def _run_benchdnn(program: str, lines: list[str]) -> int:
    """Each case by itself: benchdnn stops where one is none."""
    failed = sum(
        subprocess.run([program, *line.split()], check=False).returncode != 0
        for line in lines
    )
    if failed:
        tell(f"{counted(failed, 'case', 'cases')} of {len(lines)} failed")
    return 1 if failed else 0


COMMANDS = (steps, project, predict, benchdnn)
