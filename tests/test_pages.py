"""What README and docs show is what the commands print, and what was measured."""

import argparse
import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.measure.overhead import LIMIT_PERCENT, Cost
from harness.plan import discover, plan
from harness.record.result import load
from harness.selection import Selection

PROJECT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("blocks", PROJECT / "docs" / "blocks.py")
blocks = importlib.util.module_from_spec(SPEC)
sys.modules["blocks"] = blocks  # where its dataclass looks its own module up
SPEC.loader.exec_module(blocks)

TEXTS = {page.name: page.read_text() for page in blocks.PAGES}
README = TEXTS["README.md"]
BLOCKS = [(name, one) for name, text in TEXTS.items() for one in blocks.blocks_of(text)]
COMMANDS = sorted(
    {
        command
        for text in TEXTS.values()
        for command in re.findall(
            r"^    (pytest --benchmark-only(?: \S+)*)", text, re.MULTILINE
        )
    }
)
RESULTS = sorted((PROJECT / "results").glob("**/*.json"))
RUNS = [path for path in RESULTS if path.match("results/*.json")]
RUNS += [path for path in RESULTS if path.parent.name == "hardware-settings"]


def line_of(beginning):
    lines = README.splitlines()
    return next(i for i, line in enumerate(lines, 1) if line.startswith(beginning))


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 150
    assert len(README.encode()) <= 10_000


def test_the_readme_opens_with_an_answer_and_what_is_next():
    assert (
        line_of("$ speechmark compare ") < line_of("![") < line_of("**How to read it")
    )
    assert line_of("**How to read it") < line_of("**Next:**") <= 40


@pytest.mark.parametrize(
    ("page", "block"), BLOCKS, ids=[f"{page} {one.command}" for page, one in BLOCKS]
)
def test_a_block_is_what_its_command_prints(page, block):
    assert block.body == blocks.extract(blocks.printed(block.command), block.body)


def test_results_a_plan_and_a_comparison_are_shown():
    shown = {block.command.split()[1] for _, block in BLOCKS}
    assert {"show", "plan", "compare"} <= shown


def test_every_console_fence_is_a_block():
    for name, text in TEXTS.items():
        assert text.count("```console") == len(blocks.blocks_of(text)), name


def test_every_log_is_shown():
    shown = {block.command for _, block in BLOCKS}
    for path in blocks.LOGS.glob("*.txt"):
        assert path.read_text().partition("\n")[0].removeprefix("$ ") in shown


def test_a_new_block_is_filled_in_and_an_old_one_keeps_its_cut():
    page = "```console\n$ one\n@@ 2 1\n```\n\n```console\n$ two\nx\n...\ny\nz\n```\n"

    def output(command):
        return tuple(f"{command} {number}" for number in range(1, 6))

    filled = blocks.renewed(page, output)
    assert filled == (
        "```console\n$ one\none 1\none 2\n...\none 5\n```\n\n"
        "```console\n$ two\ntwo 1\n...\ntwo 4\ntwo 5\n```\n"
    )
    assert blocks.renewed(filled, output) == filled


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_is_left_to_fill_in(name):
    if name != "reference.md":  # which says how a block is filled in
        assert "@@" not in TEXTS[name]
    assert "TODO" not in TEXTS[name]


@pytest.mark.parametrize("page", blocks.PAGES, ids=lambda page: page.name)
def test_every_file_that_is_linked_is_there(page):
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", TEXTS[page.name])
    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_picture_is_one():
    pictures = [
        page.parent / picture
        for page in blocks.PAGES
        for picture in re.findall(r"!\[[^]]+\]\(([^)]+)\)", TEXTS[page.name])
    ]
    assert pictures
    for picture in pictures:
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_site_is_made_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going"]
    made = subprocess.run(
        [*command, "--doctree-dir", tmp_path / "trees", "docs", tmp_path / "site"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    for page in blocks.PAGES[1:]:
        assert (tmp_path / "site" / f"{page.stem}.html").is_file()


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_no_committed_record_lies_above_its_peak(path):
    shares = {
        record.case_id: record.roofline.fraction_of_peak
        for record in load(path).records
        if record.roofline and record.roofline.fraction_of_peak is not None
    }
    assert shares
    assert not {case for case, share in shares.items() if share > 1}


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_the_page_of_reference_results_names_every_file(path):
    assert path.stem.rstrip("0123456789") in TEXTS["reference.md"]


def log(command):
    """What a command printed that takes minutes."""
    return blocks.printed(command)


def test_the_overhead_of_harness_and_sensors_stands_with_interval_and_limit():
    for part in ("harness", "sensors"):
        (row,) = [
            line.split(maxsplit=7)[1:]
            for line in log("speechmark overhead --pairs 120")
            if line.startswith(f" {part} ")
        ]
        percent, low, _, high, pairs, limit, kept = row
        ends = float(low), float(high)
        assert ends[0] <= float(percent) <= ends[1]
        assert (pairs, float(limit)) == ("120", LIMIT_PERCENT)
        assert kept == Cost(part, float(percent), *ends, int(pairs)).answer != "no"


def trial_lines(command):
    """The lines of twenty comparisons, and all that stands below them."""
    lines = log(command)
    trials = [line for line in lines if re.match(r" *\d+ (quiet|busy) ", line)]
    return trials[:20], lines


def test_the_trials_of_a_state_with_itself_stand_with_their_outcome():
    trials, lines = trial_lines("make aa")
    decided = sum("undecided" not in line for line in trials)
    wrong = sum("    false: " in line for line in lines)
    assert lines[-1] == (
        f"false verdicts: {wrong} of 20 comparisons of a state with itself, of which "
        f"{decided} came to a verdict"
    )
    assert wrong <= 1
    assert decided >= 12
    assert sum(" busy " in line for line in trials) == 10


def test_the_trials_with_a_known_slow_down_stand_with_their_outcome():
    trials, lines = trial_lines("make ab-power")
    found = sum(line.endswith(": slower") for line in trials)
    assert f"5 % slower: found in {found} of 20 comparisons" in lines
    assert found >= 18


def rows(command):
    """The cells of a table of shares, without its heads."""
    return [re.split(r"\s{2,}", line.strip()) for line in log(command)[1:]]


def share(cell):
    return float(cell.removesuffix(" %"))


def test_equal_machines_have_a_clear_winner_in_a_tenth_of_trials_at_most():
    table = rows("python -m harness.report.compare.simulation")
    assert len(table) == 8
    for _, _, _, *cells in table:
        *winners, score, ratio, time = map(share, cells)
        assert len(winners) == 5
        assert max(winners) <= 10
        assert min(score, ratio, time) >= 90


def test_bounds_of_percentiles_hold_as_they_say():
    table = rows("python -m harness.report.compare.simulation --bounds")
    bounds = [cell for row in table for cell in row[4:] if cell != "none told"]
    assert len(bounds) == 24
    assert min(map(share, bounds)) >= 99
    single = [row for row in table if row[2:4] == ["1", "1"]]
    assert all(set(row[4:]) == {"none told"} for row in single)


def selected(command):
    """The ids of the cases that a command measures, as pytest selects them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", dest="keyword", default="")
    parser.add_argument("--cases", action="append", default=[])
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--hardware", action="append")
    options, _ = parser.parse_known_args(shlex.split(command)[1:])
    hardware = options.hardware or ["cpu"]
    ids = [one.case.id for one in plan(discover(), options.profile, hardware)]
    return Selection(options.keyword, tuple(options.cases)).of(ids, str, command)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_measuring_command_selects_cases(command):
    assert selected(command)


@pytest.mark.parametrize(
    "command",
    [max(COMMANDS, key=len), next(one for one in COMMANDS if "--cases" in one)],
)
def test_pytest_selects_the_same_cases(command):
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
