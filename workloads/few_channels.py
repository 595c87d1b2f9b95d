"""A way round wrong kernels for convolutions of few channels.

oneDNN 3.12 (torch 2.14.1) on AMX: the forward convolution in bf16 of an even number of
input channels below 16, with 64 products or more per output, returns garbage, in one
dimension and in two, whatever the layout (`brg_conv_fwd:avx10_1_512_amx`). With
channels of zeros up to 16 the kernel is right, and it computes as many products: its
registers hold them anyway. With strides of 4 and more, even numbers from 16 to 30 are
wrong as well, and right with channels up to 32.

Axes: `B` utterances, `I` input and `O` output channels.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

ENOUGH = 16  # channels: a register of bf16 pairs
ENOUGH_STRIDED = 32
LEAST_STRIDED = 4  # the stride from which that many are
FEWEST_PRODUCTS = 64  # of an output, of the kernels that are wrong


def padded_channels(
    x: Tensor, weight: Tensor, stride: int = 1
) -> tuple[Tensor, Tensor]:
    """Input (B, I, ...) and weights (O, I, ...) with enough channels, the new ones
    zero, where bf16 on a CPU takes such a kernel; else as they are.

    Whatever the CPU: what runs must not depend on it, and it costs nothing elsewhere.
    """
    channels, products = weight.shape[1], weight[0].numel()
    enough = ENOUGH_STRIDED if stride >= LEAST_STRIDED else ENOUGH
    few = channels < enough and channels % 2 == 0 and products >= FEWEST_PRODUCTS
    if not few or x.device.type != "cpu" or not _is_bf16(x):
        return x, weight
    added = [0, 0] * (x.ndim - 2) + [0, enough - channels]
    return F.pad(x, added), F.pad(weight, added)


def _is_bf16(x: Tensor) -> bool:
    if torch.is_autocast_enabled("cpu"):
        return torch.get_autocast_dtype("cpu") == torch.bfloat16
    return x.dtype == torch.bfloat16
