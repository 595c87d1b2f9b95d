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
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import prune
from torch.sparse import to_sparse_semi_structured

from workloads.frame_convolution import FrameConv1d

Replace = Callable[[nn.Module], nn.Module]


@dataclass(frozen=True)
class Sparsified:
    """A copy of a model, names of its layers that compute with sparse weights, and of
    all others with weight matrices, with the reason."""

    model: nn.Module
    changed: tuple[str, ...]
    left: dict[str, str]


class CsrLinear(nn.Module):
    """y = x W^T + b with `weight` W (O, I) stored in CSR; what `bias` (O,) holds is
    added where there is one.

    Kept as three buffers, as a tensor in CSR can be neither copied nor saved by torch.
    Indices of 32 bits are what oneMKL reads; it would convert others in every call.
    """

    crow_indices: Tensor
    col_indices: Tensor
    values: Tensor

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        csr = weight.detach().to_sparse_csr()
        self.register_buffer("crow_indices", csr.crow_indices().int())
        self.register_buffer("col_indices", csr.col_indices().int())
        self.register_buffer("values", csr.values())
        self.bias = bias

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
    """A Conv1d of kernel size 1, whose `weight` is (O, I)."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__(weight, bias)
        self.out_channels, self.in_channels = weight.shape

    def forward(self, x: Tensor) -> Tensor:
        """(B, I, T) to (B, O, T), or without B."""
        flat = x.movedim(-2, 0).reshape(x.shape[-2], -1)  # (I, B * T)
        y = self.weight @ flat
        y = y if self.bias is None else y + self.bias[:, None]
        lead = (*x.shape[:-2], x.shape[-1])
        return y.reshape(self.out_channels, *lead).movedim(0, -2)


class CsrPointwiseFrameConv(CsrPointwiseConv):
    """A FrameConv1d of kernel size 1: the channels of a frame are neighbours."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, I, T) to (B, O, T)."""
        frames = CsrLinear.forward(self, x.transpose(1, 2)).contiguous()
        return frames.transpose(1, 2)


def csr_linears(model: nn.Module) -> Sparsified:
    """`nn.Linear`, and `nn.Conv1d` and `FrameConv1d` of kernel size 1, by products in
    CSR, however many of their weights are zero; equal in output up to rounding. They
    are not to be trained.

    `model` itself is not changed. Raises ValueError if its pruning is not permanent.
    """
    return _replaced(model, _csr, _not_csr)


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
    return _replaced(model, _semi_structured, _not_semi_structured)


def _replaced(
    model: nn.Module, replace: Replace, reason: Callable[[nn.Module], str]
) -> Sparsified:
    """A module that occurs more than once is replaced wherever it does."""
    if prune.is_pruned(model):
        raise ValueError(
            "the model's pruning is a mask that is applied in each call: "
            "call prune.remove on each of its layers first"
        )
    result = copy.deepcopy(model)
    changed, left = [], {}
    new: dict[nn.Module, nn.Module] = {}
    for name, module in list(result.named_modules(remove_duplicate=False)):
        if not _has_matrices(module):
            continue
        if why := reason(module):
            left[name] = why
            continue
        if module not in new:
            new[module] = replace(module)
        result = _with(result, name, new[module])
        changed.append(name)
    return Sparsified(result, tuple(changed), left)


def _has_matrices(module: nn.Module) -> bool:
    own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
    return any(x.ndim >= 2 for x in own)


def _with(model: nn.Module, name: str, module: nn.Module) -> nn.Module:
    if not name:
        return module
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)
    return model


def _csr(module: nn.Module) -> nn.Module:
    weight, bias = module.weight, module.bias
    assert isinstance(weight, Tensor)
    kind = CSR[type(module)]
    return kind(weight.flatten(1), bias if isinstance(bias, Tensor) else None)


CSR: dict[type[nn.Module], type[CsrLinear]] = {
    nn.Linear: CsrLinear,
    nn.Conv1d: CsrPointwiseConv,
    FrameConv1d: CsrPointwiseFrameConv,
}


def _not_csr(module: nn.Module) -> str:
    """Why a module is left as it is; empty if it is not."""
    if type(module) not in CSR:
        return f"a {type(module).__name__} has no product in CSR"
    if isinstance(module, nn.Conv1d):
        why = "" if _is_pointwise(module) else "its kernel is not a matrix product"
        return why or _not_plain(module)
    return _not_plain(module)


def _is_pointwise(conv: nn.Conv1d) -> bool:
    plain = (conv.kernel_size, conv.stride, conv.padding, conv.groups)
    return plain == ((1,), (1,), (0,), 1)


def _not_plain(module: nn.Module) -> str:
    weight = module.weight
    assert isinstance(weight, Tensor)
    if module._forward_pre_hooks:
        return "a hook may set its weight in each call"
    if weight.dtype not in (torch.float32, torch.float64):
        return f"torch has no product in CSR for {weight.dtype}"
    return ""


def _semi_structured(module: nn.Module) -> nn.Module:
    assert isinstance(module, nn.Linear)
    sparse = to_sparse_semi_structured(module.weight.detach().contiguous())
    module.weight = nn.Parameter(sparse, requires_grad=False)
    return module


def _not_semi_structured(module: nn.Module) -> str:
    if type(module) is not nn.Linear:
        return f"a {type(module).__name__} has no 2:4 sparse product"
    if module._forward_pre_hooks:
        return "a hook may set its weight in each call"
    weight = module.weight
    if weight.dtype not in (torch.float16, torch.bfloat16):
        return f"its weights are {weight.dtype}: 2:4 needs float16 or bfloat16"
    # Both libraries that torch calls take multiples of 32 x 64.
    if weight.shape[0] % 32 or weight.shape[1] % 64:
        return f"its shape {tuple(weight.shape)} is no multiple of 32 x 64"
    if (weight.reshape(-1, 4) != 0).sum(1).max() > 2:
        return "more than two of four neighbours are not zero: prune it to 2:4 first"
    return ""
