"""Problems as logs describe them: sizes of convolutions, products, recurrent layers.

Axes: `B` batch, `I` and `O` channels, `M` rows, `K` and `N` columns, `T` steps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = re.compile(r"([a-z]+)(\d+)")
_AXES = "dhw"  # depth, height, width


@dataclass(frozen=True)
class Convolution:
    """Sizes along each axis there is, as torch has them: a dilation of 1 is none."""

    groups: int
    batch: int
    inputs: int  # channels
    outputs: int
    size: tuple[int, ...]
    made: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[int, ...]

    @property
    def weights(self) -> tuple[int, ...]:
        return (self.outputs, self.inputs // self.groups, *self.kernel)

    @property
    def source(self) -> tuple[int, ...]:
        return (self.batch, self.inputs, *self.size)

    @property
    def destination(self) -> tuple[int, ...]:
        return (self.batch, self.outputs, *self.made)

    @property
    def macs(self) -> int:
        """Of a convolution: of a transposed one, each source meets all of a kernel."""
        positions = self.batch * self.outputs * (self.inputs // self.groups)
        for size in (*self.made, *self.kernel):
            positions *= size
        return positions


def convolution(text: str) -> Convolution:
    """ValueError where it is none.

    >>> convolution("g2mb4_ic8oc6_iw16ow14kw3sw1dw0pw0").weights
    (6, 4, 3)
    """
    of = {name: int(value) for name, value in _NUMBER.findall(text)}
    axes = [axis for axis in _AXES if f"i{axis}" in of]
    try:
        return Convolution(
            of.get("g", 1),
            of["mb"],
            of["ic"],
            of["oc"],
            *(
                tuple(of[f"{name}{axis}"] + more for axis in axes)
                for name, more in (
                    *(("i", 0), ("o", 0), ("k", 0), ("s", 0), ("d", 1), ("p", 0)),
                )
            ),
        )
    except KeyError as error:
        raise ValueError(f"{text!r} is no convolution: it has no {error}") from None


def sizes(text: str) -> tuple[tuple[int, ...], ...]:
    """Of tensors: of a product its factors. ValueError where one is not known.

    >>> sizes("4x64:64x32")
    ((4, 64), (64, 32))
    """
    try:
        return tuple(
            tuple(int(size) for size in tensor.split("x")) for tensor in text.split(":")
        )
    except ValueError:
        raise ValueError(f"{text!r}: sizes that are not all known") from None


def factors(text: str) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Of a product: both factors, and what they give; earlier versions print that too.
    ValueError where it is none.

    >>> factors("4x64:64x32:4x32")
    ((4, 64), (64, 32), (4, 32))
    >>> factors("1x4x5:3x5x6")[2]
    (3, 4, 6)
    """
    left, right = (*sizes(text), (), ())[:2]
    if min(len(left), len(right)) < 2 or len(left) != len(right):
        raise ValueError(f"{text!r} is no product of matrices")
    batches = map(max, zip(left[:-2], right[:-2], strict=True))
    return left, right, (*batches, left[-2], right[-1])


@dataclass(frozen=True)
class Recurrent:
    layers: int
    steps: int
    batch: int
    inputs: int
    hidden: int


def recurrent(text: str) -> Recurrent:
    """
    >>> recurrent("l1t5mb2sic24slc16dhc24dic24")
    Recurrent(layers=1, steps=5, batch=2, inputs=16, hidden=24)
    """
    of = {name: int(value) for name, value in _NUMBER.findall(text)}
    try:
        return Recurrent(of["l"], of["t"], of["mb"], of["slc"], of["dhc"])
    except KeyError as error:
        raise ValueError(f"{text!r} is no recurrent layer: no {error}") from None
