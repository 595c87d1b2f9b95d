"""How far a kernel's values may lie from float64, its operands being the same."""

from __future__ import annotations

from collections.abc import Mapping

# Relative errors. Operands are rounded before, so that these are of the products, their
# sums and the output's rounding alone: of bf16 0.002, and 0.02 of a norm's gradients; a
# tenth of it of fp16; 0.01 where outputs are rounded to 8 bits; of fp32 0.000001. Wrong
# kernels depart by 1 and more.
LIMITS = {"fp32": 1e-4, "bf16": 0.05, "fp16": 0.01, "int8": 0.05}
# An LSTM rounds its state in every frame, and its gradients pass through all of them.
RECURRENT = 5.0


def limit_of(operation: str, precision: str) -> float:
    return LIMITS[precision] * (RECURRENT if operation == "lstm" else 1.0)


def wrong(
    errors: Mapping[str, float | None], operation: str, precision: str
) -> list[str]:
    """The directions whose error is beyond the limit; None is that of no numbers.

    >>> wrong({"forward": 0.002, "gradient of data": None}, "conv1d", "bf16")
    ['gradient of data']
    """
    limit = limit_of(operation, precision)
    return [d for d, e in errors.items() if e is None or not e <= limit]
