"""What training a recogniser takes, beside what any model does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SpecAugment:
    """D. S. Park et al., "SpecAugment", 2019, without time warping.

    Masks have widths from 0 to the given one, in bands along the frequency axis and in
    frames along the time axis; one in time covers at most a fifth of the utterance.
    """

    frequency_masks: int = 1
    frequency_bands: int = 8
    time_masks: int = 1
    time_frames: int = 25


@dataclass(frozen=True)
class Recognition:
    """`augment` masks features in training; `beam_width` is that of evaluation, 1 is
    the best path; `shortest_first` trains the first epoch in order of length, as
    SortaGrad does (D. Amodei et al., "Deep Speech 2", 2015)."""

    augment: SpecAugment | None = None
    beam_width: int = 1
    shortest_first: bool = False
