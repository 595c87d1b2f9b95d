"""Pruning: the weights that matter least are set to zero.

S. Han, J. Pool, J. Tran, W. J. Dally, "Learning both Weights and Connections for
Efficient Neural Networks", NeurIPS 2015, without their training afterwards.
"""

from collections.abc import Mapping

import torch
from torch import Tensor


def l1_unstructured(state: Mapping[str, Tensor], percent: float) -> dict[str, Tensor]:
    """A state whose weights are pruned, each tensor on its own.

    Of a tensor of n weights, the round(percent / 100 * n) smallest by magnitude become
    zero; of equal ones, those that come first. Tensors of fewer than two dimensions,
    such as biases, and integers are left alone. `state` itself is not changed.

    Raises ValueError unless 0 < percent < 100, or if a weight is not finite.
    """
    if not 0 < percent < 100:
        raise ValueError(
            f"{percent} percent of the weights cannot be pruned: "
            "give more than 0 and less than 100"
        )
    return {
        name: _pruned(name, tensor, percent)
        if tensor.is_floating_point() and tensor.ndim >= 2
        else tensor
        for name, tensor in state.items()
    }


def _pruned(name: str, weights: Tensor, percent: float) -> Tensor:
    if not weights.isfinite().all():
        raise ValueError(
            f"{name} holds weights that are not finite: they cannot be told "
            "by magnitude; use weights of a training that converged"
        )
    count = round(percent * weights.numel() / 100)
    pruned = weights.detach().clone(memory_format=torch.contiguous_format)
    smallest = pruned.abs().flatten().argsort(stable=True)[:count]
    pruned.view(-1)[smallest] = 0
    return pruned
