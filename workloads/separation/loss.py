"""The training loss: negative SI-SDR under the best permutation.

Axes: `B` mixtures, `C` sources, `S` samples.

J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR – half-baked or well done?",
2019, eq. 5, over zero-mean signals. D. Yu, M. Kolbæk, Z.-H. Tan, J. Jensen,
"Permutation Invariant Training of Deep Models for Speaker-Independent Multi-Talker
Speech Separation", 2017: of all assignments of estimates to sources, the one with the
lowest loss counts.
"""

import numpy as np
import torch
from torch import Tensor

from workloads.metrics.separation import best_assignment

EPS = 1e-8


def si_sdr_matrix(estimates: Tensor, sources: Tensor) -> Tensor:
    """SI-SDR in dB of each estimate against each source: (B, C, C), estimates along the
    second axis, from two (B, C, S)."""
    estimates = estimates - estimates.mean(2, keepdim=True)
    sources = sources - sources.mean(2, keepdim=True)
    products = estimates @ sources.transpose(1, 2)
    source_energy = sources.square().sum(2).unsqueeze(1) + EPS
    target = products.square() / source_energy
    rest = estimates.square().sum(2).unsqueeze(2) - target
    return 10 * torch.log10((target + EPS) / (rest.clamp(min=0) + EPS))


def pit_loss(estimates: Tensor, sources: Tensor) -> Tensor:
    """Negative SI-SDR in dB, the mean over sources and mixtures, of two (B, C, S).

    A silent source says nothing of its estimate and is left out of the mean. Of
    estimates that are not finite, the loss is not.
    """
    matrix = si_sdr_matrix(estimates, sources)
    spoken = sources.square().sum(2) > 0  # (B, C)
    costs = torch.where(spoken.unsqueeze(1), -matrix, 0.0)
    finite = costs.detach().nan_to_num().cpu().numpy()
    assigned = [best_assignment(one) for one in finite]
    chosen = torch.as_tensor(np.stack(assigned), device=costs.device)  # (B, C)
    losses = costs.gather(2, chosen.unsqueeze(2)).squeeze(2)
    return losses.sum() / spoken.sum().clamp(min=1)
