"""Wav2Letter: a fully convolutional acoustic model with CTC.

Axes: `B` utterances, `T` frames, `F` = 40 features, `U` output frames, `N` outputs.

R. Collobert, C. Puhrsch, G. Synnaeve, "Wav2Letter: an End-to-End ConvNet-based Speech
Recognition System", 2016, in the sizes that Yanamandra et al., "Quantization of
CNN-based Language Models", train and quantize. It deviates from torchaudio's class of
the same name, which has the same parameters, as that document does: dropout after each
hidden layer, and no ReLU on the logits.
"""

import torch
from torch import Tensor, nn

from workloads.frame_convolution import FrameConv1d
from workloads.wav2letter.sizes import CONTEXT, FIRST, MIDDLES, Wav2LetterSize


class Wav2Letter(nn.Module):
    """Features to log-probabilities.

    Padding at the end of a shorter utterance is not masked, as in the document: beside
    a longer one, its last frames see what the hidden layers make of zeros instead of
    the edge.
    """

    def __init__(self, size: Wav2LetterSize) -> None:
        super().__init__()
        self.size = size
        layers: list[nn.Module] = []
        for convolution in convolutions(size):
            layers += [convolution, nn.ReLU(), nn.Dropout(size.dropout)]
        self.layers = nn.Sequential(*layers[:-2])  # the logits stay as they are

    def forward(self, features: Tensor) -> Tensor:
        """`features` (B, T, 40); returns log-probabilities (B, U, N)."""
        frames = features.transpose(1, 2)  # (B, F, T)
        if torch.onnx.is_in_onnx_export():
            logits = self.layers(frames)
        else:  # one row for all layers: a compiler fuses those that nothing parts
            logits = self.layers(frames.unsqueeze(2)).squeeze(2)  # (B, N, U)
        return logits.transpose(1, 2).log_softmax(2)


def convolutions(size: Wav2LetterSize) -> list[nn.Conv1d]:
    """The eleven layers, the input's first."""
    first, middle, context = FIRST, MIDDLES, CONTEXT
    width, wide = size.width, size.wide
    return [
        FrameConv1d(size.inputs, width, first.kernel, first.stride, first.padding),
        *(
            FrameConv1d(width, width, middle.kernel, padding=middle.padding)
            for _ in range(middle.count)
        ),
        FrameConv1d(width, wide, context.kernel, padding=context.padding),
        FrameConv1d(wide, wide, 1),
        FrameConv1d(wide, size.outputs, 1),
    ]


def parameter_counts(size: Wav2LetterSize) -> list[int]:
    """Of each layer, weights and biases."""
    with torch.device("meta"):
        layers = convolutions(size)
    return [sum(p.numel() for p in layer.parameters()) for layer in layers]
