"""Differences with their intervals, as texts."""

from __future__ import annotations

from workloads.metrics.bootstrap import Difference


def with_interval(found: Difference) -> str:
    """
    >>> with_interval(Difference(0.21, 0.1, 0.333))
    '+0.21 [0.10, 0.33]'
    """
    amount = fixed(found.value)
    sign = "+" if found.value > 0 else ""
    return f"{sign}{amount} [{fixed(found.low)}, {fixed(found.high)}]"


def fixed(value: float) -> str:
    """Two decimals, or more where they would hide that it is not 0.

    >>> fixed(0.333), fixed(-0.0034), fixed(-0.0)
    ('0.33', '-0.003', '0.00')
    """
    for digits in (2, 3, 4):
        text = f"{value:.{digits}f}"
        if float(text):
            return text
    return "0.00"
