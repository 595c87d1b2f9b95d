"""Ways round a wrong kernel, and which of them a trial has."""

from __future__ import annotations

from collections.abc import Iterator

from harness.observe.kernel_sweep.shapes import CONVOLUTIONS, Shape, Trial

# Channels: what registers hold, and tiles of AMX, of 16 and of 8 bits.
FILLED = {
    f"channels filled up to a multiple of {count} with zeros": count
    for count in (16, 32, 64)
}
CHANNELS_LAST = "channels last (1-D as 2-D of height 1)"
WITHOUT_ONEDNN = "without oneDNN (torch.backends.mkldnn.flags(enabled=False))"
FP32 = "in fp32"
SEVEN_BITS = "weights of 7 bits (reduce_range)"


def added(shape: Shape, way: str) -> tuple[int, int]:
    """Input and output channels that a way of FILLED adds.

    >>> [added(Shape("conv1d", 8, 40), way) for way in FILLED]
    [(8, 8), (24, 24), (56, 24)]
    """
    return -shape.channels % FILLED[way], -shape.outputs % FILLED[way]


def ways_of(trial: Trial) -> Iterator[str]:
    """In the order of what they cost."""
    shape, is_torch = trial.shape, trial.runtime == "torch"
    is_float = trial.precision != "int8"
    if shape.operation in CONVOLUTIONS and shape.groups == 1:
        yield from (way for way in FILLED if any(added(shape, way)))
    if is_torch and is_float and shape.operation in ("conv1d", "conv2d"):
        yield CHANNELS_LAST
    if not is_float:
        yield SEVEN_BITS
    if is_torch and is_float:
        yield WITHOUT_ONEDNN
    if trial.precision not in ("fp32", "int8"):
        yield FP32
