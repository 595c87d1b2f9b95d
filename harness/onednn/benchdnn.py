"""Executions as cases of benchdnn, oneDNN's own benchmark.

Its drivers and options: tests/benchdnn/doc of oneDNN, versions 3.x. A case has the
sizes, types, layouts and attributes of the log; what benchdnn cannot run is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.observe.onednn.execution import Execution, Tensor

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
COLD = {"wei": "wei", "all": "all"}
_ALGORITHM_OF = re.compile(
    r"(?:convolution|deconvolution|pooling|eltwise|binary|"
    r"reduction|resampling|softmax|lrn)_"
)
_LRN = {"across_channels": "ACROSS", "within_channel": "WITHIN"}
_DIRECTIONS_OF_RNN = {
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
_POLICIES_OF_REORDERS = {"0": "common", "1": "per_dim_0", "2": "per_dim_1"}


@dataclass(frozen=True)
class Unsupported(Exception):  # noqa: N818
    """Why an execution is no case of benchdnn."""

    reason: str


def case_of(execution: Execution) -> str:
    """A line of a batch file, from the driver on. Raises Unsupported."""
    if execution.kind == "graph":
        raise Unsupported("a graph: its primitives are cases of their own")
    if not any(tensor.layout for tensor in execution.tensors):
        raise Unsupported("the log has no types or layouts: MKL-DNN 0.x told none")
    if execution.primitive not in DRIVERS:
        raise Unsupported(f"benchdnn has no driver for {execution.primitive}")
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
        except Unsupported as error:
            left_out[error.reason] = left_out.get(error.reason, 0) + 1
            continue
        driver, rest = case.split(" ", 1)
        lines.append(f"{driver} --reset {' '.join(options)} {rest}")
    return lines, left_out


def _plain(execution: Execution) -> Iterator[str]:
    """Of primitives with one type and one layout."""
    yield _direction(execution)
    yield from _algorithm(execution)
    data = _some(execution)
    yield f"--dt={data.dtype}"
    yield f"--tag={data.layout}"


def _some(execution: Execution) -> Tensor:
    return next(one for one in execution.tensors if one.is_there)


def _layered(execution: Execution) -> Iterator[str]:
    """Of source, weights and destination: convolutions, inner products."""
    yield _direction(execution)
    yield from _algorithm(execution)
    tensors = _by_role(execution)
    present = [role for role in ("src", "wei", "dst") if role in tensors]
    yield "--dt=" + ":".join(tensors[role].dtype for role in present)
    yield from (f"--{role[0]}tag={_tag(tensors[role])}" for role in present)


def _product(execution: Execution) -> Iterator[str]:
    tensors = _by_role(execution)
    present = [role for role in ("src", "wei", "dst") if role in tensors]
    yield "--dt=" + ":".join(tensors[role].dtype for role in present)
    strides = []
    for role in present:
        tensor = tensors[role]
        is_plain = tensor.layout == tensor.layout.lower() and tensor.strides
        strides.append(tensor.strides if is_plain else "")
        if not is_plain:
            yield f"--{role[0]}tag={_tag(tensor)}"
    if any(strides):
        yield "--strides=" + ":".join(strides)
    bias = tensors.get("bia")
    if bias is not None:
        yield f"--bia-dt={bias.dtype}"
        mask = re.search(r"_mask(\d+)", bias.flags)
        if mask is not None:
            yield f"--bia_mask={mask[1]}"
    words = _words(execution)
    if "runtime_dims_masks" in words:
        yield f"--runtime_dims_masks={words['runtime_dims_masks']}"


def _moved(execution: Execution) -> Iterator[str]:
    """A reorder."""
    tensors = _by_role(execution)
    for role in ("src", "dst"):
        yield f"--{role[0]}dt={tensors[role].dtype}"
    for role in ("src", "dst"):
        yield f"--{role[0]}tag={tensors[role].layout}"
    flags = re.search(r"s8m(\d+)", tensors["dst"].flags)
    if flags is not None:
        yield f"--oflag=s8s8_comp:{flags[1]}"


def _several(execution: Execution) -> Iterator[str]:
    """Sums, concatenations, binary operations: several sources."""
    sources = [one for one in execution.tensors if one.role == "src"]
    yield "--sdt=" + ":".join(one.dtype for one in sources)
    yield "--stag=" + ":".join(one.layout for one in sources)
    for one in execution.tensors:
        if one.role == "dst":
            yield f"--ddt={one.dtype}"
            yield f"--dtag={_tag(one)}"
    words = _words(execution)
    if "axis" in words:
        yield f"--axis={words['axis']}"
    yield from _algorithm(execution)


def _source_to_destination(execution: Execution) -> Iterator[str]:
    """Softmax, reductions, resampling."""
    yield _direction(execution)
    yield from _algorithm(execution)
    tensors = _by_role(execution)
    for role in ("src", "dst"):
        if role in tensors:
            yield f"--{role[0]}dt={tensors[role].dtype}"
    for role in ("src", "dst"):
        if role in tensors:
            yield f"--{role[0]}tag={_tag(tensors[role])}"
    words = _words(execution)
    yield from (
        f"--{name}={words[name]}" for name in ("axis", "p", "eps") if name in words
    )


def _normalised(execution: Execution) -> Iterator[str]:
    yield _direction(execution)
    data = _some(execution)
    yield f"--dt={data.dtype}"
    yield f"--tag={data.layout}"
    yield f"--flags={_words(execution).get('flags', '')}"


def _elementwise(execution: Execution) -> Iterator[str]:
    yield from _plain(execution)
    words = _words(execution)
    yield from (
        f"--{name}={words[name]}" for name in ("alpha", "beta") if name in words
    )


def _shuffled(execution: Execution) -> Iterator[str]:
    yield from _plain(execution)
    words = _words(execution)
    yield from (
        f"--{name}={words[name]}" for name in ("axis", "group") if name in words
    )


def _recurrent(execution: Execution) -> Iterator[str]:
    words = _words(execution)
    yield f"--prop={DIRECTIONS.get(execution.propagation, 'FWD_D')}"
    yield f"--alg={execution.algorithm.upper()}"
    direction = words.get("direction", "")
    yield f"--direction={_DIRECTIONS_OF_RNN.get(direction, direction)}"
    activation = words.get("activation", "undef").removeprefix("eltwise_").upper()
    if activation != "UNDEF":
        yield f"--activation={activation}"
    types = [one.dtype for one in execution.tensors if one.role in ("src", "dst")]
    yield "--cfg=" + (types[0] if len(set(types)) == 1 else "".join(types))
    yield f"--flags={words.get('flags', '')}"


def _small(execution: Execution) -> Iterator[str]:
    """A product of one thread."""
    words = _words(execution)
    yield from _product(execution)
    yield from (f"--{name}={words[name]}" for name in ("bs", "beta") if name in words)


Options = Callable[[Execution], Iterator[str]]
_OPTIONS: Mapping[str, Options] = {
    **dict.fromkeys(("convolution", "deconvolution", "inner_product"), _layered),
    **dict.fromkeys(("binary", "concat", "sum"), _several),
    **dict.fromkeys(("softmax", "reduction", "resampling"), _source_to_destination),
    **dict.fromkeys(
        ("batch_normalization", "layer_normalization", "group_normalization"),
        _normalised,
    ),
    "pooling": _layered,
    "matmul": _product,
    "brgemm": _small,
    "reorder": _moved,
    "eltwise": _elementwise,
    "shuffle": _shuffled,
    "rnn": _recurrent,
}


def _direction(execution: Execution) -> str:
    found = DIRECTIONS.get(execution.propagation)
    if found is None:
        return ""
    bias = _by_role(execution).get("bia")
    return f"--dir={WITH_BIAS.get(found, found) if bias is not None else found}"


def _algorithm(execution: Execution) -> Iterator[str]:
    if execution.algorithm:
        name = _ALGORITHM_OF.sub("", execution.algorithm, count=1)
        yield f"--alg={_LRN.get(name, name)}"


def _attributes(execution: Execution) -> Iterator[str]:
    policies = {
        "matmul": _POLICIES_OF_PRODUCTS,
        "reorder": _POLICIES_OF_REORDERS,
    }.get(execution.primitive, _POLICIES)
    for name, value in execution.attribute.items():
        if name in ("scales", "zero-points"):
            default = "0.5" if name == "scales" else "1"
            value = "+".join(
                _policy(one, policies, default) for one in value.split("+")
            )
        yield f"--attr-{name}={value}"


def _policy(text: str, policies: Mapping[str, str], default: str) -> str:
    """A mask, which a log prints, by its name: `wei:2:f32` is `wei:per_oc:f32`."""
    name, mask, *rest = (*text.split(":"), "0")[: max(2, text.count(":") + 1)]
    policy = policies.get(mask, "per_tensor")
    return ":".join([name, policy, *([default] if policy == "common" else []), *rest])


def _by_role(execution: Execution) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for tensor in execution.tensors:
        if tensor.is_there:
            found.setdefault(tensor.role, tensor)
    return found


def _tag(tensor: Tensor) -> str:
    """`any` where the library chose the layout, and may choose again."""
    return "any" if "a" in tensor.properties else tensor.layout


def _words(execution: Execution) -> dict[str, str]:
    pairs = (word.partition(":") for word in execution.auxiliary.split())
    return {name: value for name, _, value in pairs}
