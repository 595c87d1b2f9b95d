"""A ceiling that several readings agree on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

AGREE_PERCENT = 3.0  # of the higher: a clean machine's readings differ by 1 to 2 %
MOST_READINGS = 8


class HasRate(Protocol):
    """A rate, as `roofline.Rate`."""

    @property
    def per_s(self) -> float: ...


R = TypeVar("R", bound=HasRate)


@dataclass(frozen=True)
class Reading(Generic[R]):
    """A rate, what disturbed it, and whether that could be told. One that could not be
    judged is neither clean nor disturbed."""

    rate: R
    disturbed_by: str | None
    judged: bool


def settle(
    reading: Callable[[], Reading[R]], most: int = MOST_READINGS
) -> tuple[R, str | None]:
    """The highest of so many readings that the best two clean ones agree, and what
    remains in doubt.

    A disturbed one is discarded: it is too low by an unknown amount. Where all `most`
    are disturbed, the highest counts and the doubt says by what; likewise where no two
    clean ones agree, and where none could be judged.
    """
    taken: list[Reading[R]] = []
    for _ in range(most):
        taken.append(reading())
        clean = _best_first(one for one in taken if _is_clean(one))
        if len(clean) > 1 and _agree(clean[0].rate.per_s, clean[1].rate.per_s):
            return clean[0].rate, None
    if clean:
        return clean[0].rate, (
            f"no two of {len(clean)} undisturbed readings agree within "
            f"{AGREE_PERCENT:g} %"
        )
    unjudged = _best_first(one for one in taken if one.disturbed_by is None)
    if unjudged:
        return unjudged[0].rate, (
            f"of {len(taken)} readings {len(unjudged)} could not be judged, the others "
            "were disturbed"
            if len(unjudged) < len(taken)
            else f"none of {len(taken)} readings could be judged: what others did at "
            "the time was not seen"
        )
    best = _best_first(taken)[0]
    return best.rate, (
        f"all {len(taken)} readings were disturbed, the best by {best.disturbed_by}"
    )


def _is_clean(one: Reading[R]) -> bool:
    return one.judged and one.disturbed_by is None


def _best_first(readings: Iterable[Reading[R]]) -> list[Reading[R]]:
    return sorted(readings, key=lambda one: one.rate.per_s, reverse=True)


def _agree(higher: float, lower: float) -> bool:
    return 100.0 * (higher - lower) <= AGREE_PERCENT * higher
