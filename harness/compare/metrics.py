"""How metrics are told: error rates in percent, others in their own unit."""

from __future__ import annotations

from collections.abc import Iterable

from harness.show import ERROR_RATES


def is_rate(metric: str) -> bool:
    """Whether the metric is a share of errors: "wer", "cer", "cer_max".

    >>> is_rate("cer_max"), is_rate("levenshtein")
    (True, False)
    """
    return metric.partition("_")[0] in ERROR_RATES


def scale_of(metric: str) -> float:
    return 100.0 if is_rate(metric) else 1.0


def unit_of(metric: str) -> str:
    return "%" if is_rate(metric) else ""


def level_text(metric: str, level: float) -> str:
    """
    >>> level_text("wer", 0.2), level_text("levenshtein", 2.5)
    ('wer 20 %', 'levenshtein 2.5')
    """
    return f"{metric} {level * scale_of(metric):g} {unit_of(metric)}".rstrip()


def in_order(metrics: Iterable[str]) -> list[str]:
    """Word, letter and phone error rates first, then the others by name.

    >>> in_order(["levenshtein", "cer_max", "cer", "wer"])
    ['wer', 'cer', 'cer_max', 'levenshtein']
    """
    known = {name: place for place, name in enumerate(ERROR_RATES)}
    return sorted(set(metrics), key=lambda name: (known.get(name, len(known)), name))
