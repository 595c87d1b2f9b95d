"""The command `speechmark doctor`, on this machine."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import cli


def invoke(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.main, arguments)
    return done.exit_code, done.output


def test_doctor_prints_fingerprint_and_remedies(tmp_path: Path) -> None:
    status, printed = invoke("doctor", "--results", str(tmp_path))
    assert status in (0, 1, 3)  # what it finds here is this machine's own
    for word in ("cpu_model", "torch_onednn", "governor", "disk space", "remedy"):
        assert word in printed
    assert (status == 1) == ("bad" in {w for w in printed.split() if w == "bad"})


def test_doctor_writes_fingerprint_and_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ("csv", "json", "markdown")
    invoke("doctor", "--results", ".", *(f"--{name}=out.{name}" for name in names))
    rows = list(csv.DictReader(Path("out.csv").read_text().splitlines()))
    facts = {row["fact"] for row in rows if row["table"] == "facts"}
    assert "cpu_model" in facts
    severities = {row["severity"] for row in rows if row["table"] == "checks"}
    assert severities <= {"ok", "warn", "bad", "unknown"}
    assert severities
    assert len(json.loads(Path("out.json").read_text())["tables"]) == 2
    assert "| check |" in Path("out.markdown").read_text()
