"""Where filters lie and how wide they are, whatever kind they are of.

Axes: `C` filters, `F` frequencies, evenly from 0 to half the sample rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workloads.spoof.sizes import SAMPLE_RATE_HZ

Responses = np.ndarray  # (C, F)


def frequencies_hz(count: int) -> np.ndarray:
    """(F,)."""
    return np.linspace(0, SAMPLE_RATE_HZ / 2, count)


@dataclass(frozen=True, eq=False)
class FilterPlaces:
    """Mean frequency of what each filter lets through by power, and the standard
    deviation around it: (C,) each, NaN for one that lets nothing through."""

    centres_hz: np.ndarray
    widths_hz: np.ndarray

    @classmethod
    def of(cls, responses: Responses) -> FilterPlaces:
        """Of responses (C, F) in power.

        >>> found = FilterPlaces.of(np.eye(201)[[50]])
        >>> float(found.centres_hz[0]), float(found.widths_hz[0])
        (2000.0, 0.0)
        """
        hz, total = frequencies_hz(responses.shape[1]), responses.sum(1, keepdims=True)
        shares = responses / np.where(total > 0, total, np.nan)
        centres = shares @ hz
        squares = np.maximum(shares @ hz**2 - centres**2, 0)
        return cls(centres, np.sqrt(squares))


@dataclass(frozen=True)
class Displacement:
    """How far training has moved filters: the median and the largest of all, in Hz, of
    their centres and of their widths; `relative` is the median move of a centre as a
    share of the filter's width. Those that let nothing through in the end are `closed`,
    and count in no median."""

    centre_hz: float
    most_hz: float
    width_hz: float
    relative: float
    closed: int = 0

    @classmethod
    def between(cls, before: Responses, after: Responses) -> Displacement:
        first, last = FilterPlaces.of(before), FilterPlaces.of(after)
        moved = np.abs(last.centres_hz - first.centres_hz)
        widened = np.abs(last.widths_hz - first.widths_hz)
        widths = np.maximum(first.widths_hz, 1e-9)
        return cls(
            float(np.nanmedian(moved)),
            float(np.nanmax(moved)),
            float(np.nanmedian(widened)),
            float(np.nanmedian(moved / widths)),
            int(np.isnan(moved).sum()),
        )


def peaks_hz(responses: Responses, count: int = 3) -> tuple[float, ...]:
    """Where the sum of all responses is highest among its neighbours, highest first.

    >>> peaks_hz(np.array([[0, 1, 0, 0, 0], [0, 0, 0, 3, 0]]))
    (6000.0, 2000.0)
    """
    total = np.concatenate([[-np.inf], responses.sum(0), [-np.inf]])
    inner = total[1:-1]
    is_peak = (inner > 0) & (inner > total[:-2]) & (inner >= total[2:])
    places = np.flatnonzero(is_peak)
    chosen = places[np.argsort(-inner[places], kind="stable")][:count]
    hz = frequencies_hz(responses.shape[1])
    return tuple(float(hz[place]) for place in chosen)
