from click.testing import CliRunner

from harness.observe.onednn.log import lines_of, read_log
from harness.onednn.reading_speed import main, write


def test_the_log_that_is_read_holds_executions_and_other_output(tmp_path):
    path = tmp_path / "log"
    lines = write(path, 300_000)
    with path.open("rb") as file:
        log = read_log(lines_of(file))
    others = log.passed_over["other output"].lines
    assert len(log.calls) + others == lines
    assert 0.05 < others / lines < 0.15
    assert len({call.execution for call in log.calls}) <= 500
    assert 250_000 < path.stat().st_size < 500_000


def test_speed_and_memory_are_printed():
    done = CliRunner().invoke(main, ["--megabytes", "1"])
    assert done.exit_code == 0
    assert "lines a second" in done.output
    assert "peak memory" in done.output
