"""Which kernels of oneDNN an OpenVINO model creates, from oneDNN's own log."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from workloads.runtimes.session import KernelCall

_CREATED = re.compile(
    r"onednn_verbose,(?:v\d+,)?(?:[\d.]+,)?primitive,create:\w+,cpu,"
    r"(?P<primitive>\w+),(?P<implementation>[^,]+),\w*,(?P<memory>[^,]+),"
)
_TYPES = re.compile(r"(?:^| )(?P<role>src|wei)\w*:(?P<dtype>\w+):")
_NAMED = ("convolution", "deconvolution", "matmul", "rnn")
_SAME = {"inner_product": "matmul"}  # one name for what OpenVINO does not tell apart
_POINTWISE = "1x1"  # is in both names of a kernel, or in neither


Kind = tuple[str, tuple[str, ...], bool]  # primitive, source and weights, whether 1x1
Created = Mapping[Kind, Collection[str]]  # names of implementations


def created(log: Iterable[str]) -> Created:
    """The kernels of a log's lines, in oneDNN's words; other lines are passed over.

    >>> created(["onednn_verbose,v1,primitive,create:cache_miss,cpu,convolution,"
    ...     "brg_conv_fwd:avx512_core_vnni,forward_inference,src:u8::blocked:acb::f0 "
    ...     "wei:s8:ap:blocked:AcB::f0 dst:u8::blocked:acb::f0,,alg:convolution_direct,"
    ...     "mb1,0.5"])[("convolution", ("u8", "s8"), False)]
    {'brg_conv_fwd:avx512_core_vnni'}
    """
    kernels = defaultdict(set)
    for found in filter(None, map(_CREATED.match, log)):
        primitive, implementation = found["primitive"], found["implementation"]
        roles = {one["role"]: one["dtype"] for one in _TYPES.finditer(found["memory"])}
        types = tuple(roles[role] for role in ("src", "wei") if role in roles)
        kind = _SAME.get(primitive, primitive), types, _POINTWISE in implementation
        kernels[kind].add(implementation)
    return kernels


def named(calls: Sequence[KernelCall], kernels: Created) -> list[KernelCall]:
    """The calls by oneDNN's names instead of OpenVINO's, where a kernel of the same
    primitive and types was created; where several were, all their names."""

    def name(call: KernelCall) -> str:
        types = tuple(call.dtypes.split(",")[:2])
        kind = call.primitive, types, _POINTWISE in call.implementation
        return "|".join(sorted(kernels.get(kind, ()))) or call.implementation

    return [
        replace(call, implementation=name(call)) if call.primitive in _NAMED else call
        for call in calls
    ]
