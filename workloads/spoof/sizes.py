"""The sizes of the detectors: a front-end and a back-end each. Needs no torch.

Full back-ends are those of Fu et al., "FastAudio: a learnable audio front-end for spoof
speech detection", 2022; small ones are for machines that shall measure in minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

SAMPLE_RATE_HZ = 16_000
FILTERS = 40  # of every front-end
HOP = 160  # samples, 10 ms
FRONTENDS = (
    "cqt",
    "fbank",
    "fastaudio-tri",
    "fastaudio-gauss",
    "fastaudio-sort",
    "leaf",
    "nnaudio",
    "td-filterbanks",
    "sincnet",
)


@dataclass(frozen=True)
class XVectorSize:
    """`channels`, `kernels` and `dilations` of the layers over frames."""

    name: str
    channels: tuple[int, ...]
    kernels: tuple[int, ...] = (5, 3, 3, 1, 1)
    dilations: tuple[int, ...] = (1, 2, 3, 1, 1)
    embedding: int = 256
    hidden: int = 512  # of the head


@dataclass(frozen=True)
class EcapaSize:
    """`channels` of the first layer and of the blocks, `aggregated` of the layer over
    all of them; `bottleneck` of the squeeze and of the attention."""

    name: str
    channels: int
    aggregated: int
    scale: int = 8  # parts of the channels in a Res2Net
    bottleneck: int = 128
    kernels: tuple[int, ...] = (5, 3, 3, 3)
    dilations: tuple[int, ...] = (1, 2, 3, 4)
    embedding: int = 256
    hidden: int = 512


Backend = XVectorSize | EcapaSize

X_VECTOR = XVectorSize("x-vector", (512, 512, 512, 1024, 1500))
ECAPA_TDNN = EcapaSize("ecapa-tdnn", 512, 1536)
X_VECTOR_SMALL = XVectorSize(
    "x-vector-small", (64, 64, 64, 96, 128), embedding=32, hidden=64
)
ECAPA_SMALL = EcapaSize(
    "ecapa-small", 64, 96, scale=4, bottleneck=32, embedding=32, hidden=64
)
FULL: tuple[Backend, ...] = (X_VECTOR, ECAPA_TDNN)
SMALL: tuple[Backend, ...] = (X_VECTOR_SMALL, ECAPA_SMALL)


@dataclass(frozen=True)
class Size:
    """A front-end before a back-end."""

    frontend: str
    backend: Backend

    @property
    def name(self) -> str:
        """
        >>> Size("leaf", ECAPA_TDNN).name
        'leaf+ecapa-tdnn'
        """
        return f"{self.frontend}+{self.backend.name}"

    @property
    def is_small(self) -> bool:
        return self.backend in SMALL


SIZES = {
    size.name: size
    for backend in (*FULL, *SMALL)
    for size in (Size(frontend, backend) for frontend in FRONTENDS)
}
