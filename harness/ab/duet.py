"""Two states at once, on CPUs of their own: what disturbs the machine meets both alike.

Bulej, Horky, Tuma, Farquet and Prokopec, Duet Benchmarking: Improving Measurement
Accuracy in the Cloud, ICPE 2020.
"""

from __future__ import annotations

from dataclasses import replace

from harness.hardware import Hardware, Machine


def halves(hardware: Hardware, machine: Machine) -> tuple[Machine, Machine] | None:
    """The machine's cores in two halves, one for each state; None where a half is less
    than the hardware asks for, or the work is on a device.

    >>> a, b = halves(Hardware.parse("cpu"), Machine((0, 1, 2, 3), (), 0, threads=3))
    >>> a.cpus, b.cpus, a.threads
    ((0,), (1,), 1)
    """
    cores = machine.cpus[: machine.threads or len(machine.cpus)]
    size = len(cores) // 2
    if hardware.is_cuda or size < (hardware.threads or 1):
        return None
    first, second = cores[:size], cores[size : 2 * size]
    return (
        replace(machine, cpus=first, threads=size),
        replace(machine, cpus=second, threads=size),
    )
