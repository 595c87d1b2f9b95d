"""Compressions side by side."""

from __future__ import annotations

from typing import Any

import toy
from outcomes import ACCURACY, WORK, broken, outcome, record, training_outcome
from outcomes import point as epoch
from rich.console import Console

from harness.case import Case
from harness.measure.compose import failed, skipped
from harness.profile import SMOKE
from harness.record.schema import Record
from harness.report.by_compression import tables as by_compression
from harness.report.tables.terminal import print_line, print_table

TITLE = "toy/good on cpu, batch size 1: ms/step (time, as a multiple of that runtime's"
WIDTH = 160
RUNTIMES = ("onnxruntime", "openvino", "eager", "compile")


def case(
    compression: str,
    runtime: str = "eager",
    batch_size: int = 1,
    options: tuple[tuple[str, str], ...] = (),
) -> Case:
    return Case("toy", "good", compression, runtime, "cpu", batch_size, options)


def run(
    name: Case,
    step_s: float,
    megabytes: float | None = 80.0,
    error: tuple[str, float, bool | None] = ("cer", 0.081, True),
    warnings: tuple[str, ...] = (),
) -> Record:
    """A case that took so long, with a model so large and (metric, rate, passed)."""
    metric, rate, passed = error
    found: dict[str, Any] = ACCURACY["metrics"]["wer"] | {"value": rate}
    accuracy = {"metrics": {metric: found | {"passed": passed}}, "reason": None}
    size = None if megabytes is None else round(1e6 * megabytes)
    work = WORK | {"items": float(name.batch_size), "model_bytes": size}
    ended = outcome(step_s, accuracy=accuracy, work=work, warnings=warnings)
    return record(ended, case=name)


def printed(*records: Record, width: int = WIDTH) -> list[str]:
    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        for table in by_compression(records):
            print_table(table, console)
            print_line("", console)
    return [line.rstrip() for line in capture.get().splitlines()]


def cells(lines: list[str], start: str) -> list[str]:
    """The cells of the first line that begins so."""
    line = next(line for line in map(str.strip, lines) if line.startswith(start))
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_a_group_is_a_table_of_compressions_over_runtimes() -> None:
    shown = printed(
        run(case("int8-static", "onnxruntime"), 0.016, 20.0, ("cer", 0.2, False)),
        run(case("fp32", "onnxruntime"), 0.064),
        run(case("fp32", "openvino"), 0.05),
        run(case("int8-static", "openvino"), 0.075, 20.0, ("cer", 0.2, False)),
    )
    assert shown == [
        f"{TITLE} fp32)",
        " compression  onnxruntime    openvino           model MB              error %",
        " fp32                  64          50                 80              cer 8.1",
        " int8-static   16 (0.25x)  75 (1.50x)  20 (4.0x smaller)  cer 20.0 FAILS GATE",
        "",
    ]


def test_without_fp32_on_its_runtime_a_time_has_no_ratio() -> None:
    shown = printed(
        run(case("fp32", "onnxruntime"), 0.064),
        run(case("int8", "onnxruntime"), 0.032),
        run(case("int8", "openvino"), 0.03),
    )
    assert cells(shown, "int8 ")[:3] == ["int8", "32 (0.50x)", "30"]


def test_what_did_not_end_is_stated_in_its_cell() -> None:
    shown = printed(
        run(case("fp32"), 0.05),
        skipped(toy.WORKLOAD, case("fp32", "openvino"), SMOKE, "no such operator"),
        failed(toy.WORKLOAD, case("int8", "openvino"), SMOKE, broken()),
    )
    assert cells(shown, "fp32") == ["fp32", "50", "skipped", "80", "cer 8.1"]
    assert cells(shown, "int8") == ["int8", "-", "failed", "-", "-"]


def test_a_case_that_did_not_run_as_claimed_is_marked_with_a_legend() -> None:
    doubted = ("claims int8, but FusedConv ran 60 % in f32",)
    shown = printed(
        run(case("fp32"), 0.05, warnings=("major faults, claims apart",)),
        run(case("int8"), 0.025, warnings=doubted),
        run(case("int8", batch_size=2), 0.025, warnings=doubted),
    )
    assert cells(shown, "fp32")[1] == "50"
    assert cells(shown, "int8")[1] == "25* (0.50x)"
    assert cells(shown[-4:], "int8")[2:] == ["40*", "80*"]
    assert shown[-2] == "* did not run as claimed: see the warnings"


def test_without_such_a_case_there_is_no_legend() -> None:
    assert not any("as claimed" in line for line in printed(run(case("fp32"), 0.05)))


def test_sizes_are_compared_with_fp32_on_their_own_runtime() -> None:
    records = [run(case("fp32", "onnxruntime"), 0.1), run(case("fp32"), 0.1, 40.0)]
    shown = printed(
        *records,
        run(case("int8", "onnxruntime"), 0.1, None),
        run(case("int8"), 0.1, 10.0),
        run(case("int16", "onnxruntime"), 0.1, 81.0),
        run(case("padded", "onnxruntime"), 0.1, 160.0),
    )
    sizes = [cells(shown, name)[3] for name in ("int8", "int16", "padded")]
    assert sizes == ["10 (4.0x smaller)", "81 (as large)", "160 (2.0x)"]


def test_where_runtimes_differ_in_size_or_error_a_note_says_how() -> None:
    shown = printed(
        run(case("fp32", "onnxruntime"), 0.1),
        run(case("fp32", "openvino"), 0.1, None),
        run(case("int8", "onnxruntime"), 0.1, 20.0),
        run(case("int8", "openvino"), 0.1, 21.0, ("cer", 0.3, False)),
        run(case("int8", "eager"), 0.1, 20.0, ("cer", 0.3, False)),
    )
    assert cells(shown, "fp32")[-2:] == ["80", "cer 8.1"]
    assert cells(shown, "int8")[-2:] == ["20 (4.0x smaller) ~", "cer 8.1 ~"]
    notes = [line for line in shown if line.startswith("~")]
    assert notes == [
        "~ int8: 21 MB on openvino; cer 30.0 FAILS GATE on openvino, eager"
    ]


def test_hardware_batch_size_and_options_are_tables_of_their_own() -> None:
    capped = Case("toy", "good", "fp32", "eager", "cpu:threads=1", 1)
    shown = printed(
        run(case("fp32"), 0.1),
        run(case("fp32", batch_size=8), 0.1),
        run(case("fp32", options=(("frames", "1000"),)), 0.1),
        run(capped, 0.1),
    )
    titles = [line.partition(": ")[0] for line in shown if "ms/step" in line]
    assert titles == [
        "toy/good on cpu, batch size 1",
        "toy/good on cpu, batch size 8",
        "toy/good on cpu, batch size 1, frames=1000",
        "toy/good on cpu:threads=1, batch size 1",
    ]


def test_several_batch_sizes_are_a_table_of_throughput() -> None:
    shown = printed(
        run(case("fp32", "openvino", 8), 0.1),
        run(case("fp32", "openvino", 1), 0.05),
        run(case("int8", "openvino", 1), 0.05),
        skipped(toy.WORKLOAD, case("int8", "openvino", 2), SMOKE, "no such operator"),
    )
    start = shown.index("toy/good on cpu: items/s over batch sizes")
    assert shown[start:] == [
        "toy/good on cpu: items/s over batch sizes",
        " compression  runtime   b1       b2  b8",
        " fp32         openvino  20        -  80",
        " int8         openvino  20  skipped   -",
        "",
    ]


def test_one_batch_size_has_no_table_of_throughput() -> None:
    shown = printed(run(case("fp32"), 0.1), run(case("int8"), 0.1))
    assert not any("items/s" in line for line in shown)


def test_trainings_and_groups_without_a_measurement_have_no_table() -> None:
    training = record(training_outcome(epoch(1, 0.9)), case=case("fp32", batch_size=8))
    gone = skipped(toy.WORKLOAD, case("fp32"), SMOKE, "no such operator")
    assert by_compression([training, gone]) == []


def test_four_runtimes_and_fourteen_compressions_fit_on_160_columns() -> None:
    long = "prune-l1-unstructured-50+int8-static"
    doubted = ("claims int8, unproven",)
    shown = printed(
        *(run(case("fp32", name), 0.1) for name in RUNTIMES),
        *(
            run(
                case(f"{long[:-2]}{number:02}", name),
                0.1234,
                20.1 + place,
                ("cer", 0.123 + place, False),
                doubted,
            )
            for number in range(13)
            for place, name in enumerate(RUNTIMES)
        ),
    )
    rows = [line for line in shown if line.startswith(" prune")]
    assert len(rows) == 13
    assert max(map(len, rows)) <= WIDTH
    assert all(row.count("123* (1.23x)") == 4 for row in rows)
    assert all(
        row.endswith("20.1 (4.0x smaller) ~  cer 12.3 FAILS GATE ~") for row in rows
    )


def test_names_of_a_file_are_no_markup() -> None:
    odd = run(case("fp32"), 0.1).model_copy(
        update={"compression": "[red]x", "runtime": "[/oops]", "model": "[b]"}
    )
    shown = printed(odd)
    assert shown[0].startswith("toy/[b] on cpu")
    assert shown[1].split()[:2] == ["compression", "[/oops]"]
    assert cells(shown, "[red]x")[1] == "100"


def test_separation_is_stated_in_db_and_what_differs_too() -> None:
    names = [case("fp32"), case("fp32", "openvino"), case("prune-l1-structured-30")]
    values = [("si_sdr", 9.26, None), ("si_sdr", 9.0, None), ("si_sdr", -0.5, False)]
    shown = printed(
        *(run(n, 0.05, error=value) for n, value in zip(names, values, strict=True))
    )
    assert shown[1].split("  ")[-1].strip() == "accuracy"
    assert cells(shown, "fp32")[-1] == "SI-SDR 9.3 dB ~"
    assert cells(shown, "prune")[-1] == "SI-SDR -0.5 dB FAILS GATE"
    assert "~ fp32: SI-SDR 9.0 dB on openvino" in shown
