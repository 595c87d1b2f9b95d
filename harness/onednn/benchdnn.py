"""Executions as cases of benchdnn, oneDNN's own benchmark.

Its drivers and options: tests/benchdnn/doc of oneDNN, versions 3.x. A case has the
sizes, types, layouts and attributes of the log; what benchdnn cannot run is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from harness.observe.onednn.execution import Execution, PostOp, Tensor

DRIVERS: Mapping[str, str] = {
    "batch_normalization": "bnorm",
    "binary": "binary",
    "brgemm": "brgemm",
    "concat": "concat",
    "convolution": "conv",
    "deconvolution": "deconv",
    "eltwise": "eltwise",
    "group_normalization": "gnorm",
    "inner_product": "ip",
    "layer_normalization": "lnorm",
    "lrn": "lrn",
    "matmul": "matmul",
    "pooling": "pool",
    "prelu": "prelu",
    "reduction": "reduction",
    "reorder": "reorder",
    "resampling": "resampling",
    "rnn": "rnn",
    "shuffle": "shuffle",
    "softmax": "softmax",
    "sum": "sum",
    "zero_pad": "zeropad",
}
WITH_BIAS = {"FWD_D": "FWD_B", "FWD_I": "FWD_B", "BWD_W": "BWD_WB"}
DIRECTIONS = {
    "forward_training": "FWD_D",
    "forward_inference": "FWD_I",
    "backward_data": "BWD_D",
    "backward_weights": "BWD_W",
    "backward": "BWD_DW",
}
# Algorithms whose names begin with their primitive's, which benchdnn leaves out.
_SHORT = (
    "convolution",
    "deconvolution",
    "eltwise",
    "binary",
    "reduction",
    "resampling",
)
_SOFTMAX = {"softmax_accurate": "SOFTMAX", "softmax_log": "LOGSOFTMAX"}
_LRN = {"lrn_across_channels": "ACROSS", "lrn_within_channel": "WITHIN"}
_OF_RNN = {
    "unidirectional_left2right": "left2right",
    "unidirectional_right2left": "right2left",
    "bidirectional_sum": "sum",
    "bidirectional_concat": "concat",
}
_POLICIES = {"0": "common", "1": "per_oc", "2": "per_oc", "3": "per_oc"}
_POLICIES_OF_PRODUCTS = {
    **{"0": "common", "1": "per_oc", "2": "per_oc", "3": "per_ocic", "4": "per_oc"},
    **{"6": "per_ocic", "8": "per_oc", "12": "per_ocic"},
}
_POLICIES_OF_REORDERS = {
    **{"0": "common", "1": "per_dim_0", "2": "per_dim_1", "3": "per_dim_01"},
}


class NoCaseError(Exception):
    """Why an execution is no case of benchdnn."""


def case_of(execution: Execution) -> str:
    """A line of a batch file, from the driver on. Raises NoCaseError."""
    if execution.kind == "graph":
        raise NoCaseError("a graph: its primitives are cases of their own")
    if execution.primitive not in DRIVERS:
        raise NoCaseError(f"benchdnn has no driver for {execution.primitive}")
    present = [tensor for tensor in execution.tensors if tensor.is_there]
    if not present or not all(tensor.dtype for tensor in present):
        raise NoCaseError("the log does not tell its types, as MKL-DNN 0.x did not")
    if "oscale" in execution.attribute:
        raise NoCaseError("its scales are those of oneDNN 2, which benchdnn 3 has not")
    if any(post_op.algorithm == "dw" for post_op in execution.post_ops):
        raise NoCaseError("a depthwise convolution is fused to it")
    own = _OPTIONS.get(execution.primitive, _plain)
    words = [
        f"--{DRIVERS[execution.primitive]}",
        f"--engine={execution.engine}",
        *own(execution),
        *_attributes(execution),
        execution.problem,
    ]
    return " ".join(word for word in words if word)


def batch(
    executions: Sequence[Execution], cold: str = "none", fix_times: int | None = None
) -> tuple[list[str], dict[str, int]]:
    """The lines of a batch file that times each, and how many were left out, by the
    reason why."""
    options = ["--mode=P", f"--cold-cache={cold}"]
    if fix_times is not None:
        options.append(f"--fix-times-per-prb={fix_times}")
    lines: list[str] = []
    left_out: dict[str, int] = {}
    for execution in executions:
        try:
            case = case_of(execution)
        except NoCaseError as error:
            left_out[str(error)] = left_out.get(str(error), 0) + 1
            continue
        driver, rest = case.split(" ", 1)
        lines.append(f"{driver} --reset {' '.join(options)} {rest}")
    return lines, left_out


def _plain(execution: Execution) -> Iterator[str]:
    """Of primitives with one type and one layout."""
    yield _direction(execution)
    yield from _algorithm(execution)
    data = _first(execution)
    yield f"--dt={data.dtype}"
    yield f"--tag={data.layout}"
    yield from _named(execution, "alpha", "beta", "axis", "group")


def _layered(execution: Execution) -> Iterator[str]:
    """Of source, weights and destination: convolutions, inner products."""
    yield _direction(execution)
    yield from _algorithm(execution)
    tensors = _triplet(execution)
    yield "--dt=" + ":".join(tensor.dtype for tensor in tensors.values())
    yield from (f"--{role[0]}tag={_tag(one)}" for role, one in tensors.items())


def _product(execution: Execution) -> Iterator[str]:
    tensors = _triplet(execution)
    yield "--dt=" + ":".join(tensor.dtype for tensor in tensors.values())
    yield from _tags_or_strides(tensors)
    bias = execution.by_role.get("bia")
    if bias is not None:
        yield f"--bia-dt={bias.dtype}"
        mask = re.search(r"_mask(\d+)", bias.flags)
        if mask is not None:
            yield f"--bia_mask={mask[1]}"
    yield from _named(execution, "runtime_dims_masks")


def _moved(execution: Execution) -> Iterator[str]:
    """A reorder."""
    tensors = _triplet(execution)
    yield from (f"--{role[0]}dt={one.dtype}" for role, one in tensors.items())
    yield from _tags_or_strides(tensors)
    for letter, role in (("i", "src"), ("o", "dst")):
        kinds = {"s8m": "s8s8_comp", "zpm": "zp_comp"}
        found = re.findall(r"(s8m|zpm)(\d+)", tensors[role].flags)
        if found:
            flags = "+".join(f"{kinds[kind]}:{mask}" for kind, mask in found)
            yield f"--{letter}flag={flags}"
    yield from _named(execution, "runtime-dim-mask")


def _several(execution: Execution) -> Iterator[str]:
    """Sums, concatenations, binary operations: several sources."""
    sources = [one for one in execution.tensors if one.role == "src"]
    # All that is joined has one type.
    types = sources[:1] if execution.primitive == "concat" else sources
    yield "--sdt=" + ":".join(one.dtype for one in types)
    yield "--stag=" + ":".join(map(_tag, sources))
    destination = execution.by_role["dst"]
    yield f"--ddt={destination.dtype}"
    yield f"--dtag={_tag(destination)}"
    yield from _named(execution, "axis")
    yield from _algorithm(execution)


def _source_to_destination(execution: Execution) -> Iterator[str]:
    """Softmax, reductions."""
    yield _direction(execution)
    yield from _algorithm(execution)
    tensors = _triplet(execution)
    yield from (f"--{role[0]}dt={one.dtype}" for role, one in tensors.items())
    yield from (f"--{role[0]}tag={_tag(one)}" for role, one in tensors.items())
    yield from _named(execution, "axis", "p", "eps")


def _of_one_layout(execution: Execution) -> Iterator[str]:
    """Pooling and resampling, whose destination has the source's layout."""
    yield _direction(execution)
    yield from _algorithm(execution)
    tensors = _triplet(execution)
    if execution.primitive == "pooling":
        yield "--dt=" + ":".join(one.dtype for one in tensors.values())
    else:
        yield from (f"--{role[0]}dt={one.dtype}" for role, one in tensors.items())
    yield f"--tag={tensors['src'].layout}"


def _normalised(execution: Execution) -> Iterator[str]:
    """Batch norms have one type and layout; those of layers and groups one each."""
    yield _direction(execution)
    tensors = list(_triplet(execution).values())
    yield "--dt=" + ":".join(one.dtype for one in tensors)
    yield "--tag=" + ":".join(map(_tag, tensors))
    names = {tensor.name: tensor for tensor in execution.tensors if tensor.is_there}
    if "stats" in names and execution.primitive == "layer_normalization":
        yield f"--stat_tag={_tag(names['stats'])}"
    scale = names.get("scale", names.get("shift"))
    if scale is not None:
        yield f"--ss_dt={scale.dtype}"
    yield f"--flags={execution.words.get('flags', '')}"


def _weighted(execution: Execution) -> Iterator[str]:
    """PReLU."""
    yield _direction(execution)
    data, weights = execution.by_role["src"], execution.by_role["wei"]
    yield f"--sdt={data.dtype}:{weights.dtype}"
    yield f"--stag={_tag(data)}:{_tag(weights)}"


def _recurrent(execution: Execution) -> Iterator[str]:
    words = execution.words
    yield f"--prop={DIRECTIONS.get(execution.propagation, 'FWD_D')}"
    yield f"--alg={execution.algorithm.upper()}"
    direction = words.get("direction", "")
    yield f"--direction={_OF_RNN.get(direction, direction)}"
    activation = words.get("activation", "undef").removeprefix("eltwise_").upper()
    if activation != "UNDEF":
        yield f"--activation={activation}"
    yield f"--cfg={_types_of_rnn(execution)}"
    names = {tensor.name: tensor for tensor in execution.tensors}
    before = "diff_" if any(name.startswith("diff_") for name in names) else ""
    layers = [f"{before}{name}_layer" for name in ("src", "wei", "dst")]
    tags = [_tag(names[name]) for name in layers if name in names]
    yield "--tag=" + ":".join(tags)
    yield from ("--with-projection=true" for name in names if name == "wei_proj")
    yield from ("--with-peephole=true" for name in names if name == "wei_peephole")
    yield f"--flags={words.get('flags', '')}"


def _types_of_rnn(execution: Execution) -> str:
    """One where all states and layers have it, beside a bias of another in bf16; else
    that of each."""
    of = {tensor.name: tensor.dtype for tensor in execution.tensors if tensor.is_there}
    order = ("src_iter", "src_iter_c", "src_layer", "dst_iter", "dst_layer")
    types = [of[name] for name in order if name in of]
    if len(set(types)) > 1:
        return "".join(types)
    bias = of.get("bias", types[0])
    return types[0] + (bias if types[0] == "bf16" and bias != "bf16" else "")


def _small(execution: Execution) -> Iterator[str]:
    """A product of one thread."""
    yield "--dt=" + ":".join(one.dtype for one in _triplet(execution).values())
    yield from _named(execution, "bs", "beta")


Options = Callable[[Execution], Iterator[str]]
_OPTIONS: Mapping[str, Options] = {
    **dict.fromkeys(("convolution", "deconvolution", "inner_product"), _layered),
    **dict.fromkeys(("binary", "concat", "sum"), _several),
    **dict.fromkeys(("softmax", "reduction"), _source_to_destination),
    **dict.fromkeys(("pooling", "resampling"), _of_one_layout),
    **dict.fromkeys(
        ("batch_normalization", "layer_normalization", "group_normalization"),
        _normalised,
    ),
    "matmul": _product,
    "brgemm": _small,
    "reorder": _moved,
    "prelu": _weighted,
    "rnn": _recurrent,
}


def _direction(execution: Execution) -> str:
    found = DIRECTIONS.get(execution.propagation)
    if found is None:
        return ""
    has_bias = "bia" in execution.by_role
    return f"--dir={WITH_BIAS.get(found, found) if has_bias else found}"


def _algorithm(execution: Execution) -> Iterator[str]:
    name = execution.algorithm
    if not name:
        return
    if execution.primitive == "softmax":
        if name not in _SOFTMAX:
            raise NoCaseError(f"benchdnn is not known to have {name}")
        name = _SOFTMAX[name]
    elif execution.primitive in _SHORT:
        name = name.removeprefix(f"{execution.primitive}_")
        name = name.removeprefix("convolution_")  # of a transposed one
    yield f"--alg={_LRN.get(name, name)}"


def _named(execution: Execution, *names: str) -> Iterator[str]:
    words = execution.words
    yield from (f"--{name}={words[name]}" for name in names if name in words)


def _attributes(execution: Execution) -> Iterator[str]:
    policies = {
        "matmul": _POLICIES_OF_PRODUCTS,
        "reorder": _POLICIES_OF_REORDERS,
    }.get(execution.primitive, _POLICIES)
    for name, value in execution.attribute.items():
        if name in ("scales", "zero-points"):
            default = "0.5" if name == "scales" else "1"
            parts = (_policy(one, policies, default) for one in value.split("+"))
            value = "+".join(parts)
        elif name == "post-ops":
            value = "+".join(_post_op(one, policies) for one in execution.post_ops)
        yield f"--attr-{name}={value}"


def _policy(text: str, policies: Mapping[str, str], default: str) -> str:
    """A mask, which a log prints, by its name: `wei:2:f32` is `wei:per_oc:f32`."""
    name, mask, *rest = (*text.split(":"), "0")[: max(2, text.count(":") + 1)]
    policy = policies.get(mask, "per_tensor")
    return ":".join([name, policy, *([default] if policy == "common" else []), *rest])


def _post_op(one: PostOp, policies: Mapping[str, str]) -> str:
    arguments = one.arguments
    if one.algorithm == "prelu" and arguments:
        arguments = (policies.get(arguments[0], "per_tensor"), *arguments[1:])
    return ":".join((one.algorithm, *arguments))


def _triplet(execution: Execution) -> dict[str, Tensor]:
    roles = ("src", "wei", "dst")
    return {
        role: execution.by_role[role] for role in roles if role in execution.by_role
    }


def _first(execution: Execution) -> Tensor:
    return next(one for one in execution.tensors if one.is_there)


def _tags_or_strides(tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """What is not dense has its strides told in place of a layout."""
    strides = []
    for role, tensor in tensors.items():
        tag = _tag(tensor)
        is_plain = tag == tag.lower() and tag != "any" and bool(tensor.strides)
        strides.append(tensor.strides if is_plain else "")
        if not is_plain:
            yield f"--{role[0]}tag={tag}"
    if any(strides):
        yield "--strides=" + ":".join(strides)


def _tag(tensor: Tensor) -> str:
    """`any` where the library chose the layout, or keeps more in it than numbers, and
    may choose again."""
    is_compensated = tensor.role == "wei" and bool(re.search(r"s8m|zpm", tensor.flags))
    return "any" if "a" in tensor.properties or is_compensated else tensor.layout
