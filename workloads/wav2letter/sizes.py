"""The sizes of Wav2Letter, and what follows from them by arithmetic.

Axes: `T` frames, `U` output frames. Needs no torch.
"""

from dataclasses import dataclass, replace

from workloads.wav2letter.symbols import LETTERS, PHONEMES, Alphabet

FEATURES = 40  # log-mel bands
MIN_FRAMES = 2  # fewer have no place for the first kernel


@dataclass(frozen=True)
class Layer:
    """The shape of a convolution, or of several alike."""

    kernel: int
    stride: int = 1
    padding: int = 0
    count: int = 1


FIRST = Layer(kernel=48, stride=2, padding=23)
MIDDLES = Layer(kernel=7, padding=3, count=7)
CONTEXT = Layer(kernel=32, padding=16)  # then two layers of kernel 1


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
    def parameters(self) -> int:
        """Weights and biases.

        >>> WAV2LETTER.parameters
        23618535
        """
        width, wide = self.width, self.wide
        middle = (MIDDLES.kernel * width + 1) * width
        return (
            (FIRST.kernel * self.inputs + 1) * width
            + MIDDLES.count * middle
            + (CONTEXT.kernel * width + 1) * wide
            + (wide + 1) * (wide + self.outputs)
        )

    def macs(self, frames: int) -> int:
        """Multiply-accumulates of T frames, biases left out.

        >>> WAV2LETTER.macs(100)
        1200695000
        """
        width, wide = self.width, self.wide
        narrow = FIRST.kernel * self.inputs * width
        narrow += MIDDLES.count * MIDDLES.kernel * width**2
        broad = CONTEXT.kernel * width * wide + wide**2 + wide * self.outputs
        return narrow * halved_length(frames) + broad * output_length(frames)


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


def halved_length(frames: int) -> int:
    """Frames after the first convolution, whose padding is 2 short of its kernel."""
    return (frames - 2) // 2 + 1


def output_length(frames: int) -> int:
    """U of T frames: floor((T - 2) / 2) + 2.

    The convolution over the context, padded by half of an even kernel, adds one.

    >>> output_length(100)
    51
    """
    return halved_length(frames) + 1
