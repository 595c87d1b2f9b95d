"""Percentiles of steps, as a record holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from harness.record.derive import independent_samples, latency_ms
from harness.record.schema import Bound, Latency


def latency_of(
    processes: Sequence[Sequence[float]], cycle: int, medians_s: Sequence[float]
) -> Latency:
    """Of each process's samples and its median step, in seconds."""
    of_inputs = processes[:1] if cycle > 1 else processes
    samples_s = [independent_samples(samples, cycle) for samples in of_inputs]
    found = latency_ms(samples_s, medians_s)
    return Latency(**{name: Bound(**asdict(bound)) for name, bound in found.items()})
