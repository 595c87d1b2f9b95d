"""Rounds written by hand: for tests of what is said of them."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from harness.ab.comparison import Comparison
from harness.ab.pair import Round
from harness.measure.jobs import parsed
from harness.measure.results import TurnsResult
from harness.observe.noise import Noise

WORK = {"items": 2.0, "audio_s": 6.0, "model_bytes": 40}
MIB = 2**20


def metric(
    value: float, low: float = 0.08, high: float = 0.12, **changes: Any
) -> dict[str, Any]:
    return {"value": value, "n": 50, "interval": [low, high]} | changes


def accuracy(**metrics: dict[str, Any]) -> dict[str, Any]:
    """Of these metrics by name."""
    return {"metrics": metrics}


def result(peak_bytes: int | None = MIB, **changes: Any) -> TurnsResult:
    """As a worker's plain values become one."""
    plain = {
        "work": WORK,
        "cycle": 1,
        "details": {"corpus_checksum": "c0ffee"},
        "accuracy": accuracy(wer=metric(0.1)),
        "peak_rss_bytes": peak_bytes,
    }
    found: TurnsResult = parsed(TurnsResult, plain | changes, "result")
    return found


def a_round(
    a_s: float,
    b_s: float,
    results: tuple[TurnsResult, TurnsResult] | None = None,
    **noise: Any,
) -> Round:
    """Both states' samples, each the same every time."""
    return Round(([[a_s] * 4], [[b_s] * 4]), results or (result(), result()), **noise)


def rounds(*ratios: float) -> tuple[Round, ...]:
    """A round for each ratio of B over A."""
    return tuple(a_round(0.5, 0.5 * ratio) for ratio in ratios)


def comparison(*ratios: float, **changes: Any) -> Comparison:
    """Of rounds that took ten seconds each."""
    return Comparison(
        "toy/good/fp32/eager/cpu/b1", rounds(*ratios), 10.0 * len(ratios), **changes
    )


def a_noise(**seen: Any) -> Noise:
    """Of a second in which nothing was seen but what is given."""
    names = (field.name for field in fields(Noise) if field.default is MISSING)
    return Noise(**{**dict.fromkeys(names), "seconds": 1.0, "unknown": {}, **seen})
