"""Models that compute with sparse weights instead of only storing them.

- CSR on CPU and CUDA: torch multiplies by a matrix in CSR (oneMKL, cuSPARSE). It does
  fewer operations but no blocking, so that only high sparsity pays.
- 2:4 on CUDA: of any four neighbours in a row two are zero, and the tensor cores of
  compute capability 8.0 and above skip them (A. Mishra et al., "Accelerating Sparse
  Deep Neural Networks", 2021). `torch.sparse.to_sparse_semi_structured`.
- OpenVINO stores the weights of int8 matrix products packed where a larger share of
  them is zero than CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE, and unpacks them in the
  kernel. Its documentation asks for AMX, and for input and output channels that are
  multiples of 64. The property is accepted, and without effect, on other CPUs; where it
  has one, the kernel's name in the profile holds "sparse". Nothing here sets it.

Axis legend: B batch, I input and O output channels, T frames.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import prune
from torch.sparse import to_sparse_semi_structured

from workloads.frame_convolution import FrameConv1d

Kinds = Mapping[type[nn.Module], Callable[[Any], nn.Module]]


class Sparsified(NamedTuple):
    """A copy of a model, names of its layers that compute with sparse weights, and of
    all others with weight matrices, with the reason."""

    model: nn.Module
    changed: list[str]
    left: dict[str, str]


class CsrLinear(nn.Module):
    """A layer's y = x W^T + b with `weight` W (O, I) stored in CSR.

    Kept as three buffers, as a tensor in CSR can be neither copied nor saved by torch.
    Indices of 32 bits are what oneMKL reads; it would convert others in every call.
    """

    crow_indices: Tensor
    col_indices: Tensor
    values: Tensor

    def __init__(self, layer: nn.Linear | nn.Conv1d) -> None:
        super().__init__()
        weight = layer.weight.detach().flatten(1)
        self.out_features, self.in_features = weight.shape
        csr = weight.to_sparse_csr()
        self.register_buffer("crow_indices", csr.crow_indices().int())
        self.register_buffer("col_indices", csr.col_indices().int())
        self.register_buffer("values", csr.values())
        self.bias = layer.bias

    @property
    def weight(self) -> Tensor:
        """(O, I) in CSR."""
        parts = (self.crow_indices, self.col_indices, self.values)
        shape = (self.out_features, self.in_features)
        return torch.sparse_csr_tensor(*parts, shape, check_invariants=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., I) to (..., O)."""
        # W x^T: with the sparse factor on the right, torch is several times slower.
        y = (self.weight @ x.reshape(-1, x.shape[-1]).T).T
        y = y if self.bias is None else y + self.bias
        return y.reshape(*x.shape[:-1], self.out_features)


class CsrPointwiseConv(CsrLinear):
    """A Conv1d of kernel size 1."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, I, T) to (B, O, T), or without B."""
        flat = x.movedim(-2, 0).reshape(x.shape[-2], -1)  # (I, B * T)
        y = self.weight @ flat
        y = y if self.bias is None else y + self.bias[:, None]
        lead = (*x.shape[:-2], x.shape[-1])
        return y.reshape(self.out_features, *lead).movedim(0, -2)


class CsrPointwiseFrameConv(CsrLinear):
    """A FrameConv1d of kernel size 1: the channels of a frame are neighbours."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, I, T) to (B, O, T)."""
        return super().forward(x.transpose(1, 2)).contiguous().transpose(1, 2)


CSR: Kinds = {
    nn.Linear: CsrLinear,
    nn.Conv1d: CsrPointwiseConv,
    FrameConv1d: CsrPointwiseFrameConv,
}


def csr_linears(model: nn.Module) -> Sparsified:
    """The layers of a model, whose kinds are CSR's and whose kernels are of size 1, by
    products in CSR, however many of their weights are zero; equal in output up to
    rounding. They are not to be trained.

    `model` itself is not changed. Raises ValueError if its pruning is not permanent.
    """
    return _replaced(model, CSR, "product in CSR", _not_csr)


def semi_structured_linears(model: nn.Module) -> Sparsified:
    """`nn.Linear` whose weights are 2:4 sparse by products that skip the zeros.

    `model` itself is not changed. Raises ValueError if it does not lie on CUDA, or
    if its pruning is not permanent.
    """
    elsewhere = {p.device.type for p in model.parameters() if not p.is_cuda}
    if elsewhere:
        raise ValueError(
            f"weights on {', '.join(sorted(elsewhere))} have no 2:4 sparse products: "
            "move the model to CUDA, or use csr_linears"
        )
    kinds: Kinds = {nn.Linear: _semi_structured}
    return _replaced(model, kinds, "2:4 sparse product", _not_semi_structured)


def _replaced(
    model: nn.Module,
    kinds: Kinds,
    product: str,
    why_not: Callable[[Any], str],
) -> Sparsified:
    """Layers of these kinds that nothing speaks against. A module that occurs more than
    once is replaced wherever it does."""
    if prune.is_pruned(model):
        raise ValueError(
            "the model's pruning is a mask that is applied in each call: "
            "call prune.remove on each of its layers first"
        )

    def reason(module: nn.Module) -> str:
        if type(module) not in kinds:
            return f"a {type(module).__name__} has no {product}"
        if module._forward_pre_hooks:
            return "a hook may set its weight in each call"
        return why_not(module)

    sparse = copy.deepcopy(model)
    changed: list[str] = []
    left: dict[str, str] = {}
    new: dict[nn.Module, nn.Module] = {}
    for name, module in list(sparse.named_modules(remove_duplicate=False)):
        own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
        if all(x.ndim < 2 for x in own):
            continue
        if why := reason(module):
            left[name] = why
            continue
        if module not in new:
            new[module] = kinds[type(module)](module)
        if name:
            sparse.set_submodule(name, new[module])
        else:  # the model is itself such a layer
            sparse = new[module]
        changed.append(name)
    return Sparsified(sparse, changed, left)


def _not_csr(layer: nn.Linear | nn.Conv1d) -> str:
    """Why a layer is left as it is; empty if it is not."""
    if isinstance(layer, nn.Conv1d):
        sizes = (layer.kernel_size, layer.stride, layer.padding, layer.groups)
        if sizes != ((1,), (1,), (0,), 1):
            return "its kernel is not a matrix product"
    if layer.weight.dtype not in (torch.float32, torch.float64):
        return f"torch has no product in CSR for {layer.weight.dtype}"
    return ""


def _semi_structured(layer: nn.Linear) -> nn.Linear:
    sparse = to_sparse_semi_structured(layer.weight.detach().contiguous())
    layer.weight = nn.Parameter(sparse, requires_grad=False)
    return layer


def _not_semi_structured(layer: nn.Linear) -> str:
    weight = layer.weight
    if weight.dtype not in (torch.float16, torch.bfloat16):
        return f"its weights are {weight.dtype}: 2:4 needs float16 or bfloat16"
    # Both libraries that torch calls take multiples of 32 x 64.
    if weight.shape[0] % 32 or weight.shape[1] % 64:
        return f"its shape {tuple(weight.shape)} is no multiple of 32 x 64"
    if (weight.reshape(-1, 4) != 0).sum(1).max() > 2:
        return "more than two of four neighbours are not zero: prune it to 2:4 first"
    return ""
