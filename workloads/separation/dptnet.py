"""DPTNet: masks from transformers within chunks of frames and across them.

Axes: `B` utterances, `S` samples, `N` filters, `T` frames, `C` sources, `P` chunks of
`K` frames.

J. Chen, Q. Mao, D. Liu, "Dual-Path Transformer Network: Direct Context-Aware Modeling
for End-to-End Monaural Speech Separation", 2020. Deviations, as in the sizes that Božić
(2024) compresses: encoder and decoder have biases, two pairs of transformers, a sigmoid
for the masks. A whole chunk of zeros lies on either side, as in the published counts.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.separation.attention import SelfAttention
from workloads.separation.framing import Decoder, Separator
from workloads.separation.norms import GlobalLayerNorm
from workloads.separation.sizes import DptNetSize


class DptNet(Separator):
    size: DptNetSize

    def __init__(self, size: DptNetSize) -> None:
        super().__init__(size)
        N, C = size.framing.filters, size.sources
        self.norm = GlobalLayerNorm(N)
        self.pairs = nn.ModuleList(Pair(size) for _ in range(size.pairs))
        self.prelu = nn.PReLU()
        self.split = nn.Conv2d(N, C * N, 1)
        self.output = nn.Conv1d(N, N, 1)
        self.gate = nn.Conv1d(N, N, 1)
        self.decoder = Decoder(size.framing)

    def frames(self, windows: Tensor) -> Tensor:
        return torch.relu(super().frames(windows))

    def masks(self, frames: Tensor) -> Tensor:
        (B, _, T), C = frames.shape, self.size.sources
        chunks = chunked(self.norm(frames).transpose(1, 2), self.size.chunk)
        for pair in self.pairs:
            chunks = pair(chunks)
        x = self.prelu(chunks).permute(0, 3, 1, 2)  # (B, N, P, K)
        x = self.split(x).permute(0, 2, 3, 1)  # (B, P, K, C * N)
        x = overlap_added(x, T)  # (B, T, C * N)
        x = x.transpose(1, 2).reshape(B * C, -1, T)
        x = torch.tanh(self.output(x)) * torch.sigmoid(self.gate(x))
        return torch.sigmoid(x).reshape(B, C, -1, T)


def chunked(x: Tensor, chunk: int) -> Tensor:
    """Frames (B, T, N) to chunks (B, P, K, N) that overlap by half."""
    (B, T, N), half = x.shape, chunk // 2
    halves = (T + chunk) // half + 2
    behind = halves * half - chunk - T
    x = F.pad(x, (0, 0, chunk, behind)).reshape(B, halves, half, N)
    return torch.cat((x[:, :-1], x[:, 1:]), 2)


def overlap_added(chunks: Tensor, frames: int) -> Tensor:
    """Chunks (B, P, K, N) to frames (B, T, N), of both chunks that hold one the mean:
    what `chunked` cut comes back as it was."""
    B, P, K, N = chunks.shape
    half = K // 2
    x = F.pad(chunks[:, :, :half], (0, 0, 0, 0, 0, 1))
    x = x + F.pad(chunks[:, :, half:], (0, 0, 0, 0, 1, 0))
    return x.reshape(B, (P + 1) * half, N)[:, K : K + frames] * 0.5


class Pair(nn.Module):
    """A transformer within chunks, then one across them."""

    def __init__(self, size: DptNetSize) -> None:
        super().__init__()
        self.intra = Transformer(size)
        self.inter = Transformer(size)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (B, P, K, N) to the same."""
        across = self.intra(x).transpose(1, 2).contiguous()
        return self.inter(across).transpose(1, 2).contiguous()


class Transformer(nn.Module):
    """Attention, then an LSTM in place of the first linear layer, each with a norm over
    the sequence that it ran along (the paper's fig. 2)."""

    def __init__(self, size: DptNetSize) -> None:
        super().__init__()
        N, H = size.framing.filters, size.hidden
        self.attention = SelfAttention(N, size.heads, N // size.heads)
        self.norm_1 = GlobalLayerNorm(N, axis=-1)
        self.lstm = nn.LSTM(N, H, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * H, N)
        self.norm_2 = GlobalLayerNorm(N, axis=-1)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (B, Q, L, N): along L, in each of Q sequences of an utterance."""
        sequences = x.flatten(0, 1)  # (B * Q, L, N)
        attended = self.norm_1(sequences + self.attention(sequences))
        hidden, _ = self.lstm(attended)
        mixed = self.linear(torch.relu(hidden))
        return self.norm_2(attended + mixed).reshape(x.shape)
