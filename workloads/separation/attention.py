"""Multi-head self-attention whose heads may have any width.

Axes: `B` sequences, `L` their length, `E` channels, `H` heads, `D` channels of a head.

A. Vaswani et al., "Attention Is All You Need", 2017, 3.2.2. `nn.MultiheadAttention` has
the same parameters, but its heads must share the channels of its input; ours stay whole
when either loses some.
"""

from torch import Tensor, nn
from torch.nn import functional as F


class SelfAttention(nn.Module):
    """`scale` multiplies the products of queries and keys: 1 / sqrt(D) of the model
    that was trained, whatever D has become since."""

    def __init__(
        self, channels: int, heads: int, head_dim: int, scale: float | None = None
    ) -> None:
        super().__init__()
        self.heads = heads
        self.scale = head_dim**-0.5 if scale is None else scale
        self.in_proj = nn.Linear(channels, 3 * heads * head_dim)
        self.out_proj = nn.Linear(heads * head_dim, channels)

    @property
    def head_dim(self) -> int:
        return self.out_proj.in_features // self.heads

    def forward(self, x: Tensor) -> Tensor:
        """`x` (B, L, E) to the same."""
        B, L, _ = x.shape
        H, D = self.heads, self.head_dim
        # in_proj's outputs: queries, keys and values, each (H, D)
        projected = self.in_proj(x).reshape(B, L, 3, H, D)
        query, key, value = projected.permute(2, 0, 3, 1, 4).unbind(0)  # (B, H, L, D)
        mixed = F.scaled_dot_product_attention(query, key, value, scale=self.scale)
        return self.out_proj(mixed.transpose(1, 2).reshape(B, L, H * D))

    def macs_besides(self, x: Tensor) -> int:
        """Of queries with keys and of weights with values."""
        B, L, _ = x.shape
        return 2 * B * L * L * self.heads * self.head_dim
