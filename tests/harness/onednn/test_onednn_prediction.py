from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from onednn_logs import HEAD, convolution

from harness.cli import main
from harness.observe.onednn.log import read_log
from harness.observe.onednn.total import Total
from harness.onednn.costs import Cost, cost_of
from harness.onednn.prediction import (
    HardwarePeaks,
    file_and_hardware,
    peaks_of,
    predicted,
    prediction_lines,
)


def execution(line):
    (call,) = read_log([line.encode()]).calls
    return call.execution


def line(primitive, descriptors, problem, propagation="undef", auxiliary=""):
    return (
        f"onednn_verbose,v1,primitive,exec,cpu,{primitive},jit:uni,{propagation},"
        f"{descriptors},,{auxiliary},{problem},0.5\n"
    )


LSTM = "alg:vanilla_lstm direction:unidirectional_left2right activation:undef flags:"
BOTH_WAYS = "alg:vanilla_lstm direction:bidirectional_concat"
SRC, DST = "src:f32::blocked:ab::f0", "dst:f32::blocked:ab::f0"
ATTENTION = " ".join(
    f"{name}:f16::blocked:abcd::f0" for name in ("query", "key", "val", "dst")
)


F32 = "src:f32::blocked:ab::f0 wei:f32::blocked:ab::f0 dst:f32::blocked:ab::f0"
BF16 = "src:bf16::blocked:ab::f0 wei:bf16::blocked:ab::f0 dst:f32::blocked:ab::f0"


@pytest.mark.parametrize(
    ("given", "macs", "moved", "precision"),
    [
        (
            convolution(problem="mb2_ic3oc8_ih16oh14kh3sh1dh0ph0_iw16ow14kw3sw1dw0pw0"),
            2 * 8 * 14 * 14 * 27,
            4 * (2 * 3 * 256 + 8 * 27 + 2 * 8 * 196),
            "fp32",
        ),
        (
            line("deconvolution", F32, "mb1_ic4oc2_iw10ow21kw3sw2dw0pw0"),
            10 * 4 * 2 * 3,
            4 * (40 + 24 + 42),
            "fp32",
        ),
        (line("matmul", BF16, "4x64:64x32"), 4 * 64 * 32, 512 + 4096 + 512, "bf16"),
        (
            line("matmul", F32, "3x4x5:3x5x6"),
            3 * 4 * 5 * 6,
            4 * (60 + 90 + 72),
            "fp32",
        ),
        (
            line("matmul", F32, "1x4x5:3x5x6:3x4x6"),
            3 * 4 * 5 * 6,
            4 * (20 + 90 + 72),
            "fp32",
        ),
        (
            line("sdpa", ATTENTION, "1x2x384x64:1x2x64x256:1x2x256x128"),
            2 * 384 * 256 * (64 + 128),
            2 * (2 * 384 * 64 + 2 * 64 * 256 + 2 * 256 * 128 + 2 * 384 * 128),
            "fp16",
        ),
        (line("binary", f"{SRC} {SRC} {DST}", "8x4:1x4"), 0, 4 * (32 + 4 + 32), "fp32"),
        (line("reduction", f"{SRC} {DST}", "8x4:8x1"), 0, 4 * (32 + 8), "fp32"),
        (
            line("inner_product", F32, "mb64ic784oc128"),
            64 * 784 * 128,
            4 * (64 * 784 + 784 * 128 + 64 * 128),
            "fp32",
        ),
        (
            line("reorder", "src:f32::blocked:ab::f0 dst:bf16::blocked:ab::f0", "8x4"),
            *(0, 32 * (4 + 2), "fp32"),
        ),
        (
            line(
                "rnn",
                "src_layer:f32::b:abc::f0 wei_layer:f32::b:abdec::f0 "
                "dst_layer:f32::b:abc::f0",
                "l1t5mb2sic24slc16dhc24dic24",
                "backward",
                LSTM,
            ),
            2 * 5 * 2 * 4 * 24 * (16 + 24),
            4 * (5 * 2 * 16 + 4 * 24 * 40 + 5 * 2 * 24),
            "fp32",
        ),
    ],
)
def test_costs_are_counted_by_the_problem(given, macs, moved, precision):
    assert cost_of(execution(given)) == Cost(macs, moved, precision)


@pytest.mark.parametrize(
    "given",
    [
        line("matmul", F32, "*x64:64x32"),
        line("pooling", F32, "mb1ic2_iw8ow4kw2sw2dw0pw0"),
        line("matmul", F32.replace("f32", "f4_e2m1"), "2x3:3x4"),
        line("convolution", F32, "2x3"),
        line("inner_product", F32, "mb64"),
        line("rnn", F32, "l1t5mb2sic24slc16dhc24dic24", auxiliary="alg:lbr_gru"),
        line("rnn", F32, "l2t5mb2sic24slc16dhc24dic24", auxiliary=LSTM),
        line("rnn", F32, "l1t5mb2sic24slc16dhc24dic24", auxiliary=BOTH_WAYS),
    ],
)
def test_what_the_problem_does_not_tell_has_no_cost(given):
    assert cost_of(execution(given)) is None


def test_the_roofline_is_arithmetic_or_memory():
    cost = Cost(1_000, 8_000, "fp32")
    assert cost.least_s(2e3, 1e9) == 1.0
    assert cost.least_s(1e12, 8e3) == 1.0


HERE = HardwarePeaks("here", {"fp32": 1e9, "bf16": 4e9}, 1e12)
THERE = HardwarePeaks("there", {"fp32": 4e9, "bf16": 4e9}, 1e12)


def test_a_primitive_reaches_the_same_share_of_its_roofline_there():
    one, other = (
        execution(line("matmul", F32, "64x64:64x64")),
        execution(line("matmul", BF16, "64x64:64x64")),
    )
    found = {one: Total(calls=2, time_ms=8.0), other: Total(calls=1, time_ms=4.0)}
    made = predicted(found, HERE, THERE)
    assert {row.execution.dtypes: row.predicted_ms for row in made.rows} == {
        "f32,f32,f32": 1.0,
        "bf16,bf16,f32": 4.0,
    }
    assert (made.observed_ms, made.predicted_ms) == (12.0, 6.0)
    assert made.median_error is None
    assert "its error is not known" in list(prediction_lines(made, "a", "b", False))[-1]


def test_its_error_is_told_by_a_log_of_the_target_whatever_kernel_ran_there():
    one = execution(line("matmul", F32, "64x64:64x64"))
    there = execution(line("matmul", F32, "64x64:64x64").replace("jit:uni", "brg:amx"))
    measured = {there: Total(calls=3, time_ms=2.4)}
    made = predicted({one: Total(calls=2, time_ms=8.0)}, HERE, THERE, measured)
    assert made.rows[0].measured_ms == pytest.approx(0.8)
    assert made.median_error == pytest.approx(0.25)
    assert made.total_error == pytest.approx(0.25)
    last = list(prediction_lines(made, "a", "b", True))[-1]
    assert "error: 25.0 % in the median" in last
    assert "has 100 % of the predicted time" in last


def test_what_has_no_cost_or_no_peak_is_left_out_and_said():
    lost = execution(line("pooling", F32, "mb1ic2_iw8ow4kw2sw2dw0pw0"))
    made = predicted({lost: Total(calls=1, time_ms=3.0)}, HERE, THERE)
    assert made.left_ms == 3.0
    assert "left out: 3 ms" in "".join(prediction_lines(made, "a", "b", False))
    nothing = HardwarePeaks("none", {"int8": 1.0}, 1.0)
    product = execution(line("matmul", F32, "64x64:64x64"))
    assert predicted({product: Total(1, 0, 3.0)}, HERE, nothing).left_ms == 3.0
    moved = execution(line("reorder", F32, "8x4"))
    assert predicted({moved: Total(1, 0, 3.0)}, HERE, nothing).left_ms == 0.0


def test_a_log_of_other_primitives_tells_no_error():
    one = execution(line("matmul", F32, "64x64:64x64"))
    other = execution(line("matmul", F32, "8x8:8x8"))
    made = predicted({one: Total(1, 0, 8.0)}, HERE, THERE, {other: Total(1, 0, 8.0)})
    assert "has none of these" in list(prediction_lines(made, "a", "b", True))[-1]


@pytest.fixture
def results(monkeypatch):
    """A result file of two hardware settings, one of them with two readings."""
    flops = [("cpu", 8e9), ("cpu", 7e9), ("cpu:threads=1", 4e9)]
    records = [
        SimpleNamespace(
            hardware=hardware,
            roofline=SimpleNamespace(
                precision="fp32", peak_flops_per_s=one, peak_bytes_per_s=1e12
            ),
        )
        for hardware, one in flops
    ]
    records.append(SimpleNamespace(hardware="cuda:0", roofline=None))
    monkeypatch.setattr(
        "harness.onednn.prediction.load", lambda path: SimpleNamespace(records=records)
    )


@pytest.mark.usefixtures("results")
def test_peaks_are_the_highest_of_a_hardware_setting():
    assert peaks_of("r.json").flops_per_s == {"fp32": 8e9}
    assert peaks_of("a/r.json@cpu:threads=1").name == "r@cpu:threads=1"
    with pytest.raises(
        ValueError, match="no peaks of cuda:0: it has those of cpu, cpu:t"
    ):
        peaks_of("r.json@cuda:0")


def test_peaks_of_committed_results_are_found():
    path = Path(__file__).parents[3] / "results" / "two-core-xeon-quick.json"
    found = peaks_of(f"{path}@cpu")
    assert {"fp32", "bf16", "int8"} <= found.flops_per_s.keys()
    assert found.flops_per_s["bf16"] > found.flops_per_s["fp32"] > 1e9
    assert found.bytes_per_s > 1e9


@pytest.mark.usefixtures("results")
def test_a_prediction_is_printed_and_written(tmp_path):
    log: Path = tmp_path / "step.log"
    log.write_text(HEAD + convolution(time="2"))
    done = CliRunner().invoke(
        main,
        [
            *("onednn", "predict", str(log), "--source", "r.json@cpu"),
            *("--target", "r.json@cpu:threads=1", "--measured", str(log)),
            *("--csv", str(tmp_path / "rows.csv")),
        ],
    )
    assert done.exit_code == 0, done.output
    assert "predicted on r@cpu:threads=1: 4 ms" in done.output
    assert "100.0 % in the median" in done.output
    assert "convolution" in (tmp_path / "rows.csv").read_text()


def test_a_prediction_is_never_written_over_what_it_reads(log, tmp_path):
    path = tmp_path / "r.json"
    path.write_text("{}")
    for output, others in ((path, []), (log, ["--measured", str(log)])):
        done = CliRunner().invoke(
            main,
            [
                *("onednn", "predict", str(log), "--source", str(path)),
                *("--target", f"{path}@cpu", "--csv", str(output), *others),
            ],
        )
        assert done.exit_code == 2
        assert "one of the files that are read" in done.output
    assert path.read_text() == "{}"


def test_a_files_own_name_may_have_an_at(tmp_path):
    path = tmp_path / "a@b.json"
    path.write_text("")
    assert file_and_hardware(str(path)) == (path, "")
    assert file_and_hardware(f"{path}@cpu") == (path, "cpu")
    assert file_and_hardware("none.json") == (Path("none.json"), "")


def test_a_file_without_results_is_an_error(log):
    done = CliRunner().invoke(
        main, ["onednn", "predict", str(log), "--source", str(log), "--target", "x"]
    )
    assert done.exit_code == 2
    assert "step.log" in done.output
