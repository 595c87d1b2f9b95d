"""What the paper reports of its front-ends: Fu et al., "FastAudio: a learnable audio
front-end for spoof speech detection", 2022, table 4 (ASVspoof 2019 LA, single runs).
Needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedFrontend:
    """EER in percent and min t-DCF before each back-end, and seconds an epoch on two
    GPUs (2080 Ti)."""

    ecapa_eer: float
    ecapa_t_dcf: float
    x_vector_eer: float | None = None
    x_vector_t_dcf: float | None = None
    epoch_s: float | None = None


# SincNet's is RawNet2's, whose back-end is its own.
PUBLISHED: Mapping[str, PublishedFrontend] = {
    "cqt": PublishedFrontend(1.73, 0.05077, 3.40, 0.09510, 658),
    "fbank": PublishedFrontend(2.11, 0.06425, 2.39, 0.06875, 653),
    "fastaudio-tri": PublishedFrontend(1.54, 0.04514, 1.73, 0.04909, 782),
    "fastaudio-gauss": PublishedFrontend(1.63, 0.04710, 1.67, 0.05158, 771),
    "fastaudio-sort": PublishedFrontend(1.89, 0.05204, 1.69, 0.05235, 779),
    "leaf": PublishedFrontend(2.49, 0.06445, 3.28, 0.07319, 2_085),
    "nnaudio": PublishedFrontend(3.63, 0.08929, 5.56, 0.14707, 780),
    "td-filterbanks": PublishedFrontend(1.83, 0.05284, 3.18, 0.08427, 1_368),
    "sincnet": PublishedFrontend(5.13, 0.1175),
}
