"""The sizes of the separators. Needs no torch.

Full sizes are those of Božić, "Development of efficient deep learning models for speech
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


@dataclass(frozen=True)
class ConvTasNetSize:
    """Symbols of the paper: `bottleneck` B, `hidden` H, `skip` Sc, `kernel` P, `blocks`
    X in each of `repeats` R."""

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

SMALL_FRAMING = Framing(filters=128, window=32, stride=16)
CONV_TASNET_SMALL = replace(
    CONV_TASNET,
    name="conv-tasnet-small",
    framing=SMALL_FRAMING,
    bottleneck=64,
    hidden=128,
    skip=64,
    blocks=6,
    repeats=2,
    sample_rate_hz=8_000,
)
LSTM_TASNET_SMALL = replace(
    LSTM_TASNET,
    name="lstm-tasnet-small",
    framing=SMALL_FRAMING,
    hidden=96,
    layers=2,
    dropout=0.0,
    sample_rate_hz=8_000,
)
DPTNET_SMALL = replace(DPTNET, name="dptnet-small", hidden=64, sample_rate_hz=8_000)
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
