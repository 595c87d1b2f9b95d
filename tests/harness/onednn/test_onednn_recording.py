import json
import sys

import pytest

from harness.onednn.recording import environment, record

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
    assert environment({}, is_stamped=True)["ONEDNN_VERBOSE_TIMESTAMP"] == "1"


def test_a_program_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="cannot run no-such-program: No such file"):
        record(["no-such-program"], tmp_path / "log")


def test_a_program_of_torch_is_recorded(tmp_path):
    log = tmp_path / "log"
    code = (
        "import torch; m = torch.nn.Conv1d(16, 16, 3);"
        "print(m(torch.rand(2, 16, 50)).shape)"
    )
    assert record([sys.executable, "-c", code], log, is_stamped=True).status == 0
    from harness.onednn.totals import totals_of

    totals = totals_of(log, ("primitive",), lambda done: None)
    assert ("convolution",) in totals.of()
    assert 0 < totals.coverage < 1
    assert totals.header.threads
