"""The commands `speechmark compare` and `speechmark report`, from files to files."""

from __future__ import annotations

import base64
import csv
import gzip
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from recorded import CASE, accuracy, metric, record, result_file, training

from harness import cli

OTHER = {"host": "beta", "cpu_model": "Xeon"}
THREE = ([0.5], [0.5], [0.5])
PRICES = """
currency = "EUR"
[machines.alpha]
per_hour = 0.6
[machines.beta]
purchase = 8766
life_years = 1
"""


def invoke(*arguments: Any) -> tuple[int, str]:
    found = CliRunner().invoke(cli.main, [str(a) for a in arguments])
    assert not isinstance(found.exception, Exception), found.exception
    return found.exit_code, " ".join(found.output.split())


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """The same case on two machines, the second twice as fast, in three processes."""
    slow = result_file(tmp_path / "slow.json", record([0.5], [0.5], [0.5]))
    fast = record([0.25], [0.25], [0.25])
    return slow, result_file(tmp_path / "fast.json", fast, machine=OTHER)


def test_two_machines_are_ranked_with_their_ratio(two: tuple[Path, Path]) -> None:
    status, printed = invoke("compare", *two)
    assert status == 0
    assert "beta ranks first, at 2.00" in printed
    assert "99.9 %" not in printed
    assert (
        "How much runs vary is not known (alpha: 1 run, beta: 1 run): for each run 5 % "
        "are allowed, and no more than 97.5 % certainty is claimed" in printed
    )
    assert "with a probability of over 97.5 %." in printed
    assert "ds2-small/fp32/eager/b1 500 250 (0.500x [0.422, 0.592]) wer 12.5" in printed


@pytest.mark.parametrize(
    ("processes", "stated"), [(1, "one process"), (2, "so few processes")]
)
def test_enough_runs_of_too_few_processes_are_stated_as_such(
    tmp_path: Path, processes: int, stated: str
) -> None:
    """Three runs of one work leave two degrees of freedom, or five."""
    for number in range(3):
        for name, machine in (("alpha", {}), ("beta", {"machine": OTHER})):
            times = [[0.5 + 0.01 * number]] * processes
            result_file(tmp_path / f"{name}-{number}.json", record(*times), **machine)
    status, printed = invoke("compare", str(tmp_path / "*.json"))
    assert status == 0
    assert "How much runs vary is not known (alpha: 3 runs, beta: 3 runs)" in printed
    assert (
        f"97.5 % certainty is claimed; 3 runs of {stated} do not tell it for so few "
        "works: run several processes in each." in printed
    )


def test_another_baseline_turns_the_ratios(two: tuple[Path, Path]) -> None:
    _, printed = invoke("compare", *two, "--baseline", "beta")
    assert "500 (2.00x [1.69, 2.37]) 250" in printed
    status, printed = invoke("compare", *two, "--baseline", "gamma")
    assert status == 2
    assert "baseline 'gamma': expected one of 'alpha', 'beta'" in printed


def test_machines_may_be_named(two: tuple[Path, Path]) -> None:
    _, printed = invoke("compare", f"old={two[0]}", f"new={two[1]}")
    assert "new ranks first" in printed


def test_a_keyword_chooses_cases(tmp_path: Path) -> None:
    cases = CASE, replace(CASE, compression="bf16")
    path = result_file(tmp_path / "x.json", *(record(case=case) for case in cases))
    status, printed = invoke("compare", path, "-k", "BF16")
    assert status == 0
    assert "ds2-small/bf16/eager/b1" in printed
    assert "fp32" not in printed
    status, printed = invoke("compare", path, "-k", "nothing")
    stated = "none of the 2 cases of these files matches -k 'nothing'; the nearest:"
    assert (status, stated in printed) == (2, True)


@pytest.mark.parametrize(
    "glob", ["*/bf16/eager/b1", "*/bf16/eager/cpu/b1", "asr-inference/*bf16*"]
)
def test_a_glob_is_of_a_case_with_its_hardware_or_without(
    tmp_path: Path, glob: str
) -> None:
    cases = CASE, replace(CASE, compression="bf16")
    path = result_file(tmp_path / "x.json", *(record(case=case) for case in cases))
    status, printed = invoke("compare", path, "--cases", glob)
    assert status == 0
    assert "ds2-small/bf16/eager/b1" in printed
    assert "fp32" not in printed


def test_a_mismatch_of_other_cases_is_not_stated(tmp_path: Path) -> None:
    other = replace(CASE, compression="bf16")
    one = result_file(tmp_path / "a.json", record(), record(case=other))
    two = result_file(
        tmp_path / "b.json",
        record(),
        record(case=other, details={"corpus_checksum": "d" * 64}),
        machine=OTHER,
    )
    assert "corpus" in invoke("compare", one, two)[1]
    assert "corpus" not in invoke("compare", one, two, "-k", "fp32")[1]


def test_different_work_is_refused_with_status_1_unless_allowed(tmp_path: Path) -> None:
    one = result_file(tmp_path / "a.json", record(*THREE))
    changed = {"suite_version": "0.2.0"}
    two = result_file(tmp_path / "b.json", record(*THREE), machine=OTHER, run=changed)
    status, printed = invoke("compare", one, two)
    assert status == 1
    assert "the candidates did not do the same work" in printed
    assert "suite-version all refused 0.1.0 0.2.0" in printed
    status, printed = invoke("compare", one, two, "--allow", "suite-version")
    assert status == 0
    assert "suite-version all allowed 0.1.0 0.2.0" in printed
    assert "ds2-small/fp32/eager/b1 (suite version differs) 500" in printed
    assert invoke("compare", one, two, "--allow", "machine")[0] == 2


def test_prices_say_what_an_hour_of_audio_costs(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    """6 s of audio in 0.5 s are 12 hours an hour: 0.6 / 12; in 0.25 s, 24 an hour, of a
    machine of 1 an hour at full use, 2 at half of it."""
    prices = tmp_path / "prices.toml"
    prices.write_text(PRICES)
    status, printed = invoke("compare", *two, "--prices", prices)
    assert status == 0
    assert "0.0500" in printed
    assert "0.0417" in printed
    _, printed = invoke("compare", *two, "--prices", prices, "--utilization", "50")
    assert "0.0833" in printed


def test_a_load_has_a_total_over_the_years(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text(PRICES)
    given = ("compare", *two, "--prices", prices, "--load", "288", "--years", "2")
    out = tmp_path / "out.json"
    assert invoke(*given, "--json", out)[0] == 0
    total = {
        one["candidate"]: one for one in json.loads(out.read_text())["money"]["total"]
    }
    # 288 hours of audio a day keep alpha busy all day: 24 h x 365.25 x 2 years x 0.6.
    assert total["alpha"]["cost"] == pytest.approx(24 * 365.25 * 2 * 0.6)
    assert total["beta"]["cost"] == pytest.approx(2 * 8766)


def test_limits_are_in_percent_and_milliseconds(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    prices, out = tmp_path / "prices.toml", tmp_path / "out.json"
    prices.write_text(PRICES)
    limits = ("--at-most", "wer=12", "--at-most", "p99_ms=50")
    assert invoke("compare", *two, "--prices", prices, *limits, "--json", out)[0] == 1
    money = json.loads(out.read_text())["money"]
    assert money["limits"] == {"wer": 0.12, "p99_ms": 50.0}
    assert [one["work"] for one in money["serving"]] == [None, None]
    assert "wer 0.125 is above 0.12" in money["serving"][0]["reason"]


def test_limits_of_what_is_better_when_higher_are_in_db(
    tmp_path: Path,
) -> None:
    prices, out = tmp_path / "prices.toml", tmp_path / "out.json"
    prices.write_text(PRICES)
    stated = accuracy(si_sdr_improvement=metric(9.26, better="higher"))
    one = result_file(tmp_path / "one.json", record([0.5], accuracy=stated))
    asked = ("compare", one, "--prices", prices, "--json", out)
    status, printed = invoke(*asked, "--at-least", "si_sdr_improvement=9.25")
    assert status == 0
    assert "The cheapest hour of audio with SI-SDRi at least 9.25 dB" in printed
    assert "SI-SDRi 9.3 dB" in printed
    money = json.loads(out.read_text())["money"]
    assert money["at_least"] == {"si_sdr_improvement": 9.25}
    assert money["serving"][0]["work"] is not None
    status, printed = invoke(*asked, "--at-most", "si_sdr_improvement=6")
    assert status == 2
    assert "expected --at-least=si_sdr_improvement=6" in printed


def test_weights_choose_what_counts(tmp_path: Path) -> None:
    decoding = replace(CASE, workload="asr-decoding")
    one = result_file(
        tmp_path / "a.json", record(*THREE), record(*THREE, case=decoding)
    )
    two = result_file(
        tmp_path / "b.json",
        record([0.25], [0.25], [0.25]),
        record([1.0], [1.0], [1.0], case=decoding),
        machine=OTHER,
    )
    weights = tmp_path / "weights.toml"
    weights.write_text("[weights]\nasr-decoding = 0\n")
    assert "There is no clear winner" in invoke("compare", one, two)[1]
    printed = invoke("compare", one, two, "--weights", weights)[1]
    assert "beta ranks first, at 2.00" in printed


def test_page_figures_and_markdown_are_written(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    names = ("html", "json", "markdown", "csv")
    outputs = {name: tmp_path / f"out.{name}" for name in names}
    options = [f"--{name}={path}" for name, path in outputs.items()]
    status, printed = invoke("compare", *two, *options)
    assert status == 0
    assert f"written: {outputs['html']}" in printed
    assert outputs["html"].read_text().startswith("<!DOCTYPE html>")
    found = json.loads(outputs["json"].read_text())
    ratio = found["rows"][0]["cells"]["beta"]["time_ratio"]
    assert ratio["value"] == pytest.approx(0.5)
    assert "| ds2-small/fp32/eager/b1 | 500 | 250 (0.500x" in (
        outputs["markdown"].read_text()
    )
    rows = list(csv.DictReader(outputs["csv"].read_text().splitlines()))
    cases = {row["candidate"]: row for row in rows if row["table"] == "cases"}
    assert float(cases["beta"]["step (ms)"]) == pytest.approx(250)
    assert cases["alpha"]["work"] == "asr-inference/ds2-small/fp32/eager/b1"


@pytest.mark.parametrize(
    ("options", "stated"),
    [
        (("--html", "{folder}/missing/x.html"), "cannot write there"),
        (("--json", "{folder}/fast.json"), "that is one of the files that are read"),
        (("--at-most", "wer"), "expected NAME=VALUE, such as wer=25 or p99_ms=50"),
        (("--at-most", "wer=much"), "--at-most 'wer=much'"),
        (
            ("--at-least", "snr"),
            "--at-least 'snr': expected NAME=VALUE, such as si_sdr_improvement=6",
        ),
        (("--utilization", "0"), "utilization 0: expected the share of hours"),
        (("--years", "0"), "years 0: expected from 0.1 to 100"),
        (("--load", "-1"), "load -1: expected hours of audio a day"),
        (("--prices", "{folder}/missing.toml"), "does not exist"),
    ],
)
def test_a_bad_option_is_stated_before_anything_is_read(
    two: tuple[Path, Path], options: tuple[str, str], stated: str
) -> None:
    two[0].write_text("not read")
    written = [option.format(folder=two[0].parent) for option in options]
    status, printed = invoke("compare", *two, *written)
    assert status == 2
    assert stated in printed


@pytest.mark.parametrize("given", ["x={folder}/f*.json", "{folder}/fast.json"])
def test_no_result_that_is_read_is_written_over(
    two: tuple[Path, Path], given: str
) -> None:
    before = two[1].read_bytes()
    files = (two[0], given.format(folder=two[0].parent))
    status, printed = invoke("compare", *files, "--json", two[1])
    assert (status, "that is one of the files that are read" in printed) == (2, True)
    assert two[1].read_bytes() == before


def test_no_price_list_is_written_over(two: tuple[Path, Path], tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text(PRICES)
    status, printed = invoke("compare", *two, "--prices", prices, "--json", prices)
    assert (status, "that is one of the files that are read" in printed) == (2, True)
    assert prices.read_text() == PRICES


def test_two_outputs_need_two_files(two: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, printed = invoke("compare", *two, "--html", out, "--json", out)
    assert (status, "--html goes there; name another" in printed) == (2, True)
    assert not out.exists()


def test_a_broken_file_is_one_clear_error(two: tuple[Path, Path]) -> None:
    two[0].write_text(two[0].read_text()[:2000])
    status, printed = invoke("compare", *two)
    assert status == 1
    assert f"Error: {two[0]} is not JSON" in printed


def test_a_case_beyond_its_gate_stands_apart(tmp_path: Path) -> None:
    failing = metric(0.25, difference=0.125, gate=0.01, passed=False)
    paths = [
        result_file(
            tmp_path / f"{host}.json",
            record(*THREE),
            record(
                *THREE,
                case=replace(CASE, compression="int8"),
                accuracy=accuracy(wer=failing),
            ),
            machine={"host": host},
        )
        for host in ("alpha", "beta")
    ]
    status, printed = invoke("compare", *paths)
    assert status == 0
    side, _, apart = printed.partition("Cases beyond their gate")
    assert "ds2-small/int8" not in side.partition("asr-inference: ms a step")[2]
    assert "wer fails: +12.50 of +1.00" in apart


def test_trainings_are_stated_by_their_time_to_accuracy(tmp_path: Path) -> None:
    reached = training(2.0, targets=[(0.15, 9.0, 3), (0.1, None, None)])
    path = result_file(tmp_path / "x.json", reached)
    status, printed = invoke("compare", path)
    assert status == 0
    assert "ds2-small/fp32/eager/b32 cer 15 % 9.00" in printed
    assert "ds2-small/fp32/eager/b32 cer 10 % reached in 0 of 1" in printed
    assert "ds2-small/fp32/eager/b32 3.00" in printed  # 2 s of training, 1 s of more


def test_a_report_stands_beside_its_result(tmp_path: Path) -> None:
    path = result_file(tmp_path / "run.json", record())
    status, printed = invoke("report", path)
    assert status == 0
    assert f"written: {tmp_path / 'run.html'}" in printed
    page = (tmp_path / "run.html").read_text()
    assert "1 case was measured on alpha" in page


def test_a_report_of_a_folder_is_of_its_newest_result(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "old")):
        path = result_file(tmp_path / f"{name}.json", record())
        os.utime(path, (1e9 - age, 1e9 - age))
    (tmp_path / "ab-1.json").write_text('{"format": "speechmark-ab"}')
    status, printed = invoke("report", tmp_path, "--html", tmp_path / "page.html")
    assert (status, f"written: {tmp_path / 'page.html'}" in printed) == (0, True)
    page = (tmp_path / "page.html").read_text()
    (packed,) = re.findall(r'id="comparison-gzip">([^<]+)<', page)
    (candidate,) = json.loads(gzip.decompress(base64.b64decode(packed)))["candidates"]
    assert candidate["files"] == [str(tmp_path / "new.json")]
    (tmp_path / "empty").mkdir()
    status, printed = invoke("report", tmp_path / "empty")
    assert (status, "no result (*.json) there; measure first" in printed) == (2, True)
