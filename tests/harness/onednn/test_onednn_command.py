"""The command `speechmark onednn`, as a user calls it."""

import csv
import json
import stat
import sys

import pytest
from click.testing import CliRunner
from onednn_logs import STEP, convolution

from harness.cli import main
from harness.onednn.each import COLUMNS


def run(*arguments, status=0):
    done = CliRunner().invoke(main, ["onednn", *map(str, arguments)])
    assert done.exit_code == status, done.output
    return done.output


def test_help_tells_the_subcommands_in_the_order_of_their_use():
    text = run("--help")
    names = [
        *("record", "table", "breakdown", "diff", "trace"),
        *("steps", "project", "predict", "benchdnn"),
    ]
    places = [text.index(f"\n  {name} ") for name in names]
    assert places == sorted(places)


def test_a_breakdown_is_printed_and_written(log, tmp_path):
    html, data = tmp_path / "page.html", tmp_path / "rows.csv"
    text = run("breakdown", log, "--html", html, "--csv", data)
    assert "backward_weights" in text
    assert "oneDNN 3.12.0, Intel AVX-512, 2 threads" in text
    page = html.read_text()
    assert "plotly" in page
    assert "where the time of oneDNN went" in page
    rows = list(csv.DictReader(data.open()))
    assert [row["time (ms)"] for row in rows] == ["8.0", "6.0", "4.0", "1.0", "1.0"]


def test_a_breakdown_is_by_any_keys(log):
    text = run("breakdown", log, "--by", "isa,dtypes")
    assert "avx512_core_bf16" in text
    assert "direction" not in text
    assert "no key is called 'shape'" in run(
        "breakdown", log, "--by", "shape", status=2
    )


@pytest.mark.parametrize("name", ["csv", "json", "parquet"])
def test_a_row_a_call_is_written_as_it_is_read(log, tmp_path, name):
    path = tmp_path / f"rows.{name}"
    assert "10 rows" in run("table", log, "--each", f"--{name}", path)
    if name == "csv":
        rows = list(csv.DictReader(path.open()))
    elif name == "json":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        from pyarrow import parquet

        rows = parquet.read_table(path).to_pylist()
    assert len(rows) == 10
    assert tuple(rows[0]) == COLUMNS
    assert float(rows[1]["time_ms"]) == 2.0
    assert rows[4]["post-ops"] == "sum+eltwise_relu"


def test_each_needs_a_file(log):
    assert "give --csv, --json, --parquet" in run("table", log, "--each", status=2)


def test_a_table_has_a_row_a_distinct_line(log, tmp_path):
    path = tmp_path / "rows.json"
    text = run("table", log, "--json", path)
    assert "brg_matmul:avx512_core_bf16" in text
    (table,) = json.loads(path.read_text())["tables"]
    assert len(table["rows"]) == 5


def test_two_logs_are_set_side_by_side(log, tmp_path):
    other, html = tmp_path / "other.log", tmp_path / "page.html"
    other.write_text(STEP.replace(",2\n", ",6\n") + convolution("backward", "1"))
    text = run("diff", log, other, "--steps", 2, 1, "--html", html)
    assert "missing in step.log" in text
    assert "+4" in text
    assert "step.log and other.log" in html.read_text()
    assert "3.000" in run("diff", log, other, "--steps", 2, 1, "--names", "A", "B")


def test_per_call_divides_by_all_calls_of_a_log(log, tmp_path):
    text = run("diff", log, log, "--per-call", "--csv", tmp_path / "rows.csv")
    assert "missing" not in text
    rows = list(csv.DictReader((tmp_path / "rows.csv").open()))
    assert {row["ratio"] for row in rows} == {"1.0"}
    exclude = run("diff", log, log, "--per-call", "--steps", 1, 1, status=2)
    assert "exclude each other" in exclude


def test_logs_of_one_name_are_told_apart(log, tmp_path):
    other = tmp_path / "b" / log.name
    other.parent.mkdir()
    other.write_text(log.read_text())
    assert f"B ({other})" in run("diff", log, other)


def test_an_output_is_never_the_log(log):
    assert "one of the files that are read" in run("table", log, "--csv", log, status=2)


def test_a_log_without_executions_is_an_error(tmp_path):
    path = tmp_path / "log"
    path.write_text("epoch 1\n")
    assert "holds no execution of oneDNN" in run("breakdown", path, status=2)


def test_a_batch_file_is_written_or_printed(log, tmp_path):
    path = tmp_path / "batch"
    assert run("benchdnn", log).count("--mode=P") == 5
    run("benchdnn", log, "--output", path, "--cold-cache", "all")
    assert path.read_text().count("--cold-cache=all") == 5


def test_benchdnn_is_run_where_it_is_there(log, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is no benchdnn on PATH" in run("benchdnn", log, "--run", status=2)
    calls = tmp_path / "calls"
    program = tmp_path / "benchdnn"
    program.write_text(
        f"#!{sys.executable}\nimport sys\n"
        f"open({str(calls)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        "sys.exit('--matmul' in sys.argv)\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert "1 case of 5 failed" in run("benchdnn", log, "--run", status=1)
    assert calls.read_text().count("--mode=P") == 5


def test_a_program_is_recorded_with_its_own_status(tmp_path):
    log = tmp_path / "log"
    code = f"print({convolution()!r}, end=''); raise SystemExit(4)"
    run("record", "--log", log, "--", sys.executable, "-c", code, status=4)
    assert "primitives are" in run("breakdown", log)


def test_a_projection_is_of_a_log_or_of_a_case(log):
    assert "one of them" in run("project", status=2)
    assert "one of them" in run("project", log, "--case", "x", status=2)


def test_a_log_of_another_library_is_refused(log):
    text = run("project", log, status=1)
    assert "--anyway" in text
    assert "in the log" in text


def test_cpus_that_are_not_there_are_refused(log):
    assert "expected some of" in run("project", log, "--cpus", "9999", status=2)
