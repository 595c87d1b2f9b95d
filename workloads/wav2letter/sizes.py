"""The sizes of Wav2Letter, and what follows from them by arithmetic.

Axes: `T` frames, `U` output frames. Needs no torch.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

from workloads.wav2letter.symbols import LETTERS, PHONEMES, Alphabet

FEATURES = 40  # log-mel bands


class Layer(NamedTuple):
    """The shape of a convolution over frames."""

    inputs: int
    outputs: int
    kernel: int
    stride: int = 1
    padding: int = 0


@dataclass(frozen=True)
class Wav2LetterSize:
    """`width` channels in the first eight layers, `wide` in the next two."""

    name: str
    width: int
    wide: int
    alphabet: Alphabet
    dropout: float = 0.2
    inputs: int = FEATURES

    @property
    def layers(self) -> list[Layer]:
        """The eleven convolutions, the input's first."""
        width, wide = self.width, self.wide
        return [
            Layer(self.inputs, width, kernel=48, stride=2, padding=23),
            *[Layer(width, width, kernel=7, padding=3)] * 7,
            Layer(width, wide, kernel=32, padding=16),
            Layer(wide, wide, kernel=1),
            Layer(wide, self.alphabet.outputs, kernel=1),
        ]

    def macs(self, frames: int) -> int:
        """Multiply-accumulates of T frames, biases left out.

        >>> WAV2LETTER.macs(100)
        1200695000
        """
        total = 0
        for layer in self.layers:
            frames = (frames + 2 * layer.padding - layer.kernel) // layer.stride + 1
            total += frames * layer.kernel * layer.inputs * layer.outputs
        return total


WAV2LETTER = Wav2LetterSize("wav2letter", 250, 2000, LETTERS)
# So few channels need no dropout on two hours of speech.
WAV2LETTER_SMALL = Wav2LetterSize("wav2letter-small", 64, 256, LETTERS, dropout=0.0)
SIZES = {
    size.name: size
    for own in (WAV2LETTER, WAV2LETTER_SMALL)
    for size in (own, replace(own, name=f"{own.name}-phonemes", alphabet=PHONEMES))
}


def output_length(frames: int) -> int:
    """U of T frames: floor((T - 2) / 2) + 2.

    The first convolution's padding is 2 short of its kernel; the one over the context,
    padded by half of an even kernel, adds one.

    >>> output_length(100)
    51
    """
    return (frames - 2) // 2 + 2
