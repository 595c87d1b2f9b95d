"""A ceiling that several readings agree on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

AGREE_PERCENT = 3.0  # of the higher: a clean machine's readings differ by 1 to 2 %
MOST_READINGS = 8


class HasRate(Protocol):
    """A rate, as `roofline.Rate`."""

    @property
    def per_s(self) -> float: ...


R = TypeVar("R", bound=HasRate)


def settle(
    reading: Callable[[], tuple[R, str | None]], most: int = MOST_READINGS
) -> tuple[R, str | None]:
    """The highest of so many readings that the best two clean ones agree, and what
    remains in doubt.

    A reading is a rate, and what disturbed it. A disturbed one is discarded: it is too
    low by an unknown amount. Where all `most` are disturbed, the highest counts and the
    doubt says by what; likewise where no two agree.
    """
    clean: list[R] = []
    disturbed: list[tuple[R, str]] = []
    for _ in range(most):
        rate, by = reading()
        if by is not None:
            disturbed.append((rate, by))
            continue
        clean.append(rate)
        clean.sort(key=lambda one: one.per_s, reverse=True)
        if len(clean) > 1 and _agree(clean[0].per_s, clean[1].per_s):
            return clean[0], None
    if clean:
        return clean[0], (
            f"no two of {len(clean)} readings agree within {AGREE_PERCENT:g} %"
        )
    best, by = max(disturbed, key=lambda pair: pair[0].per_s)
    return best, f"all {len(disturbed)} readings were disturbed, the best by {by}"


def _agree(higher: float, lower: float) -> bool:
    return 100.0 * (higher - lower) <= AGREE_PERCENT * higher
