"""A detector of spoofed speech: a front-end, a back-end and a head.

Axes: `B` utterances, `S` samples, `T` frames, `C` features, `E` numbers of an
embedding.

Fu et al., "FastAudio: a learnable audio front-end for spoof speech detection", 2022.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workloads.spoof.backends.ecapa_tdnn import EcapaTdnn
from workloads.spoof.backends.x_vector import XVector
from workloads.spoof.frontends.known import MAKERS
from workloads.spoof.sizes import Backend, Size, XVectorSize


class SpoofDetector(nn.Module):
    """Its logit is that of bona fide speech: the higher, the less it seems spoofed."""

    input_dtype = torch.float32  # whatever the back-end computes in

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.frontend = MAKERS[size.frontend]()
        self.backend: nn.Module
        if isinstance(size.backend, XVectorSize):
            self.backend = XVector(size.backend)
        else:
            self.backend = EcapaTdnn(size.backend)
        self.head = head(size.backend)

    def forward(self, waves: Tensor) -> Tensor:
        """`waves` (B, S) to logits (B, 1)."""
        features = self.frontend(waves).to(next(self.backend.parameters()).dtype)
        rows = features.transpose(1, 2).unsqueeze(2)  # (B, C, 1, T)
        logits: Tensor = self.head(self.backend(rows))
        return logits


def head(backend: Backend) -> nn.Sequential:
    """(B, E) to (B, 1)."""
    return nn.Sequential(
        nn.Linear(backend.embedding, backend.hidden),
        nn.BatchNorm1d(backend.hidden),
        nn.LeakyReLU(),
        nn.Linear(backend.hidden, 1),
    )


class OfSamples(nn.Module):
    """A detector as runtimes take it: waveforms (B, S, 1) to logits (B, 1)."""

    input_dtype = torch.float32

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, samples: Tensor) -> Tensor:
        """`samples` (B, S, 1)."""
        logits: Tensor = self.detector(samples.squeeze(2))
        return logits
