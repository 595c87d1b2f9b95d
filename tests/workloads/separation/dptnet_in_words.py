"""DPTNet written down plainly, one sequence, head and frame after the other, in float64
and with nothing of torch but arithmetic and its LSTM: what the model is compared with.

J. Chen, Q. Mao, D. Liu, "Dual-Path Transformer Network", 2020, sections 2.2 to 2.4.
"""

import math

import torch
from torch import Tensor

from workloads.separation.dptnet import DptNet, Transformer

EPS = 1e-8


def masks(model: DptNet, frames: Tensor) -> Tensor:
    """Of one utterance's frames (N, T): (C, N, T)."""
    size = model.size
    length, hop = frames.shape[1], size.chunk // 2
    x = normed(frames.T, model.norm)
    # As many as fit between a whole chunk of zeros on either side.
    starts = range(-size.chunk, length + 1, hop)
    chunks = torch.stack([cut(x, start, size.chunk) for start in starts])  # (P, K, N)
    for pair in model.pairs:
        intra = [through(pair.intra, one) for one in chunks]
        across = torch.stack(intra).transpose(0, 1)
        inter = [through(pair.inter, one) for one in across]
        chunks = torch.stack(inter).transpose(0, 1)
    slope = model.prelu.weight
    chunks = torch.where(chunks >= 0, chunks, slope * chunks)
    split = chunks @ model.split.weight[:, :, 0, 0].T + model.split.bias
    whole = torch.zeros(length, split.shape[2], dtype=frames.dtype)
    for start, chunk in zip(starts, split, strict=True):
        for place, frame in enumerate(chunk, start):
            if 0 <= place < length:
                whole[place] += frame / (size.chunk / hop)
    return torch.stack(
        [gated(model, part) for part in whole.chunk(size.sources, dim=1)]
    )


def cut(x: Tensor, start: int, length: int) -> Tensor:
    """Frames (T, N) from `start` on, zeros where there are none."""
    found = torch.zeros(length, x.shape[1], dtype=x.dtype)
    for place in range(length):
        if 0 <= start + place < len(x):
            found[place] = x[start + place]
    return found


def gated(model: DptNet, x: Tensor) -> Tensor:
    """(T, N) to a source's mask (N, T)."""
    output = x @ model.output.weight[:, :, 0].T + model.output.bias
    gate = x @ model.gate.weight[:, :, 0].T + model.gate.bias
    return torch.sigmoid(torch.tanh(output) * torch.sigmoid(gate)).T


def through(layer: Transformer, x: Tensor) -> Tensor:
    """One sequence (L, N) to the same."""
    x = normed(x + attended(layer, x), layer.norm_1)
    hidden, _ = layer.lstm(x[None])
    mixed = hidden[0].clamp(min=0) @ layer.linear.weight.T + layer.linear.bias
    return normed(x + mixed, layer.norm_2)


def attended(layer: Transformer, x: Tensor) -> Tensor:
    attention = layer.attention
    projected = x @ attention.in_proj.weight.T + attention.in_proj.bias
    heads = zip(
        *(part.chunk(attention.heads, dim=1) for part in projected.chunk(3, dim=1)),
        strict=True,
    )
    found = []
    for query, key, value in heads:
        scores = query @ key.T / math.sqrt(query.shape[1])
        found.append(torch.softmax(scores, dim=1) @ value)
    mixed = torch.cat(found, dim=1)
    return mixed @ attention.out_proj.weight.T + attention.out_proj.bias


def normed(x: Tensor, norm: torch.nn.Module) -> Tensor:
    """One sequence (L, N), mean and variance over both axes."""
    scaled = (x - x.mean()) / torch.sqrt(((x - x.mean()) ** 2).mean() + EPS)
    return scaled * norm.weight + norm.bias
