"""The command `speechmark onednn`, as a user calls it."""

import csv
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from onednn_logs import GRAPH, STEP, convolution

from harness.cli import main
from harness.onednn.each import COLUMNS

ROOT = Path(__file__).parents[3]


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
    assert "10 executions" in run("table", log, "--each", f"--{name}", path)
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
    assert f"{other}: oneDNN 3.12.0" in run("diff", log, other)
    text = run("breakdown", log, other, "--html", tmp_path / "page.html")
    assert f"{other}: primitives" in text
    assert (tmp_path / "page.html").read_text().count("share of the time") == 2


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
    assert "no benchdnn is on PATH" in run("benchdnn", log, "--run", status=2)
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


def test_an_empty_log_leaves_no_file_of_rows(tmp_path):
    log, rows = tmp_path / "log", tmp_path / "rows.csv"
    log.write_text("epoch 1\n")
    assert "holds no execution" in run("table", log, "--each", "--csv", rows, status=2)
    assert not rows.exists()


def test_rows_tell_what_was_not_read(log, tmp_path):
    log.write_text(log.read_text() + convolution()[:90])
    text = run("table", log, "--each", "--csv", tmp_path / "rows.csv")
    assert "not read: 1 line of damaged executions" in text


def test_logs_without_primitives_are_no_difference(log, tmp_path):
    graphs = tmp_path / "graphs.log"
    graphs.write_text(GRAPH.format(time="1"))
    text = run("diff", log, graphs, status=2)
    assert "graphs.log has no primitives" in text


def test_one_log_beside_itself_has_two_names(log, tmp_path):
    path = tmp_path / "rows.csv"
    run("diff", log, log, "--csv", path)
    heads = path.read_text().splitlines()[0]
    assert f"calls A, {log}" in heads
    assert f"calls B, {log}" in heads


def test_files_tell_logs_apart(log, tmp_path):
    other, path = tmp_path / "other.log", tmp_path / "rows.csv"
    other.write_text(STEP)
    run("breakdown", log, other, "--csv", path)
    tables = {row["table"] for row in csv.DictReader(path.open())}
    assert tables == {"primitive of step.log", "primitive of other.log"}


def test_nothing_but_replays_loads_torch(log):
    code = (
        "import sys; from click.testing import CliRunner; from harness.cli import main;"
        f"done = CliRunner().invoke(main, ['onednn', 'breakdown', {str(log)!r}]);"
        "assert done.exit_code == 0, done.output; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_an_option_that_would_do_nothing_is_refused(log):
    for option in (("--profile", "smoke"), ("--steps", 2)):
        assert "does nothing with a log" in run("project", log, *option, status=2)
    for option in (("--threads", 2), ("--anyway",)):
        text = run("project", "--case", "x", *option, status=2)
        assert "does nothing with a case" in text


def test_a_log_of_this_library_is_replayed(tmp_path):
    """In a process of its own, which binds itself to CPUs and sets threads."""
    log, rows = tmp_path / "log", tmp_path / "rows.json"
    code = (
        "import torch; torch.set_num_threads(1); m = torch.nn.Conv1d(16, 16, 3);"
        "x = torch.rand(2, 16, 50); [m(x) for _ in range(3)]"
    )
    speechmark = [sys.executable, "-m", "harness.cli", "onednn"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    recorded = [*speechmark, "record", "--log", log, "--", sys.executable, "-c", code]
    subprocess.run(recorded, check=True, cwd=ROOT, env=environment)
    cpu = str(min(os.sched_getaffinity(0)))
    replayed = [*speechmark, "project", log, "--cpus", cpu, "--runs", "2"]
    done = subprocess.run(
        [*replayed, "--json", rows],
        check=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "reproduced: 100.0 % of the logged time" in done.stdout
    assert "efficiency" in done.stdout
    first = json.loads(rows.read_text())["tables"][0]
    assert len(first["rows"]) >= 1
    refused = subprocess.run(
        [*replayed, "--threads", "3"], cwd=ROOT, capture_output=True, text=True
    )
    assert refused.returncode == 1
    assert "threads 1 in the log, 3 here" in refused.stderr


CASE = "separation/conv-tasnet-small/prune-l1-structured-30/eager/cpu/b1"


OF_CASE = ["--profile", "smoke", "--steps", "1"]


def test_steps_of_a_case_of_the_suite_are_logged(tmp_path):
    log = tmp_path / "log"
    command = [sys.executable, "-m", "harness.cli", "onednn", "steps", CASE]
    subprocess.run([*command, "--log", log, *OF_CASE], check=True, cwd=ROOT)
    text = run("breakdown", log)
    assert "convolution" in text
    assert "of the wall time" in text


@pytest.mark.slow
def test_steps_and_replays_of_a_case_of_the_suite_take_turns():
    command = [sys.executable, "-m", "harness.cli", "onednn", "project"]
    done = subprocess.run(
        [*command, "--case", CASE, "--runs", "2", *OF_CASE],
        check=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "reproduced: 100.0 % of the logged time" in done.stdout


def test_a_case_that_is_none_names_those_like_it():
    wrong = "separation/conv-tasnet/fp16/eager/cpu/b1"
    assert "did you mean separation/" in run("project", "--case", wrong, status=2)
    assert "is no case on a CPU" in run("steps", "separation/x/fp32/eager", status=2)


def test_a_projection_is_of_a_log_or_of_a_case(log):
    assert "one of them" in run("project", status=2)
    assert "one of them" in run("project", log, "--case", "x", status=2)


def test_a_log_of_another_library_is_refused(log):
    """In a process of its own: oneDNN tells its version once."""
    command = [sys.executable, "-m", "harness.cli", "onednn", "project", log]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "--anyway goes on" in done.stderr
    assert "isa Intel AVX-512 in the log" in done.stderr


def test_cpus_that_are_not_there_are_refused(log):
    assert "expected some of" in run("project", log, "--cpus", "9999", status=2)
