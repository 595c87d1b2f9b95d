"""What training a separator takes, beside what any model does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Separation:
    """Mixtures are cut to `segment_s`; `remix` makes new ones of their sources in each
    epoch."""

    segment_s: float = 4.0
    remix: bool = True

    def __post_init__(self) -> None:
        if self.segment_s <= 0:
            raise ValueError(f"segment_s is {self.segment_s}: give more than 0")
