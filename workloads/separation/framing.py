"""Between waveforms and frames: what all separators have around their masks.

Axes: `B` utterances, `S` samples, `N` filters, `T` frames, `C` sources, `K` samples of
a window.

Frames (B, N, T) lie in memory frame by frame: a layer that mixes the filters of each
frame is then one product of matrices, with nothing to be moved before or behind it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.separation.sizes import Framing, Size


def encoder(framing: Framing) -> nn.Conv1d:
    """Waveforms (B, 1, S) to frames (B, N, T)."""
    return nn.Conv1d(1, framing.filters, framing.window, framing.stride)


class Decoder(nn.ConvTranspose1d):
    """Frames of each source to its waveform: a transposed convolution, as one product
    of matrices whose windows are then added up. oneDNN's own takes four times as long,
    and its input would have to be moved.
    """

    def __init__(self, framing: Framing) -> None:
        super().__init__(framing.filters, 1, framing.window, framing.stride)

    def forward(self, frames: Tensor) -> Tensor:  # type: ignore[override]
        """`frames` (B, C, N, T) to (B, C, S), the last window whole."""
        B, C, N, T = frames.shape
        if torch.onnx.is_in_onnx_export():  # other runtimes have kernels of their own
            waves = super().forward(frames.reshape(B * C, N, T))
            return waves.reshape(B, C, -1)
        windows = frames.permute(0, 3, 1, 2) @ self.weight[:, 0]  # (B, T, C, K)
        (K,), (stride,) = self.kernel_size, self.stride
        columns = windows.permute(0, 2, 3, 1).reshape(B * C, K, T)
        samples = (T - 1) * stride + K
        waves = F.fold(columns, (1, samples), (1, K), stride=(1, stride))
        waves = waves.reshape(B, C, samples)
        return waves if self.bias is None else waves + self.bias


def encoded(windows: Tensor, encoder: nn.Conv1d) -> Tensor:
    """Whole windows (B, 1, S) to frames (B, N, T), frame by frame in memory."""
    frames: Tensor = encoder(windows)
    return frames.transpose(1, 2).contiguous().transpose(1, 2)


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


class Separator(nn.Module):
    """Waveforms to waveforms of each source: what masks leave of the mixture's frames.

    Who derives from it makes the decoder, last of all, and the masks.
    """

    decoder: Decoder

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        self.encoder = encoder(size.framing)

    def forward(self, waves: Tensor) -> Tensor:
        """`waves` (B, S) to sources (B, C, S)."""
        frames = self.frames(whole_windows(waves, self.size.framing))
        separated: Tensor = self.decoder(self.masks(frames) * frames.unsqueeze(1))
        return separated[:, :, : waves.shape[1]]

    def frames(self, windows: Tensor) -> Tensor:
        """Whole windows (B, 1, S) to frames (B, N, T)."""
        return encoded(windows, self.encoder)

    def masks(self, frames: Tensor) -> Tensor:
        """`frames` (B, N, T) to masks (B, C, N, T)."""
        raise NotImplementedError


class OfSamples(nn.Module):
    """A separator as runtimes take it: waveforms (B, S, 1) to sources (B, S, C)."""

    def __init__(self, separator: nn.Module) -> None:
        super().__init__()
        self.separator = separator

    def forward(self, samples: Tensor) -> Tensor:
        """`samples` (B, S, 1)."""
        separated: Tensor = self.separator(samples.squeeze(2))
        return separated.transpose(1, 2)
