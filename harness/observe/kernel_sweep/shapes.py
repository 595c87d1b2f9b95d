"""The shapes that are swept, as data, and the order in which they are tried.

They are those of speech models: filterbanks and spectra as channels, windows of samples
as taps, dilated depth-wise stacks, few channels where a model was pruned or factorized.
A library chooses its kernel by channels, taps and layout, hardly by the number of
frames, so that few frames do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, product, zip_longest

PRECISIONS = ("fp32", "bf16", "fp16", "int8")
CONVOLUTIONS = ("conv1d", "conv2d", "depthwise", "transposed")
OPERATIONS = (*CONVOLUTIONS, "product", "lstm", "layer norm", "group norm")
RUNTIMES = ("onnxruntime", "openvino", "torch")  # the last takes the time that is left
FORWARD, OF_DATA, OF_WEIGHTS = "forward", "gradient of data", "gradient of weights"


@dataclass(frozen=True)
class Shape:
    """A layer and its input.

    `channels` I and `outputs` O are of a convolution, inner and outer size of a
    product, inputs and hidden size of an LSTM (of two directions where `groups` is 2).
    `frames` is the length, in 2-D of each side.
    """

    operation: str
    channels: int
    outputs: int
    taps: int = 1
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    frames: int = 100
    batch: int = 2

    def __str__(self) -> str:
        """
        >>> str(Shape("conv1d", 8, 64, taps=32))
        '8 -> 64, 32 taps'
        """
        parts = [f"{self.channels} -> {self.outputs}"]
        if self.operation in CONVOLUTIONS:
            window = f"{self.taps} x {self.taps}" if self.is_2d else f"{self.taps}"
            parts.append(f"{window} taps" if self.taps > 1 else f"{window} tap")
        if self.operation == "lstm" and self.groups == 2:
            parts.append("two directions")
        parts += [f"stride {self.stride}"] * (self.stride > 1)
        parts += [f"dilation {self.dilation}"] * (self.dilation > 1)
        return ", ".join(parts)

    @property
    def is_2d(self) -> bool:
        return self.operation == "conv2d"

    @property
    def padding(self) -> int:
        """None for windows of samples, else what keeps the length."""
        is_framing = self.stride > 2
        return 0 if is_framing else self.dilation * (self.taps - 1) // 2


@dataclass(frozen=True)
class Trial:
    """A shape computed by a runtime at a precision: one check a direction."""

    runtime: str
    precision: str
    shape: Shape

    @property
    def family(self) -> tuple[str, str]:
        """What a crash takes away with it."""
        return self.shape.operation, self.precision

    def __str__(self) -> str:
        return f"{self.runtime} {self.shape.operation} {self.precision}: {self.shape}"


CHANNELS = (8, 40, 1, 64, 4, 12, 16, 2, 24, 3, 93, 6, 128)
# Taps of 1-D windows: pointwise, subsampling, 48 of Wav2Letter's first layer;
# windows of samples overlap by half.
TAPS = (32, 1, 3, 11, 48, 7, 5, 16)
STRIDES = ((64, 1, 1), (64, 2, 1), (64, 1, 2), (16, 1, 1))  # outputs, stride, dilation
SHAPES: dict[str, tuple[Shape, ...]] = {
    "conv1d": (
        *(
            Shape("conv1d", channels, 64, taps, taps // 2, frames=200)
            for channels, taps in product((8, 1, 16, 24, 2, 64), (16, 32, 40))
        ),
        *(
            Shape("conv1d", channels, outputs, taps, stride, dilation)
            for (outputs, stride, dilation), taps, channels in product(
                STRIDES, TAPS, CHANNELS
            )
        ),
    ),
    "conv2d": tuple(
        Shape("conv2d", channels, 32, taps, stride, frames=20)
        for stride, taps, channels in product(
            (1, 2), (3, 11, 5, 1), (1, 8, 32, 4, 16, 3, 12, 64, 2, 6)
        )
    ),
    "depthwise": tuple(
        Shape("depthwise", channels, channels, taps, 1, dilation, channels)
        for taps, dilation, channels in product(
            (3, 31), (1, 2, 8), (64, 128, 16, 93, 24, 8)
        )
    ),
    "transposed": tuple(
        Shape("transposed", channels, outputs, taps, taps // 2, frames=40)
        for taps, outputs, channels in product(
            (16, 32, 40), (1, 2, 16), (64, 128, 16, 93, 8, 24, 12)
        )
    ),
    "product": tuple(
        Shape("product", channels, outputs, frames=frames)
        for frames, outputs, channels in product(
            (50, 1), (64, 29, 256, 1, 8, 93), (64, 40, 8, 256, 93, 12, 2, 161, 32)
        )
    ),
    "lstm": tuple(
        Shape("lstm", channels, outputs, groups=directions, frames=8)
        for directions, outputs, channels in product(
            (1, 2), (64, 32, 93, 12), (64, 40, 93, 8)
        )
    ),
    "layer norm": tuple(
        Shape("layer norm", channels, channels, frames=50)
        for channels in (64, 128, 93, 16, 8, 257, 512, 3)
    ),
    "group norm": tuple(
        Shape("group norm", channels, channels, frames=50)
        for channels in (64, 128, 93, 16, 8, 257, 512, 3)
    ),
}
# Of int8, what quantized networks hold; of fp16, what torch and OpenVINO offer on CPUs.
INT8 = ("conv1d", "conv2d", "depthwise", "product")
OFFERED: dict[str, dict[str, Sequence[str]]] = {
    "torch": dict.fromkeys(("bf16", "fp32", "fp16"), OPERATIONS) | {"int8": INT8},
    "openvino": dict.fromkeys(("bf16", "fp32", "fp16"), OPERATIONS) | {"int8": INT8},
    "onnxruntime": {"fp32": OPERATIONS, "int8": INT8},
}


def trials(runtime: str) -> list[Trial]:
    """All of a runtime, in the order in which to try them: one of each family in turn,
    so that what is left out for time is the end of each.

    >>> [one.precision for one in trials("onnxruntime")[:2]]
    ['fp32', 'int8']
    """
    families = [
        [Trial(runtime, precision, shape) for shape in SHAPES[operation]]
        for operation in OPERATIONS
        for precision, operations in OFFERED[runtime].items()
        if operation in operations
    ]
    turns = chain.from_iterable(zip_longest(*families))
    return [one for one in turns if one is not None]
