"""A separator of any size."""

from workloads.separation.conv_tasnet import ConvTasNet
from workloads.separation.dptnet import DptNet
from workloads.separation.framing import Separator
from workloads.separation.lstm_tasnet import LstmTasNet
from workloads.separation.sizes import ConvTasNetSize, LstmTasNetSize, Size


def make(size: Size) -> Separator:
    """With random weights, in training mode."""
    if isinstance(size, ConvTasNetSize):
        return ConvTasNet(size)
    if isinstance(size, LstmTasNetSize):
        return LstmTasNet(size)
    return DptNet(size)
