"""The sizes of the separators, and what follows from them by arithmetic.

Axes: `S` samples, `T` frames of the encoder, `C` sources. Needs no torch. Full sizes
are those of Božić, "Development of efficient deep learning models for speech
separation", 2024, at 16 kHz; small ones are for machines that shall measure in minutes,
at 8 kHz. A name ends with the number of sources where that is not two.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Framing:
    """The encoder: `filters` (the papers' N) over windows of so many samples."""

    filters: int
    window: int
    stride: int

    def frames(self, samples: int) -> int:
        """T of S samples, the last window filled up with zeros.

        >>> Framing(512, 16, 8).frames(16_000)
        1999
        """
        return -(-(samples - self.window) // self.stride) + 1

    def macs(self, sources: int) -> int:
        """Multiply-accumulates of a frame: one encoder, one decoder a source."""
        return self.filters * self.window * (1 + sources)


@dataclass(frozen=True)
class ConvTasNetSize:
    """Symbols of the paper: `bottleneck` B, `hidden` H, `skip` Sc, `kernel` P, `blocks`
    X in each of `repeats` R. `last_residual`: the last block has a convolution whose
    output nobody reads, as in some published counts."""

    name: str
    framing: Framing
    bottleneck: int
    hidden: int
    skip: int
    blocks: int
    repeats: int
    kernel: int = 3
    sources: int = 2
    sample_rate_hz: int = 16_000
    last_residual: bool = False

    def macs(self, samples: int) -> int:
        """Of an utterance of S samples, biases and element-wise products left out.

        >>> CONV_TASNET.macs(16_000)
        9817296896
        """
        N, B, H = self.framing.filters, self.bottleneck, self.hidden
        count = self.blocks * self.repeats
        residuals = count if self.last_residual else count - 1
        block = H * (B + self.kernel + self.skip)
        frame = N * B + count * block + residuals * H * B
        frame += self.skip * N * self.sources + self.framing.macs(self.sources)
        return frame * self.framing.frames(samples)


@dataclass(frozen=True)
class LstmTasNetSize:
    """`layers` bidirectional LSTMs of `hidden` cells in each direction."""

    name: str
    framing: Framing
    hidden: int
    layers: int
    dropout: float = 0.3
    sources: int = 2
    sample_rate_hz: int = 16_000

    def macs(self, samples: int) -> int:
        """As `ConvTasNetSize.macs`.

        >>> LSTM_TASNET.macs(16_000)
        18499982080
        """
        N, H = self.framing.filters, self.hidden
        lstm = 2 * 4 * H * (N + H) + (self.layers - 1) * 2 * 4 * H * 3 * H
        linear = 2 * H * N * self.sources
        frame = N * self.framing.window + lstm + linear  # the gate's encoder
        frame += self.framing.macs(self.sources)
        return frame * self.framing.frames(samples)


@dataclass(frozen=True)
class DptNetSize:
    """`pairs` of a transformer within chunks and one across them; `hidden` cells in
    each direction of its LSTM. Chunks overlap by half."""

    name: str
    framing: Framing
    hidden: int
    heads: int
    chunk: int
    pairs: int
    sources: int = 2
    sample_rate_hz: int = 16_000

    def __post_init__(self) -> None:
        if self.chunk < 2 or self.chunk % 2:
            raise ValueError(
                f"chunks of {self.chunk} frames cannot overlap by half: give an even "
                "number"
            )

    def chunks(self, frames: int) -> int:
        """How many of T frames, with a whole chunk of zeros on either side.

        >>> DPTNET.chunks(999)
        22
        """
        return (frames + self.chunk) // (self.chunk // 2) + 1

    def macs(self, samples: int) -> int:
        """As `ConvTasNetSize.macs`, attention's two products counted.

        >>> DPTNET.macs(16_000)
        6308943872
        """
        N, H, K = self.framing.filters, self.hidden, self.chunk
        frames = self.framing.frames(samples)
        chunks = self.chunks(frames)
        layer = 4 * N * N + 2 * 4 * H * (N + H) + 2 * H * N
        pair = 2 * layer + 2 * N * (K + chunks)
        place = self.pairs * pair + N * N * self.sources
        gates = 2 * N * N * self.sources
        return place * chunks * K + frames * (gates + self.framing.macs(self.sources))


Size = ConvTasNetSize | LstmTasNetSize | DptNetSize

CONV_TASNET = ConvTasNetSize(
    "conv-tasnet",
    Framing(filters=512, window=16, stride=8),
    bottleneck=128,
    hidden=512,
    skip=128,
    blocks=8,
    repeats=3,
)
LSTM_TASNET = LstmTasNetSize(
    "lstm-tasnet", Framing(filters=512, window=40, stride=20), hidden=500, layers=4
)
DPTNET = DptNetSize(
    "dptnet",
    Framing(filters=64, window=32, stride=16),
    hidden=256,
    heads=4,
    chunk=100,
    pairs=2,
)
FULL: tuple[Size, ...] = (LSTM_TASNET, CONV_TASNET, DPTNET)

CONV_TASNET_SMALL = ConvTasNetSize(
    "conv-tasnet-small",
    Framing(filters=128, window=32, stride=16),
    bottleneck=64,
    hidden=128,
    skip=64,
    blocks=6,
    repeats=2,
    sample_rate_hz=8_000,
)
LSTM_TASNET_SMALL = LstmTasNetSize(
    "lstm-tasnet-small",
    Framing(filters=128, window=32, stride=16),
    hidden=96,
    layers=2,
    dropout=0.0,
    sample_rate_hz=8_000,
)
DPTNET_SMALL = DptNetSize(
    "dptnet-small",
    Framing(filters=64, window=32, stride=16),
    hidden=64,
    heads=4,
    chunk=100,
    pairs=2,
    sample_rate_hz=8_000,
)
SMALL: tuple[Size, ...] = (LSTM_TASNET_SMALL, CONV_TASNET_SMALL, DPTNET_SMALL)


def with_sources(size: Size, sources: int) -> Size:
    """The same for another number of sources.

    >>> with_sources(DPTNET, 8).name
    'dptnet-8'
    """
    return replace(size, name=f"{size.name}-{sources}", sources=sources)


MEETING_SOURCES = 8
SIZES: dict[str, Size] = {
    size.name: size
    for own in (*FULL, *SMALL)
    for size in (own, with_sources(own, MEETING_SOURCES))
}


def is_small(size: Size) -> bool:
    """Whether it is one of the small sizes, for whatever number of sources."""
    return any(size.name.startswith(small.name) for small in SMALL)
