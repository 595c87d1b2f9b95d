"""What the README shows is what the commands print, and what was measured."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression
from click.testing import CliRunner

from harness import cli
from harness.measure.overhead import LIMIT_PERCENT, Cost
from harness.plan import discover, plan
from harness.record.result import load
from harness.record.schema import Record

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text()
REFERENCE = load(PROJECT / "results" / "two-core-epyc-quick.json")
BLOCKS = dict(re.findall(r"```console\n\$ ([^\n]+)\n(.*?)```", README, re.DOTALL))
COMMANDS = re.findall(r"^    (pytest --benchmark-only(?: \S+)*)", README, re.MULTILINE)


def trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def line_of(beginning: str) -> int:
    lines = README.splitlines()
    return next(i for i, line in enumerate(lines, 1) if line.startswith(beginning))


def test_the_first_thirty_lines_hold_a_command_its_real_output_and_the_next() -> None:
    assert line_of("$ speechmark show results/") < line_of("**How to read it.**")
    assert line_of("**How to read it.**") < line_of("**Next:**") <= 34


SHOWN = [
    command
    for command in BLOCKS
    if command.startswith(("speechmark show", "speechmark plan", "speechmark compare"))
]


@pytest.mark.parametrize("command", SHOWN)
def test_a_block_is_what_its_command_prints(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)
    found = CliRunner().invoke(cli.main, shlex.split(command)[1:])
    assert found.exit_code == 0, found.output
    assert trimmed(BLOCKS[command]) == trimmed(found.output)


def test_results_and_a_plan_are_shown() -> None:
    assert sum(command.startswith("speechmark show") for command in SHOWN) >= 3
    assert "speechmark plan --profile smoke" in SHOWN
    assert any(command.startswith("speechmark compare") for command in SHOWN)


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (PROJECT / picture).read_bytes().startswith(b"\x89PNG")


def test_the_overhead_of_harness_and_sensors_stands_with_interval_and_limit() -> None:
    (command,) = [name for name in BLOCKS if name.startswith("speechmark overhead")]
    pairs = command.split("--pairs ")[1]
    for part in ("harness", "sensors"):
        (row,) = re.findall(rf"^ {part} +(\S.*)$", BLOCKS[command], re.MULTILINE)
        percent, low, _, high, count, limit, kept = row.rstrip().split(maxsplit=6)
        ends = float(low), float(high)
        assert ends[0] <= float(percent) <= ends[1]
        assert (count, float(limit)) == (pairs, LIMIT_PERCENT)
        assert kept == Cost(part, float(percent), *ends, int(count)).answer != "no"


def trial_lines(command: str) -> tuple[list[str], str]:
    """The lines of twenty comparisons, and the outcome below them."""
    lines = trimmed(BLOCKS[command])
    trials = [line for line in lines if re.match(r" *\d+ (quiet|busy) ", line)]
    assert len(trials) == 20
    return trials, lines[-1]


def test_the_trials_of_a_state_with_itself_stand_with_their_outcome() -> None:
    trials, outcome = trial_lines("make aa")
    decided = sum("undecided" not in line for line in trials)
    wrong = BLOCKS["make aa"].count("    false: ")
    assert outcome == (
        f"false verdicts: {wrong} of 20 comparisons of a state with itself, of which "
        f"{decided} came to a verdict"
    )
    assert wrong <= 1
    assert sum(" busy " in line for line in trials) == 10


def test_the_trials_with_a_known_slow_down_stand_with_their_outcome() -> None:
    trials, outcome = trial_lines("make ab-power")
    found = sum(line.endswith(": slower") for line in trials)
    assert outcome == f"5 % slower: found in {found} of 20 comparisons"
    assert found >= 18


def selected(command: str) -> list[str]:
    """The ids of the cases that a command measures, as pytest selects them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", dest="keyword")
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--hardware", action="append")
    options, _ = parser.parse_known_args(shlex.split(command)[1:])
    hardware = options.hardware or ["cpu"]
    ids = [one.case.id for one in plan(discover(), options.profile, hardware)]
    if options.keyword is None:
        return ids
    expression = Expression.compile(options.keyword)

    def matches(case_id: str) -> bool:
        name = f"test[{case_id}]".lower()
        return expression.evaluate(lambda part, /, **_: part.lower() in name)

    return [case_id for case_id in ids if matches(case_id)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_measuring_command_selects_cases(command: str) -> None:
    assert selected(command)


def test_pytest_selects_the_same_cases() -> None:
    command = max(COMMANDS, key=len)
    ran = subprocess.run(
        [sys.executable, "-m", *shlex.split(command), "--collect-only", "-q"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = re.findall(r"::test_\w+\[(\S+)\]$", ran.stdout, re.MULTILINE)
    assert sorted(found) == sorted(selected(command))


def batch_row(record: Record) -> str:
    """A training as a row of the README's table of batch sizes."""
    assert record.tta is not None
    first = {t.metric: t for t in reversed(record.tta.targets)}
    cells = [f"{record.compression}, {record.batch_size}"]
    cells.append(f"{record.tta.s_per_epoch:.2f}")
    for metric in ("cer", "wer"):
        cells += [str(first[metric].epochs_to_target), f"{first[metric].tta_s:.1f}"]
    return f"| {' | '.join(cells)} |"


def test_the_table_of_batch_sizes_is_as_measured() -> None:
    trainings = [record for record in REFERENCE.records if record.tta]
    assert len(trainings) >= 3
    for record in trainings:
        assert batch_row(record) in README


def test_a_larger_batch_trades_epochs_for_seconds_in_the_reference() -> None:
    trainings = {
        record.batch_size: record.tta
        for record in REFERENCE.records
        if record.tta and record.compression == "fp32"
    }
    small, large = trainings[min(trainings)], trainings[max(trainings)]
    assert small.s_per_epoch > large.s_per_epoch
    reached = [
        {t.metric: t.epochs_to_target for t in reversed(run.targets)}
        for run in (small, large)
    ]
    assert reached[0]["cer"] < reached[1]["cer"]
    assert reached[0]["wer"] < reached[1]["wer"]


def test_nothing_is_left_to_fill_in() -> None:
    assert "@@" not in README
    assert "TODO" not in README


def test_the_table_of_caps_is_as_measured() -> None:
    path = PROJECT / "results" / "two-core-epyc-wav2letter-isa.json"
    found = {(r.hardware, r.compression): r for r in load(path).records if r.timing}
    for cap in ("avx2", "avx512", "avx512_vnni"):
        pair = (found[f"cpu:isa={cap}", name] for name in ("fp32", "int8-static"))
        fp32_ms, int8_ms = (1e3 * record.timing.median_s for record in pair)
        row = f"| `{cap}` | {fp32_ms:.1f} | {int8_ms:.2f} | {int8_ms / fp32_ms:.2f} |"
        assert row in README
