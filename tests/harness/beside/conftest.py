"""The command's own look at this machine takes seconds, so that its tests share one."""

from __future__ import annotations

from typing import Any

import pytest

from harness.beside import __main__ as command
from harness.observe.fingerprint import fingerprint


@pytest.fixture(scope="session")
def seen() -> dict[str, Any]:
    return fingerprint()


@pytest.fixture(autouse=True)
def _looked_at_once(monkeypatch: pytest.MonkeyPatch, seen: dict[str, Any]) -> None:
    monkeypatch.setattr(command, "fingerprint", lambda: seen)
