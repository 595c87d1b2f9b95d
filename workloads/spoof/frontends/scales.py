"""Where filters lie before anything is learned, and what they have in common.

Axes: `C` filters, `F` bins of a spectrum.
"""

from __future__ import annotations

import numpy as np

from workloads.spoof.sizes import FILTERS, SAMPLE_RATE_HZ

HIGHEST_HZ = SAMPLE_RATE_HZ / 2
# Of frequencies that are learned: Adam moves a number by up to its learning rate a
# step, here one or two Hz. As shares of the sample rate they moved by 16 Hz a step, and
# before the same back-end told attacks apart worse than filters that stay.
UNIT_HZ = 1_600.0


def mel(hz: np.ndarray | float) -> np.ndarray:
    """S. S. Stevens, J. Volkmann, "The relation of pitch to frequency", 1940, in the
    form of D. O'Shaughnessy, 1987: 2595 log10(1 + f / 700).

    >>> round(float(mel(1000.0)))
    1000
    """
    return 2595 * np.log10(1 + np.asarray(hz, float) / 700)


def mel_points_hz(
    lowest_hz: float = 0.0, highest_hz: float = HIGHEST_HZ, filters: int = FILTERS
) -> np.ndarray:
    """(C + 2,): evenly spaced in mel; a filter rises from one, is highest at the next
    and ends at the one after."""
    spaced = np.linspace(mel(lowest_hz), mel(highest_hz), filters + 2)
    return 700 * (10 ** (spaced / 2595) - 1)


def centres_and_bands_hz() -> tuple[np.ndarray, np.ndarray]:
    """(C,) each: where each triangle is highest, and how far its foot below is."""
    points_hz = mel_points_hz()
    return points_hz[1:-1], np.diff(points_hz)[:-1]
