"""What a line of oneDNN's log says that was executed, and what its fields mean.

oneDNN's developer guide, "Verbose Mode", names the fields; src/common/verbose.cpp
prints them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Kind = Literal["primitive", "graph", "ukernel"]

TYPES = (
    *("f64", "f32", "tf32", "f16", "bf16", "f8_e5m2", "f8_e4m3", "e8m0"),
    *("f4_e2m1", "f4_e3m0", "s64", "s32", "s8", "u8", "s4", "u4", "boolean", "undef"),
)
_JOINED = re.compile(rf"(?P<name>\w*?)_?(?P<dtype>{'|'.join(TYPES)})")
_OF_0 = re.compile(rf"(?P<dtype>{'|'.join(TYPES)})_(?P<layout>\w+)")
_ROLES = {  # of tensors that have other names, by the first part of those
    **{"data": "src", "in": "src", "query": "src", "fsrc": "src", "fdata": "src"},
    **{"key": "wei", "fwei": "wei", "out": "dst", "fdst": "dst"},
}
_ORDER = ("src", "wei", "val", "dst")
_SECOND_FACTOR = "src_b"  # of a gemm, which has no weights


@dataclass(frozen=True)
class Tensor:
    """A memory descriptor. `layout` is a format tag, such as `aBcd16b`; `properties`
    has an "a" where the library chose it, a "p" where it is padded; `strides` are
    those of what is not dense. `dtype` is "" where an old log does not tell."""

    name: str
    dtype: str
    properties: str = ""
    kind: str = ""
    layout: str = ""
    strides: str = ""
    flags: str = ""

    @property
    def role(self) -> str:
        """src, wei or dst for a source, weights and a destination, else its name."""
        if self.name == _SECOND_FACTOR:
            return "wei"
        first = self.name.partition("_")[0].rstrip("0123456789")
        return _ROLES.get(first, first)

    @property
    def is_there(self) -> bool:
        return self.dtype != "undef"


@dataclass(frozen=True)
class PostOp:
    """What is done to a primitive's result before it is stored: `eltwise_relu`, `sum`,
    `binary_add`, `dw`, `prelu`, with its numbers and types as they were printed."""

    algorithm: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Execution:
    """All of a line but its time. Fields are as they were printed, "" where a version
    has none; of a graph, `primitive` is the kind of its partition, `problem` its
    tensors, and `auxiliary` the operations that were fused.
    """

    kind: Kind
    engine: str
    primitive: str
    implementation: str
    propagation: str
    descriptors: str
    attributes: str
    auxiliary: str
    problem: str

    @cached_property
    def direction(self) -> str:
        """forward, backward_data, backward_weights, backward (both), or "none"."""
        if self.propagation.startswith("forward"):
            return "forward"
        return self.propagation if self.propagation not in ("undef", "") else "none"

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        return tuple(map(tensor_of, self.descriptors.split()))

    @cached_property
    def by_role(self) -> dict[str, Tensor]:
        """The first tensor of each role that is there."""
        found: dict[str, Tensor] = {}
        for tensor in self.tensors:
            if tensor.is_there:
                found.setdefault(tensor.role, tensor)
        return found

    @cached_property
    def dtypes(self) -> str:
        """Types of source, weights and destination, and of an attention's values before
        the last: "u8,s8,f32"."""
        return self._of_roles("dtype")

    @cached_property
    def layouts(self) -> str:
        """Format tags of the same."""
        return self._of_roles("layout")

    def _of_roles(self, field: str) -> str:
        some = (self.by_role[role] for role in _ORDER if role in self.by_role)
        return ",".join(filter(None, (getattr(tensor, field) for tensor in some)))

    @cached_property
    def attribute(self) -> dict[str, str]:
        """Attributes by their names: {"post-ops": "sum+eltwise_relu"}."""
        return attributes_of(self.attributes)

    @cached_property
    def post_ops(self) -> tuple[PostOp, ...]:
        return tuple(post_ops_of(self.attribute.get("post-ops", "")))

    @cached_property
    def scales(self) -> dict[str, str]:
        """Of each tensor that has some, behind its name: {"wei": "2:f32"}."""
        found = self.attribute.get("scales") or self.attribute.get("oscale", "")
        return dict(_named(one) for one in found.split("+") if one)

    @cached_property
    def words(self) -> dict[str, str]:
        """What else is told by name: {"alg": "eltwise_relu", "alpha": "0"}."""
        return dict(_named(word) for word in self.auxiliary.split())

    @cached_property
    def algorithm(self) -> str:
        """convolution_direct, eltwise_relu, vanilla_lstm; "" where none is told."""
        return self.words.get("alg", "")


def tensor_of(text: str) -> Tensor:
    """A descriptor in any of the layouts that versions had.

    >>> tensor_of("src:f32:a:blocked:aBcd16b::f0").layout
    'aBcd16b'
    >>> tensor_of("src_f8_e5m2::blocked:ab:f0").dtype
    'f8_e5m2'
    >>> tensor_of("in:f32_nchw")
    Tensor(name='in', dtype='f32', properties='', kind='', layout='nchw', \
strides='', flags='')
    """
    name, *rest = text.split(":")
    if rest and rest[0] in TYPES:
        return _described(name, rest[0], rest[1:])
    joined = _JOINED.fullmatch(name)
    if joined is not None and len(rest) >= 2:
        return _described(joined["name"], joined["dtype"], rest)
    of_0 = _OF_0.fullmatch(":".join(rest))  # MKL-DNN 0.x
    if of_0 is not None:
        return Tensor(name, of_0["dtype"], layout=of_0["layout"])
    layout = ":".join(rest)
    return Tensor(name, "undef" if layout == "undef" else "", layout=layout)


def _described(name: str, dtype: str, rest: list[str]) -> Tensor:
    properties, kind, layout, *behind = [*rest, "", "", ""][: max(3, len(rest))]
    # Versions before 3.0 printed no strides.
    has_strides = bool(behind) and not behind[0].startswith("f")
    strides = behind[0] if has_strides else ""
    flags = ":".join(behind[1:] if has_strides else behind)
    return Tensor(name, dtype, properties, kind, layout, strides, flags)


def attributes_of(text: str) -> dict[str, str]:
    """By names as oneDNN 3 has them, whatever version printed them.

    >>> attributes_of("attr-scratchpad:user attr-post-ops:sum")
    {'scratchpad': 'user', 'post-ops': 'sum'}
    >>> attributes_of("oscale:2;post_ops:'sum;eltwise_relu:0:1;';")
    {'oscale': '2', 'post-ops': 'sum+eltwise_relu:0:1'}
    """
    if "attr-" in text:
        named = (_named(word) for word in text.split())
        return {name.removeprefix("attr-"): value for name, value in named}
    quoted = re.sub(r"'([^']*)'", lambda found: found[1].replace(";", "+"), text)
    named = (_named(word) for word in quoted.split(";") if word.strip())
    return {name.replace("_", "-"): value.strip("+") for name, value in named}


def post_ops_of(text: str) -> list[PostOp]:
    """
    >>> post_ops_of("eltwise_linear:2:1+binary_add:f32:2")
    [PostOp(algorithm='eltwise_linear', arguments=('2', '1')), \
PostOp(algorithm='binary_add', arguments=('f32', '2'))]
    """
    parts = (one.split(":") for one in text.split("+") if one)
    return [PostOp(algorithm, tuple(arguments)) for algorithm, *arguments in parts]


def _named(word: str) -> tuple[str, str]:
    name, _, value = word.strip().partition(":")
    return name, value
