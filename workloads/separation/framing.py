"""Between waveforms and frames: what all separators have around their masks.

Axes: `B` utterances, `S` samples, `N` filters, `T` frames, `C` sources.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from workloads.separation.sizes import Framing


def encoder(framing: Framing) -> nn.Conv1d:
    """Waveforms (B, 1, S) to frames (B, N, T)."""
    return nn.Conv1d(1, framing.filters, framing.window, framing.stride)


def decoder(framing: Framing) -> nn.ConvTranspose1d:
    """Frames (B, N, T) to waveforms (B, 1, S)."""
    return nn.ConvTranspose1d(framing.filters, 1, framing.window, framing.stride)


def whole_windows(waves: Tensor, framing: Framing) -> Tensor:
    """Waveforms (B, S) as (B, 1, S'), with zeros behind to fill up the last window.

    As many as may be missing, whatever S: an encoder passes over those that make no
    whole window, and a compiled model is then the same for all lengths.

    Raises ValueError for less than one window.
    """
    if waves.shape[1] < framing.window:
        raise ValueError(
            f"waveforms of {waves.shape[1]} samples, expected {framing.window} or "
            "more, one window of the encoder: leave out shorter mixtures"
        )
    return F.pad(waves, (0, framing.stride - 1)).unsqueeze(1)


def decoded(
    masks: Tensor, frames: Tensor, decoder: nn.ConvTranspose1d, samples: int
) -> Tensor:
    """Masks (B, C, N, T) over frames (B, N, T) to waveforms (B, C, S)."""
    B, C, N, T = masks.shape
    masked = (masks * frames.unsqueeze(1)).reshape(B * C, N, T)
    waves = decoder(masked).reshape(B, C, -1)
    return waves[:, :, :samples]


class OfSamples(nn.Module):
    """A separator as runtimes take it: waveforms (B, S, 1) to sources (B, S, C)."""

    def __init__(self, separator: nn.Module) -> None:
        super().__init__()
        self.separator = separator

    def forward(self, samples: Tensor) -> Tensor:
        """`samples` (B, S, 1)."""
        separated: Tensor = self.separator(samples.squeeze(2))
        return separated.transpose(1, 2)
