"""Exact multiply-accumulates of a forward pass, over true frames.

    MACs(T) = U (11 * 93 * C + sum over LSTMs of 4 H (inputs + H) + 30 H),
    U = floor((T - 11) / 2) + 1

Counted analytically: torch's own counter does not see inside the CPU's LSTM. Biases,
gates' element-wise products and batch norm are left out, as the field does.
A training step costs three times as many: one forward and two backward products,
less the gradient towards the features, which nobody needs.
"""

from collections.abc import Iterable

from workloads.asr.alphabet import OUTPUTS
from workloads.asr.ds2 import KERNEL, DeepSpeech2Size, output_length
from workloads.asr.features import FEATURES


def _convolution(size: DeepSpeech2Size) -> int:
    return KERNEL * FEATURES * size.channels


def macs_per_output_frame(size: DeepSpeech2Size) -> int:
    H = size.hidden
    first = 4 * H * (size.channels + H)
    others = (size.layers - 1) * 4 * H * (H + H)
    return _convolution(size) + first + others + H * OUTPUTS


def forward_macs(size: DeepSpeech2Size, frames: Iterable[int]) -> int:
    """Of utterances with these true `frames` each."""
    return sum(map(output_length, frames)) * macs_per_output_frame(size)


def training_macs(size: DeepSpeech2Size, frames: Iterable[int]) -> int:
    """Forward and backward."""
    outputs = sum(map(output_length, frames))
    return outputs * (3 * macs_per_output_frame(size) - _convolution(size))
