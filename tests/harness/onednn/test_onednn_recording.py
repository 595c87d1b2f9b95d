import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from onednn_logs import convolution

from harness.observe.onednn.log import lines_of, read_log
from harness.onednn.recording import environment, record
from harness.onednn.totals import totals_of

ROOT = Path(__file__).parents[3]

TALKS = (
    "import os, sys; print('before');"
    "print('onednn_verbose,v1,info,oneDNN v3.12.0 (commit x)');"
    "print(os.environ['ONEDNN_VERBOSE'], os.environ['LC_NUMERIC'], flush=True);"
    "print('to stderr', file=sys.stderr); sys.exit(3)"
)


def test_log_and_other_output_are_kept_apart(tmp_path, capfd):
    log = tmp_path / "log"
    found = record([sys.executable, "-c", TALKS], log)
    out, err = capfd.readouterr()
    assert out == "before\n1 C\n"
    assert err == "to stderr\n"
    first, last = log.read_text().splitlines()
    assert first == "onednn_verbose,v1,info,oneDNN v3.12.0 (commit x)"
    told = json.loads(last.removeprefix("speechmark_recorded,"))
    assert told["command"][0] == sys.executable
    assert told["status"] == found.status == 3
    assert 0 < told["wall_s"] == found.wall_s


def test_the_wall_time_is_until_the_program_ends(tmp_path):
    """Which may close its output before."""
    code = "import os, time; os.close(1); time.sleep(0.5); os._exit(5)"
    found = record([sys.executable, "-c", code], tmp_path / "log")
    assert (found.status, found.wall_s > 0.5) == (5, True)


def test_numbers_have_a_point_whatever_the_locale():
    found = environment({"LC_ALL": "de_DE.UTF-8", "LC_TIME": "de_DE", "PATH": "/bin"})
    assert found["LC_NUMERIC"] == "C"
    assert found["LANG"] == "de_DE.UTF-8"
    assert "LC_ALL" not in found
    assert "LC_TIME" not in found
    assert found["PATH"] == "/bin"
    assert {found[f"{name}_VERBOSE"] for name in ("ONEDNN", "DNNL", "MKLDNN")} == {"1"}


def test_timestamps_are_asked_for_by_name():
    assert "ONEDNN_VERBOSE_TIMESTAMP" not in environment({})
    stamped = environment({}, is_stamped=True)
    assert stamped["ONEDNN_VERBOSE_TIMESTAMP"] == "1"
    assert stamped["DNNL_VERBOSE_TIMESTAMP"] == "1"


def test_a_program_that_is_not_there_is_an_error_and_leaves_the_log_of_before(tmp_path):
    log = tmp_path / "log"
    log.write_text("of before")
    with pytest.raises(ValueError, match="cannot run no-such-program: No such file"):
        record(["no-such-program"], log)
    assert log.read_text() == "of before"


def test_a_log_that_cannot_be_written_ends_the_program(tmp_path):
    with pytest.raises(ValueError, match=r"cannot write .*Is a directory"):
        record(["sleep", "60"], tmp_path)


def test_a_program_killed_in_a_line_keeps_its_wall_time_and_no_cut_number(tmp_path):
    log = tmp_path / "log"
    code = (
        f"import os, sys; sys.stdout.write({convolution()!r});"
        f"sys.stdout.write({convolution()[:-1]!r}); sys.stdout.flush(); os.abort()"
    )
    found = record([sys.executable, "-c", code], log)
    totals = totals_of(log, ("primitive",), lambda done: None)
    assert totals.recording == found
    assert found.status < 0
    assert (totals.calls(), totals.passed_over["damaged executions"].lines) == (1, 1)


def test_nobody_has_to_read_the_programs_output(tmp_path):
    log = tmp_path / "log"
    talk = f"print('x' * 70000); print('y' * 70000); print({convolution()!r}, end='')"
    code = (
        "import sys; from pathlib import Path;"
        "from harness.onednn.recording import record;"
        f"record([sys.executable, '-c', {talk!r}], Path({str(log)!r}))"
    )
    command = f"{sys.executable} -c {shlex.quote(code)} | head -c 1"
    subprocess.run(command, shell=True, check=True, cwd=ROOT, stdout=subprocess.PIPE)
    assert totals_of(log, ("primitive",), lambda done: None).calls() == 1


def test_an_interrupt_ends_the_program_and_keeps_its_log(tmp_path):
    log = tmp_path / "log"
    waits = f"import time; print({convolution()!r}, end='', flush=True); time.sleep(60)"
    code = (
        "import sys; from pathlib import Path;"
        "from harness.onednn.recording import record;"
        f"record([sys.executable, '-c', {waits!r}], Path({str(log)!r}))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, start_new_session=True
    )
    for _ in range(600):
        if log.is_file() and process.poll() is None:
            time.sleep(0.1)
            break
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    process.wait(30)
    assert "speechmark_recorded" in log.read_text()


def test_a_program_of_torch_is_recorded(tmp_path):
    log = tmp_path / "log"
    code = (
        "import torch; m = torch.nn.Conv1d(16, 16, 3);"
        "print(m(torch.rand(2, 16, 50)).shape)"
    )
    assert record([sys.executable, "-c", code], log, is_stamped=True).status == 0
    totals = totals_of(log, ("primitive",), lambda done: None)
    assert ("convolution",) in totals.of()
    assert 0 < totals.coverage < 1
    assert totals.header.threads
    with log.open("rb") as file:
        stamps = [call.timestamp_ms for call in read_log(lines_of(file)).calls]
    assert len(stamps) >= 1
    assert all(stamps)
