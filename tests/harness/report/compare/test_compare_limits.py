"""Limits, prices and weights bind the verdict, or are refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from recorded import (
    CASE,
    TRAINING_CASE,
    accuracy,
    metric,
    record,
    result_file,
    training,
)
from rows import bound, error, measured, row, trained, work
from test_compare_command import PRICES, invoke

from harness.case import Case
from harness.metrics import MetricKinds
from harness.record.schema import Record
from harness.report.compare.limits import limited, qualification
from harness.report.compare.model import Measured, NotMeasured, Row
from harness.report.compare.terms import QuestionError, Terms, check_limits

TERMS = Terms(utilization=1.0, years=4.0)
WER_25 = replace(TERMS, limits={"wer": 0.25})
BETA = {"host": "beta"}
SEPARATION = replace(CASE, workload="separation", model="tasnet")


def case(seconds: float, wer: float = 0.2, of: Case = CASE) -> Record:
    return record(*[[seconds]] * 3, case=of, accuracy=accuracy(wer=metric(wer)))


def many(*seconds: float) -> Record:
    """Two processes with 700 steps each, as p99 takes."""
    return record(*[[*seconds] * (700 // len(seconds))] * 2)


@pytest.fixture
def files(tmp_path: Path) -> Any:
    """Writes a file for each of alpha, beta, ...; their paths."""

    def written(*records: list[Record]) -> list[Path]:
        return [
            result_file(tmp_path / f"{n}.json", *own, machine={"host": name})
            for n, (name, own) in enumerate(
                zip(("alpha", "beta", "gamma"), records, strict=False)
            )
        ]

    return written


def test_a_machine_none_of_whose_cases_qualifies_is_never_crowned(files: Any) -> None:
    """Beta is slower, and the only one that answers in time."""
    fast = many(0.02, *[0.02] * 9, 0.5)  # a stall now and then
    given = files([fast], [many(0.03)])
    status, printed = invoke("compare", *given)
    assert (status, "alpha ranks first" in printed) == (0, True)
    status, printed = invoke("compare", *given, "--at-most=p99_ms=50")
    assert status == 0
    assert "ranks first" not in printed
    assert printed.startswith(
        "Only beta qualifies, with 1 of 1 cases: no case of any other counts with p99 "
        "at most 50 ms (alpha: p99 may be 698.4 ms, above 50)."
    )


def test_nobody_qualifies_and_everything_that_is_written_says_so(
    files: Any, tmp_path: Path
) -> None:
    given = files([case(0.5, 0.4)], [case(0.25, 0.4)])
    outputs = {name: tmp_path / f"out.{name}" for name in ("html", "json", "markdown")}
    options = [f"--{name}={path}" for name, path in outputs.items()]
    status, printed = invoke("compare", *given, "--at-most=wer=25", *options)
    stated = (
        "No candidate qualifies: of 2 measured cases none counts with wer at most 25 % "
        "(alpha: wer 0.4 is above 0.25; beta: wer 0.4 is above 0.25)."
    )
    assert status == 1
    assert printed.startswith(stated)
    assert "250 beyond limits" in printed
    assert f"<p>{stated}</p>" in outputs["html"].read_text()
    assert stated in outputs["markdown"].read_text()
    found = json.loads(outputs["json"].read_text())
    assert (found["verdict"], found["ranking"]) == ([stated], None)
    cells = found["rows"][0]["cells"]
    assert cells["beta"]["beyond_limits"] == "wer 0.4 is above 0.25"
    assert found["qualification"]["qualified"] == {"alpha": 0, "beta": 0}


def test_works_beyond_the_limits_do_not_count(files: Any) -> None:
    """Beta is faster where WER is too high, and slower where it is not."""
    other = replace(CASE, compression="bf16")
    given = files(
        [case(0.5), case(0.5, 0.4, other)], [case(0.6), case(0.01, 0.4, other)]
    )
    assert invoke("compare", *given)[1].startswith("beta ranks first")
    status, printed = invoke("compare", *given, "--at-most=wer=25")
    assert status == 0
    assert "alpha ranks first" in printed
    assert (
        "With wer at most 25 % qualify 1 of 2 cases on alpha; 1 of 2 cases on beta; "
        "1 of 2 works have no case that qualifies (the first: "
        "asr-inference/ds2-small/bf16/eager/b1)."
    ) in printed
    assert "alpha: beyond the limits: wer 0.4 is above 0.25" in printed


def test_who_is_out_is_stated_and_the_others_are_ranked_to_the_first_of_them(
    files: Any,
) -> None:
    given = files([many(0.5)], [many(0.02)], [many(0.03)])
    status, printed = invoke("compare", *given, "--at-most=p99_ms=50")
    assert status == 0
    assert "beta ranks first, with gamma at 0.667 (95 % interval" in printed
    assert "not ranked: alpha: p99 may be 698.4 ms, above 50" in printed
    assert "speed x beta" in printed


def test_a_report_tells_that_nothing_qualifies(files: Any) -> None:
    (path,) = files([case(0.5, 0.4)])
    status, printed = invoke("report", path, "--at-most=wer=25")
    assert status == 1
    assert "No candidate qualifies: of 1 measured cases none counts" in printed
    assert "No candidate qualifies" in path.with_suffix(".html").read_text()
    status, printed = invoke("compare", path, "--at-most=wer=50")
    assert status == 0
    assert "With wer at most 50 % qualify 1 of 1 cases on alpha." in printed


def served(rows: Mapping[Any, Mapping[str, Measured]], terms: Terms) -> list[Row]:
    return list(limited([row(of, cells) for of, cells in rows.items()], terms))


def test_each_workload_is_bound_by_the_metrics_that_it_tells() -> None:
    both = replace(WER_25, at_least={"si_sdr": 6.0})
    decibels = replace(error(9.0), better="higher")
    rows = {
        work(): {"a": measured(), "b": measured(errors={"cer": error(0.1)})},
        work("separation"): {"a": measured(errors={"si_sdr": decibels})},
        work("wav2letter"): {"a": measured(errors={"cer": error(0.1)})},
    }
    stated = [
        cell.beyond_limits for one in served(rows, both) for cell in one.cells.values()
    ]  # type: ignore[union-attr]
    assert stated == [None, "wer is not known", None, "wer is not known"]
    alone = served(rows, WER_25)[1].cells["a"]
    assert alone.beyond_limits == "wer is not known"  # type: ignore[union-attr]


def test_a_latency_binds_every_workload() -> None:
    quick = measured(latency_ms={"p99": bound(40.0)})
    rows = {work(): {"a": quick}, work("other"): {"a": trained()}}
    found = served(rows, replace(TERMS, limits={"p99_ms": 50.0}))
    stated = qualification(found, ["a"], replace(TERMS, limits={"p99_ms": 50.0}))
    assert stated is not None
    assert (stated.qualified, stated.cases) == ({"a": 1}, {"a": 2})
    assert stated.reasons == {"a": ("p99 is not known",)}
    assert stated.without == ("other/ds2-small/fp32/eager/b1",)


def test_what_is_beyond_its_gate_or_other_work_does_not_qualify() -> None:
    rows = limited(
        [
            row(work(), {"a": measured(gate_passed=False)}),
            row(work(batch_size=2), {"a": measured()}, same=False),
        ],
        WER_25,
    )
    found = qualification(rows, ["a"], WER_25)
    assert found is not None
    assert found.contenders == ()
    assert found.reasons["a"] == (
        "beyond its gate",
        "not the same work on all candidates",
    )
    assert qualification(rows, ["a"], TERMS) is None


def test_a_training_that_ends_within_the_limit_qualifies(files: Any) -> None:
    def ended(seconds: float, host_speed: float) -> list[Record]:
        return [
            training(2.0, seed=seed, targets=[(0.3, seconds * host_speed, 3)])
            for seed in (0,)
        ]

    given = files(ended(9.0, 1.0), ended(9.0, 2.0))
    status, printed = invoke("compare", *given, "--at-most=wer=25", "-k", "training")
    assert status == 0
    assert "alpha ranks first" in printed
    assert TRAINING_CASE.workload in printed


@pytest.mark.parametrize("name", ["wre", "p95_ms", "weer"])
def test_an_unknown_metric_is_refused_with_the_nearest(name: str) -> None:
    with pytest.raises(QuestionError, match=f"limit {name}: found no case") as caught:
        check_limits(
            replace(TERMS, limits={name: 0.1}),
            [row(work(), {"a": measured()})],
            MetricKinds(),
        )
    assert "did you mean" in str(caught.value)
    assert "expected one of wer, p50_ms" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "stated"),
    [
        (
            ["--at-most=wre=25"],
            "limit wre: found no case with that error or latency (did ",
        ),
        (["--at-most=wer=25", "--at-most=wer=30"], "wer has a limit already: give one"),
        (["--at-least=wer=25"], "expected --at-most=wer=25"),
        (["--load=500"], "--load does nothing without --prices: give a list of prices"),
        (["--years=2"], "--years does nothing without --prices"),
        (["--utilization=50"], "--utilization does nothing without --prices"),
        (["-k", "nothing"], "the only case of these files does not match -k 'nothing'"),
    ],
)
@pytest.mark.parametrize("command", ["compare", "report"])
def test_what_would_do_nothing_is_refused(
    files: Any, command: str, options: list[str], stated: str
) -> None:
    given = files([case(0.5)])
    status, printed = invoke(command, *given, *options)
    assert (status, stated in printed) == (2, True)


def test_weights_of_what_is_not_there_are_refused(files: Any, tmp_path: Path) -> None:
    given, weights = files([case(0.5)], [case(0.6)]), tmp_path / "weights.toml"
    weights.write_text("[weights]\nasr-inferense = 2\n")
    status, printed = invoke("compare", *given, "--weights", weights)
    assert status == 2
    assert "unknown workload asr-inferense = 2 (did you mean asr-inference?)" in printed
    weights.write_text("[weights]\nasr-inference = 2\n")
    status, printed = invoke("compare", given[0], "--weights", weights)
    assert (status, "a single candidate is not ranked" in printed) == (2, True)


def test_a_weight_of_what_does_not_count_is_stated(files: Any, tmp_path: Path) -> None:
    bare = record(
        [0.5], case=SEPARATION, accuracy={"metrics": None, "reason": "untrained"}
    )
    slower = bare.model_copy(update={"reason": None})
    weights = tmp_path / "weights.toml"
    weights.write_text("[weights]\nseparation = 2\n")
    given = files([case(0.5), bare], [case(0.6), slower])
    printed = invoke("compare", *given, "--weights", weights)[1]
    assert "the weight 2 of separation did nothing: none of its works counts" in printed


def test_what_was_allowed_in_vain_is_stated(files: Any) -> None:
    given = files([case(0.5)], [case(0.6)])
    printed = invoke("compare", *given, "--allow=corpus")[1]
    assert "--allow=corpus did nothing: no work differs in it" in printed


def test_a_load_decides_by_its_total(files: Any, tmp_path: Path) -> None:
    """288 hours of audio a day are all of alpha's: 24 h x 365.25 x 2 x 0.6."""
    prices = tmp_path / "prices.toml"
    prices.write_text(PRICES)
    given = files([case(0.5)], [case(0.25)])
    asked = ("--prices", prices, "--load=288", "--years=2")
    printed = invoke("compare", *given, *asked)[1]
    assert (
        "288 hours of audio a day over 2 years cost least on alpha: 10,500 EUR "
        "(1 machine)"
    ) in printed


def test_a_level_that_no_candidate_has_cores_for_is_no_work_without_a_case():
    limits = replace(TERMS, limits={"wer": 0.25})
    levels = [
        replace(work(), options=(("instances", count),)) for count in ("2", "128")
    ]
    skipped = NotMeasured("skipped", "more instances than cores")
    rows = [
        row(work(), {"a": measured(), "b": measured()}),
        row(levels[0], {"a": measured(errors={"wer": error(0.5)}), "b": skipped}),
        row(levels[1], {"a": skipped, "b": skipped}),
    ]
    found = qualification(limited(rows, limits), ["a", "b"], limits)
    assert found is not None
    assert found.without == (str(levels[0]),)
