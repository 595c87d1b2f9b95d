"""Layers as ONNX says them better than the exporter does.

Axes: `B` utterances, `T` frames, `F` features, `H` cells, `D` directions.
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

LSTM_OPSET = 14  # the newest LSTM that opset 20 knows


def for_onnx(module: nn.Module) -> nn.Module:
    """A copy that computes the same, in layers that export as single operators.

    - LSTMs: the exporter of torch 2.14 fixes the length of stacked ones.
    - PReLUs of one slope become leaky ReLUs, which ONNX Runtime computes as a part of
      the convolution before them; its PRelu takes as long as the convolution.

    Raises ValueError for an LSTM with projections.
    """
    return _replaced(copy.deepcopy(module))


def _replaced(module: nn.Module) -> nn.Module:
    if isinstance(module, nn.LSTM):
        return OnnxLstm(module)
    if isinstance(module, nn.PReLU) and module.num_parameters == 1:
        return nn.LeakyReLU(module.weight.item())
    for name, child in module.named_children():
        setattr(module, name, _replaced(child))
    return module


class OnnxLstm(nn.Module):
    """An LSTM that can be traced into ONNX, and not be run otherwise.

    Weights W (D, 4H, F) or, behind the first layer, (D, 4H, DH); R (D, 4H, H); biases
    (D, 8H) (onnx.ai, operator LSTM).
    """

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        if lstm.proj_size:
            raise ValueError(
                f"an LSTM has projections of size {lstm.proj_size}, which the LSTM of "
                "ONNX lacks: take one without"
            )
        self.layers, self.hidden = lstm.num_layers, lstm.hidden_size
        self.batch_first = lstm.batch_first
        self.bidirectional = lstm.bidirectional
        for layer in range(lstm.num_layers):
            for name, tensor in zip("WRB", _weights(lstm, layer), strict=True):
                self.register_buffer(f"{name}{layer}", tensor)

    def forward(self, x: Tensor, hx: None = None) -> tuple[Tensor, None]:
        """`x` (B, T, F), or (T, B, F) unless the batch is first, to the same with DH,
        and no states. Raises ValueError where some are given."""
        if hx is not None:
            raise ValueError("an LSTM is given states: it is exported without them")
        if self.batch_first:
            x = x.transpose(0, 1)
        for layer in range(self.layers):
            x = self._layer(x, layer)
        return (x.transpose(0, 1) if self.batch_first else x), None

    def _layer(self, x: Tensor, layer: int) -> Tensor:
        """(T, B, F) to (T, B, DH)."""
        T, B, _ = x.shape
        D, H = 1 + self.bidirectional, self.hidden
        (hidden,) = torch.onnx.ops.symbolic_multi_out(
            "LSTM",
            [x, *(self.get_buffer(f"{name}{layer}") for name in "WRB")],
            {
                "hidden_size": H,
                "direction": "bidirectional" if self.bidirectional else "forward",
            },
            dtypes=[x.dtype],
            shapes=[[T, D, B, H]],
            version=LSTM_OPSET,
        )
        return hidden.transpose(1, 2).reshape(T, B, D * H)


def _weights(lstm: nn.LSTM, layer: int) -> tuple[Tensor, Tensor, Tensor]:
    """W, R and biases of both directions."""
    directions = ("", "_reverse") if lstm.bidirectional else ("",)

    def of(kind: str) -> Callable[[str], Tensor]:
        return lambda end: _in_onnx_order(getattr(lstm, f"{kind}_l{layer}{end}"))

    inputs, states = (
        torch.stack([of(kind)(end) for end in directions])
        for kind in ("weight_ih", "weight_hh")
    )
    if not lstm.bias:
        return inputs, states, inputs.new_zeros(len(directions), 8 * lstm.hidden_size)
    biases = [torch.cat([of("bias_ih")(end), of("bias_hh")(end)]) for end in directions]
    return inputs, states, torch.stack(biases)


def _in_onnx_order(gates: Tensor) -> Tensor:
    """From torch's order of gates (input, forget, cell, output) to that of ONNX."""
    i, f, c, o = gates.detach().chunk(4)
    return torch.cat((i, o, f, c))
