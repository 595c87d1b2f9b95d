"""Which kernels of oneDNN an OpenVINO model creates, from oneDNN's own log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from workloads.runtimes.session import KernelCall

_CREATED = re.compile(
    r"onednn_verbose,(?:v\d+,)?(?:[\d.]+,)?primitive,create:\w+,cpu,"
    r"(?P<primitive>\w+),(?P<implementation>[^,]+),\w*,(?P<memory>[^,]+),"
)
_TYPES = re.compile(r"(?:^| )(?P<role>src|wei)\w*:(?P<dtype>\w+):")
_NAMED = ("convolution", "deconvolution", "matmul", "rnn")
_SAME = {"inner_product": "matmul"}  # one name for what OpenVINO does not tell apart
_POINTWISE = "1x1"  # is in both names of a kernel, or in neither


@dataclass(frozen=True)
class Created:
    """A kernel, in oneDNN's words."""

    primitive: str
    implementation: str
    types: tuple[str, ...]  # source, weights


def created(log: Iterable[str]) -> list[Created]:
    """The kernels of a log's lines; other lines are passed over.

    >>> created(["onednn_verbose,v1,primitive,create:cache_miss,cpu,convolution,"
    ...     "brg_conv_fwd:avx512_core_vnni,forward_inference,src:u8::blocked:acb::f0 "
    ...     "wei:s8:ap:blocked:AcB::f0 dst:u8::blocked:acb::f0,,alg:convolution_direct,"
    ...     "mb1,0.5"])[0].types
    ('u8', 's8')
    """
    kernels = []
    for found in filter(None, map(_CREATED.match, log)):
        primitive = found["primitive"]
        types = {one["role"]: one["dtype"] for one in _TYPES.finditer(found["memory"])}
        kernels.append(
            Created(
                _SAME.get(primitive, primitive),
                found["implementation"],
                tuple(types[role] for role in ("src", "wei") if role in types),
            )
        )
    return kernels


def named(calls: Sequence[KernelCall], kernels: Sequence[Created]) -> list[KernelCall]:
    """The calls by oneDNN's names instead of OpenVINO's, where a kernel of the same
    primitive and types was created; where several were, all their names."""
    return [
        replace(call, implementation=_name(call, kernels))
        if call.primitive in _NAMED
        else call
        for call in calls
    ]


def _name(call: KernelCall, kernels: Sequence[Created]) -> str:
    types = tuple(call.dtypes.split(",")[:2])
    pointwise = _POINTWISE in call.implementation
    fitting = {
        kernel.implementation
        for kernel in kernels
        if kernel.primitive == call.primitive
        and kernel.types == types
        and (_POINTWISE in kernel.implementation) == pointwise
    }
    return "|".join(sorted(fitting)) or call.implementation
