"""What a person reads of a comparison."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from played import MIB, a_noise, a_round, comparison, metric, result
from rich.console import Console

from harness.ab import show
from harness.ab.comparison import Comparison
from harness.observe.host_speed import HostShare
from harness.report.tables.terminal import print_table


def printed(*comparisons: Comparison) -> list[str]:
    console = Console(width=200, force_terminal=False)
    with console.capture() as captured:
        print_table(show.table(comparisons), console)
    return [line.strip() for line in captured.get().splitlines()]


def test_a_row_has_both_times_their_ratio_its_interval_and_what_it_says() -> None:
    row = printed(comparison(*[1.1] * 8))[1]
    assert row.split() == [
        "toy/good/fp32/eager/cpu/b1",
        *("500", "550", "1.100", "1.100", "to", "1.100", "1.100", "-", "8"),
        *("slower", "same", "same"),
    ]


def test_one_pair_has_no_interval() -> None:
    row = printed(comparison(1.1))[1]
    assert row.split()[4] == "-"
    assert "undecided: 1 pairs, and it takes 8" in row


def test_what_changed_beside_time_has_its_numbers() -> None:
    other = result(3 * MIB, accuracy={"metrics": {"wer": metric(0.2)}})
    row = printed(
        replace(comparison(1.0), rounds=(a_round(0.5, 0.5, (result(), other)),) * 8)
    )[1]
    assert "more: 3.000x" in row
    assert "worse: wer 10.00 to 20.00 %" in row


def test_an_accuracy_that_is_lost_is_stated() -> None:
    results = (result(), result(accuracy=None))
    row = printed(replace(comparison(1.0), rounds=(a_round(0.5, 0.5, results),) * 8))[1]
    assert "worse: wer 10.00 to nothing" in row


def test_unknown_memory_and_accuracy_are_stated_as_such() -> None:
    plain = result(None, accuracy=None)
    one = a_round(0.5, 0.5, (plain, plain))
    row = printed(replace(comparison(1.0), rounds=(one,) * 8))[1]
    assert row.split()[-2:] == ["unknown", "-"]


def test_a_case_without_verdict_has_its_reason_below() -> None:
    gone = Comparison("toy", status="skipped", reason="no such operator")
    assert printed(gone)[1].split() == ["toy", "0", "skipped"]
    assert show.remarks([gone]) == ["skipped: toy: no such operator"]


def test_a_comparison_that_broke_keeps_its_numbers_but_no_verdict() -> None:
    broke = comparison(*[1.1] * 8, status="failed", reason="state B: gone")
    row = printed(broke)[1].split()
    assert ("1.100" in row, "failed" in row, "slower" in row) == (True, True, False)


def test_one_line_tells_how_a_comparison_stands() -> None:
    assert show.line(comparison(*[1.1] * 8)) == (
        "toy/good/fp32/eager/cpu/b1: 1.1000 [1.100 to 1.100], 8 pairs, 80 s: slower"
    )
    gone = Comparison("toy", status="skipped", reason="no such operator")
    assert show.line(gone) == "toy: skipped: no such operator"


def test_noise_and_warnings_are_stated_once() -> None:
    noise = a_noise(others_cpu_percent=48.0)
    one = a_round(1.0, 1.0, noise=noise, warnings=("A: a damaged cache",))
    lines = show.remarks([replace(comparison(1.0), rounds=(one, one))])
    assert lines[0].startswith(
        "noise: toy/good/fp32/eager/cpu/b1: others_cpu_percent: 48 % of the worker's "
        "CPUs (limit 5) at worst, in 2 of 2 pairs; likely other programs"
    )
    assert lines[1:] == [
        "warning: toy/good/fp32/eager/cpu/b1: A: a damaged cache",
    ]


def test_the_summary_counts_verdicts() -> None:
    gone = Comparison("toy", status="skipped", reason="no such operator")
    slow, same = comparison(*[1.1] * 8), comparison(*[1.0] * 8)
    assert show.summary([slow, same, gone, slow]) == (
        "time: 2 slower, 1 same, 1 skipped; regressions: 2"
    )


def row_of(name: str, a: float, b: float, **changes: Any) -> str:
    results = tuple(
        result(accuracy={"metrics": {name: metric(v, a, a, **changes)}}) for v in (a, b)
    )
    one = a_round(0.5, 0.5, results)  # type: ignore[arg-type]
    return printed(replace(comparison(1.0), rounds=(one,) * 8))[1]


def test_a_change_of_accuracy_has_its_metrics_own_unit() -> None:
    assert "worse: SI-SDRi 9.25 to 8.50 dB" in row_of(
        "si_sdr_improvement", 9.25, 8.5, better="higher"
    )
    assert "better: SNR -1.00 to 0.50 dB" in row_of("snr", -1.0, 0.5, better="higher")
    assert row_of("edits", 2.0, 2.5).endswith("worse: edits 2.00 to 2.50")


def test_what_the_host_gave_is_stated_over_all_cases() -> None:
    given = [HostShare(at, 90.0, 100.0, share, 1.0) for at, share in ((0, 0.9), (9, 1))]
    one, other = (a_round(1.0, 1.0, noise=a_noise(host=host)) for host in given)
    lines = show.remarks([replace(comparison(1.0), rounds=(one, other))])
    assert lines[0].startswith("host: ")
    assert "of its best in registers" in lines[0]
    assert not show.remarks([comparison(1.0)])
