"""Work in a process of its own: what reaches it, and what comes back."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from workloads.elsewhere import ElsewhereError, check_importable, run_elsewhere


def leave_traces(path, value):
    print("chatter of a library")
    loaded = "torch" in sys.modules
    text = f"{os.getpid()} {value} {os.environ['SPEECHMARK_TEST']} {loaded}"
    path.write_text(text)


def warn():
    logging.getLogger("speechmark").warning("%d files are damaged", 3)
    logging.getLogger("speechmark").info("nobody asked")
    os.write(1, b"chatter of a library in C\n")


def fail():
    print("half way", file=sys.stderr)
    raise ValueError("the data are empty")


def leave():
    print("giving up", file=sys.stderr)
    sys.exit(3)


def crash():
    os.kill(os.getpid(), signal.SIGKILL)


def stop():
    os.kill(os.getpid(), signal.SIGRTMIN)  # one that has no name of its own


def wait(path):
    path.write_text(str(os.getpid()))
    time.sleep(60)


def fail_at_length():
    print("first words" + "." * 5000 + "last words", file=sys.stderr)
    os._exit(4)


def test_another_process_with_this_ones_environment_does_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SPEECHMARK_TEST", "capped")
    run_elsewhere(leave_traces, (tmp_path / "trace", np.float32(1.5)), "a trace")
    pid, *rest = (tmp_path / "trace").read_text().split()
    assert int(pid) != os.getpid()
    assert rest == ["1.5", "capped", "False"]


def test_its_environment_may_have_variables_that_this_one_has_not(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("SPEECHMARK_TEST", "of this process")
    path = tmp_path / "trace"
    variables = {"SPEECHMARK_TEST": "of-that"}
    run_elsewhere(leave_traces, (path, 1), "a trace", variables)
    assert path.read_text().split()[2] == "of-that"
    assert os.environ["SPEECHMARK_TEST"] == "of this process"


def test_its_import_path_is_this_ones_whatever_the_variables(tmp_path, monkeypatch):
    monkeypatch.setenv("SPEECHMARK_TEST", "")
    path = tmp_path / "trace"
    run_elsewhere(leave_traces, (path, 1), "a trace", {"PYTHONPATH": "nowhere"})
    assert path.exists()


def test_what_was_printed_there_stays_there(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("SPEECHMARK_TEST", "")
    run_elsewhere(leave_traces, (tmp_path / "trace", 1), "a trace")
    run_elsewhere(warn, (), "a warning")
    assert "chatter" not in "".join(capfd.readouterr())


def test_its_warnings_are_repeated_here(caplog):
    run_elsewhere(warn, (), "a warning")
    assert [record.getMessage() for record in caplog.records] == ["3 files are damaged"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_an_error_tells_what_was_not_made_and_why():
    with pytest.raises(ElsewhereError) as caught:
        run_elsewhere(fail, (), "train features")
    text = str(caught.value)
    assert text.startswith(
        "train features cannot be made: ValueError: the data are empty\n"
    )
    assert "half way" in text
    assert "Traceback" in text


@pytest.mark.parametrize(
    ("function", "ending"),
    [
        (leave, r"its process ended by exit status 3\s+giving up"),
        (crash, "its process ended by SIGKILL: often a lack of memory"),
        (stop, f"its process ended by signal {signal.SIGRTMIN.value}"),
    ],
)
def test_a_process_that_ends_abruptly_tells_how(function, ending):
    with pytest.raises(ElsewhereError, match=f"features cannot be made: {ending}"):
        run_elsewhere(function, (), "features")


def test_of_a_long_complaint_the_end_is_kept():
    with pytest.raises(ElsewhereError, match="exit status 4") as caught:
        run_elsewhere(fail_at_length, (), "features")
    assert str(caught.value).endswith("last words")
    assert "first words" not in str(caught.value)


def test_arguments_that_cannot_be_pickled_are_an_error_here():
    with pytest.raises((AttributeError, TypeError), match="pickle"):
        run_elsewhere(leave_traces, (lambda: 0, 1), "a trace")


def test_a_function_that_another_process_cannot_find_is_refused(monkeypatch):
    def nested():
        pass

    for function in (nested, lambda: None):
        with pytest.raises(ValueError, match="a function of the top level"):
            run_elsewhere(function, (), "nothing")
    monkeypatch.setattr(leave, "__module__", "__main__")
    with pytest.raises(ValueError, match=r"__main__\.leave cannot be found"):
        check_importable(leave)


@pytest.mark.skipif(sys.platform != "linux", reason="by a switch of Linux")
def test_a_killed_caller_leaves_no_work_behind(tmp_path):
    path = tmp_path / "pid"
    program = (
        "from pathlib import Path; from test_elsewhere import wait\n"
        "from workloads.elsewhere import run_elsewhere\n"
        f"run_elsewhere(wait, (Path({str(path)!r}),), 'nothing')"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", program], env=environment) as caller:
        worker = eventually(lambda: path.exists() and path.read_text())
        assert alive(worker)
        caller.kill()
    assert eventually(lambda: not alive(worker))


def eventually(condition, timeout_s=30.0):
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if found := condition():
            return found
        time.sleep(0.02)
    return condition()


def alive(pid):
    """Running, not a zombie that nobody has waited for yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
