"""The sizes of Wav2Letter, and what follows from them by arithmetic.

Axes: `T` frames, `U` output frames. Needs no torch.
"""

from dataclasses import dataclass, replace

from workloads.wav2letter.symbols import LETTERS, PHONEMES, Alphabet

FEATURES = 40  # log-mel bands
MIN_FRAMES = 2  # fewer have no place for the first kernel


@dataclass(frozen=True)
class Layer:
    """The shape of a convolution over frames."""

    inputs: int
    outputs: int
    kernel: int
    stride: int = 1
    padding: int = 0

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return (self.kernel * self.inputs + 1) * self.outputs


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
    def outputs(self) -> int:
        return self.alphabet.outputs

    @property
    def layers(self) -> list[Layer]:
        """The eleven convolutions, the input's first."""
        width, wide = self.width, self.wide
        return [
            Layer(self.inputs, width, kernel=48, stride=2, padding=23),
            *[Layer(width, width, kernel=7, padding=3)] * 7,
            Layer(width, wide, kernel=32, padding=16),
            Layer(wide, wide, kernel=1),
            Layer(wide, self.outputs, kernel=1),
        ]

    @property
    def parameters(self) -> int:
        """Weights and biases.

        >>> WAV2LETTER.parameters
        23618535
        """
        return sum(layer.parameters for layer in self.layers)

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
WAV2LETTER_PHONEMES = replace(WAV2LETTER, name="wav2letter-phonemes", alphabet=PHONEMES)
WAV2LETTER_SMALL_PHONEMES = replace(
    WAV2LETTER_SMALL, name="wav2letter-small-phonemes", alphabet=PHONEMES
)
SIZES = {
    size.name: size
    for size in (
        WAV2LETTER,
        WAV2LETTER_SMALL,
        WAV2LETTER_PHONEMES,
        WAV2LETTER_SMALL_PHONEMES,
    )
}


def output_length(frames: int) -> int:
    """U of T frames: floor((T - 2) / 2) + 2.

    The first convolution's padding is 2 short of its kernel; the one over the context,
    padded by half of an even kernel, adds one.

    >>> output_length(100)
    51
    """
    return (frames - 2) // 2 + 2
