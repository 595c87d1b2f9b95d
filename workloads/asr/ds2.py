"""Deep Speech 2 as trained for speech recognition on co-processors.

S. Baunsgaard, S. B. Wrede, P. Tozun, "Training for Speech Recognition on
Co-processors", 2020, after D. Amodei et al., "Deep Speech 2", 2015.

Axes: `B` utterances, `T` input frames (10 ms), `U` output frames (20 ms),
`F` input features (93), `C` convolution channels, `H` LSTM width, `N` = 30 outputs.

    Conv1d(F -> C, kernel 11, stride 2, valid), clipped ReLU
    L x LSTM(H), unidirectional
    Linear(H -> N)

with batch norm and 5 % dropout between all layers. Published size: C 600, H 800, L 5.

Deviations: an odd number of frames gives one output frame more than the paper's
equation 5; each LSTM has the two biases of `nn.LSTM`; batch norm takes its statistics
from true frames only, so that padding changes nothing.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from workloads.asr.alphabet import OUTPUTS
from workloads.asr.features import FEATURES

KERNEL = 11  # frames
STRIDE = 2
CLIP = 20.0  # of the rectifier, as in Deep Speech


@dataclass(frozen=True)
class DeepSpeech2Size:
    """`channels` C, `hidden` H, `layers` L."""

    name: str
    channels: int
    hidden: int
    layers: int
    dropout: float = 0.05


DS2_PAPER = DeepSpeech2Size("ds2-paper", channels=600, hidden=800, layers=5)
DS2_SMALL = DeepSpeech2Size("ds2-small", channels=192, hidden=192, layers=2)
SIZES = {size.name: size for size in (DS2_PAPER, DS2_SMALL)}


def output_length(frames: int) -> int:
    """Output frames U for T input frames.

    >>> output_length(1670)
    830
    """
    if frames < KERNEL:
        raise ValueError(
            f"{frames} frames are too few: the convolution spans {KERNEL} "
            f"({KERNEL * 10} ms); drop utterances this short"
        )
    return (frames - KERNEL) // STRIDE + 1


class _Gather(torch.autograd.Function):
    """Rows by unique indices.

    Its own function, because autograd cannot know that no row is taken twice and
    would add rows one by one where a copy does.
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        ctx.size = table.shape[0]
        return table.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (rows,) = ctx.saved_tensors
        table = grad.new_zeros(ctx.size, grad.shape[1])
        return table.index_copy_(0, rows, grad), None


class _Scatter(torch.autograd.Function):
    """The inverse of `_Gather`: rows go to unique indices of a table of zeros."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, rows: Tensor, size: int) -> Tensor:
        ctx.save_for_backward(rows)
        table = values.new_zeros(size, values.shape[1])
        return table.index_copy_(0, rows, values)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (rows,) = ctx.saved_tensors
        return grad.index_select(0, rows), None, None


class BetweenLayers(nn.Module):
    """Batch norm and dropout over true frames.

    In training, padding leaves as zeros. In evaluation nothing is taken from it: it
    stays what it is, which costs less than to pick true frames out and put them back.
    Layers that hear no later frame, and a norm of fixed statistics, let none of it into
    true frames.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, rows: Tensor | None) -> Tensor:
        """`x` (U, B, width); `rows`: flat indices of true frames, None if all are."""
        flat = x.reshape(-1, x.shape[2])
        if rows is None or not self.training:
            return self.dropout(self.norm(flat)).view(x.shape)
        true = self.dropout(self.norm(_Gather.apply(flat, rows)))
        return _Scatter.apply(true, rows, len(flat)).view(x.shape)


class DeepSpeech2(nn.Module):
    """Features to per-frame logits over the 30 outputs."""

    def __init__(self, size: DeepSpeech2Size) -> None:
        super().__init__()
        self.size = size
        self.conv = nn.Conv1d(FEATURES, size.channels, KERNEL, STRIDE)
        self.activation = nn.Hardtanh(0.0, CLIP)
        inputs = [size.channels] + [size.hidden] * (size.layers - 1)
        # Time first is the layout in which both oneDNN and cuDNN run a layer; one
        # module a layer, because batch norm stands between them.
        self.lstms = nn.ModuleList(nn.LSTM(n, size.hidden) for n in inputs)
        self.between = nn.ModuleList(
            BetweenLayers(n, size.dropout) for n in [*inputs, size.hidden]
        )
        self.output = nn.Linear(size.hidden, OUTPUTS)
        self.apply(_initialise)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """`features` (B, T, 93) padded, `lengths` (B,) true frames, on the host.

        Returns logits (B, U, 30) and their true lengths (B,), on the host; logits of
        padding mean nothing.
        """
        output_length(int(lengths.min()))
        lengths = (lengths - KERNEL) // STRIDE + 1
        x = self.activation(self.conv(features.transpose(1, 2)))  # (B, C, U)
        x = x.permute(2, 0, 1)  # (U, B, C)
        rows = _true_rows(lengths, x.shape[0]) if self.training else None
        if rows is not None:
            # A copy from memory that is not pinned waits for all work before it.
            rows = rows.pin_memory() if x.is_cuda else rows
            rows = rows.to(x.device, non_blocking=True)
        x = self.between[0](x, rows)
        for lstm, between in zip(self.lstms, self.between[1:], strict=True):
            x = between(lstm(x)[0], rows)
        return self.output(x).transpose(0, 1), lengths


class Logits(nn.Module):
    """A model in evaluation as runtimes take it: features (B, T, 93) to logits
    (B, U, 30). Padding is computed as if it were speech: no true frame sees it."""

    def __init__(self, model: DeepSpeech2) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: Tensor) -> Tensor:
        """`features` (B, T, 93)."""
        lengths = torch.full((features.shape[0],), features.shape[1])
        logits: Tensor = self.model(features, lengths)[0]
        return logits


def _true_rows(lengths: Tensor, frames: int) -> Tensor | None:
    """Flat (U * B) indices of true frames, computed on the host: no device waits."""
    if int(lengths.min()) == frames:
        return None
    return (torch.arange(frames)[:, None] < lengths).flatten().nonzero()[:, 0]


def _initialise(module: nn.Module) -> None:
    """Xavier weights (each LSTM gate as a matrix of its own) and zero biases."""
    if isinstance(module, nn.Conv1d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.LSTM):
        for name, parameter in module.named_parameters():
            if name.startswith("weight"):
                for gate in parameter.detach().chunk(4):
                    nn.init.xavier_uniform_(gate)
            else:
                nn.init.zeros_(parameter)
