"""Wav2Letter: a fully convolutional acoustic model with CTC.

Axes: `B` utterances, `T` frames, `F` = 40 features, `U` output frames, `N` outputs.

R. Collobert, C. Puhrsch, G. Synnaeve, "Wav2Letter: an End-to-End ConvNet-based Speech
Recognition System", 2016, in the sizes that Yanamandra et al., "Quantization of
CNN-based Language Models", train and quantize. It deviates from torchaudio's class of
the same name, which has the same parameters, as that paper does: dropout after each
hidden layer, and no ReLU on the logits.
"""

import torch
from torch import Tensor, nn

from workloads.frame_convolution import FrameConv1d
from workloads.wav2letter.sizes import Wav2LetterSize


class Wav2Letter(nn.Module):
    """Features to log-probabilities.

    Padding at the end of a shorter utterance is not masked, as in the paper: beside
    a longer one, its last frames see what the hidden layers make of zeros instead of
    the edge.
    """

    def __init__(self, size: Wav2LetterSize) -> None:
        super().__init__()
        self.size = size
        layers: list[nn.Module] = []
        for one in size.layers:
            layers += [FrameConv1d(*one), nn.ReLU(), nn.Dropout(size.dropout)]
        self.layers = nn.Sequential(*layers[:-2])  # the logits stay as they are

    def forward(self, features: Tensor) -> Tensor:
        """`features` (B, T, 40); returns log-probabilities (B, U, N)."""
        frames = features.transpose(1, 2)  # (B, F, T)
        if torch.onnx.is_in_onnx_export():
            logits = self.layers(frames)
        else:  # one row for all layers: a compiler fuses those that nothing parts
            logits = self.layers(frames.unsqueeze(2)).squeeze(2)  # (B, N, U)
        return logits.transpose(1, 2).log_softmax(2)


def initialise(model: nn.Module) -> None:
    """Start such that a signal passes all layers, in time as it came.

    He's scale (2015) with a random rotation at the middle of each kernel and little
    beside it (L. Xiao et al., "Dynamical Isometry and a Mean Field Theory of CNNs",
    2018): without norms or shortcuts, eleven layers of torch's own initialisation fade.
    """
    layers = [m for m in model.modules() if isinstance(m, nn.Conv1d)]
    for layer in layers:
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if layer.in_channels == layer.out_channels:
            _rotate(layer)


@torch.no_grad()
def _rotate(layer: nn.Conv1d) -> None:
    rotation = torch.empty(layer.out_channels, layer.in_channels)
    nn.init.orthogonal_(rotation, nn.init.calculate_gain("relu"))
    layer.weight *= 0.1
    layer.weight[:, :, layer.kernel_size[0] // 2] += rotation
