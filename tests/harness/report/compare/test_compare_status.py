"""What `speechmark compare` says and ends with where there is no verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from recorded import CASE, accuracy, metric, record, result_file, unmeasured

from harness import cli

OTHER = {"host": "beta", "cpu_model": "Xeon"}


def invoke(*arguments: Any) -> tuple[int, str]:
    found = CliRunner().invoke(cli.main, list(map(str, arguments)))
    return found.exit_code, " ".join(found.output.split())


def test_where_nobody_is_ranked_the_status_says_so(tmp_path: Path) -> None:
    """Every work is beyond its gate on both."""
    beyond = metric(gate=0.01, difference=0.5, passed=False)
    slow = result_file(tmp_path / "a.json", record(accuracy=accuracy(wer=beyond)))
    fast = record([0.25], accuracy=accuracy(wer=beyond))
    status, printed = invoke(
        "compare", slow, result_file(tmp_path / "b.json", fast, machine=OTHER)
    )
    assert "There is no verdict" in printed
    assert status == 1


def test_a_machine_of_which_nothing_was_measured_is_in_the_verdict(
    tmp_path: Path,
) -> None:
    broken = unmeasured("failed", "no such operator")
    other = result_file(tmp_path / "b.json", broken, machine=OTHER)
    status, printed = invoke("compare", result_file(tmp_path / "a.json"), other)
    assert (
        "a single machine is not ranked. beta cpu is left out: none of its 1 cases was "
        "measured (failed: no such operator)." in printed
    )
    assert status == 1
    status, _ = invoke("compare", tmp_path / "a.json")
    assert status == 0


def test_a_baseline_of_a_single_candidate_is_refused(tmp_path: Path) -> None:
    file = result_file(tmp_path / "a.json")
    status, printed = invoke("compare", file, "--baseline", "alpha")
    assert status == 2
    assert "there is only alpha" in printed


def test_a_permit_that_no_chosen_work_takes_did_nothing(tmp_path: Path) -> None:
    other = replace(CASE, batch_size=16)
    details = {"corpus_checksum": "d" * 64, "weights_sha256": "a" * 64}
    a = result_file(tmp_path / "a.json", record(), record(case=other))
    changed = record(case=other, details=details)
    b = result_file(tmp_path / "b.json", record(), changed, machine=OTHER)
    _, printed = invoke("compare", a, b, "-k", "b1]", "--allow=corpus")
    assert "--allow=corpus did nothing" in printed
    _, printed = invoke("compare", a, b, "-k", "b16", "--allow=corpus")
    assert "did nothing" not in printed


def test_wrong_values_are_no_result(tmp_path: Path) -> None:
    """A file that calls them ok was edited."""
    values = {"error": 0.5, "limit": 0.1, "outputs": 3, "passed": False}
    file = result_file(tmp_path / "a.json", record(values=values))
    status, printed = invoke("compare", file)
    assert status == 1
    assert "status is 'ok', but values are wrong: error 0.5, limit 0.1" in printed
