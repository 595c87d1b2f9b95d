"""Which field of a line stands where, in each version of oneDNN's log.

A line is a marker; from oneDNN 3 on a version of the layout; a timestamp where those
were asked for; from 3.0 on the component that speaks; and its fields:

    mkldnn_verbose,exec,convolution,jit:avx2,forward_training,fsrc:nchw ...
    dnnl_verbose,exec,cpu,convolution,jit:avx2,forward_training,src_f32::blocked ...
    onednn_verbose,v1,primitive,exec,cpu,convolution,jit:avx2,forward_training,src:...
    onednn_verbose,v1,ukernel,exec,cpu,brgemm,,undef,src:bf16::blocked:ab::f0 ...
    onednn_graph_verbose,exec,cpu,100006,convolution_post_ops,CONV_0,data:NCX;, ...

From oneDNN 2 on a log begins with lines that name the fields ("template"); what they
say goes before what is known here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from harness.observe.onednn.execution import Execution, Kind

Layout = tuple[str, ...]  # names of a line's fields, in their order

OPERATION, TIME = "operation", "exec_time"
PRIMITIVE: Layout = (
    *(OPERATION, "engine", "primitive", "implementation", "prop_kind"),
    *("memory_descriptors", "attributes", "auxiliary", "problem_desc", TIME),
)
MKLDNN: Layout = (  # 0.x: neither engines nor attributes
    *(OPERATION, "primitive", "implementation", "prop_kind"),
    *("memory_descriptors", "auxiliary", "problem_desc", TIME),
)
GRAPH: Layout = (
    *(OPERATION, "engine", "partition_id", "partition_kind", "op_names"),
    *("data_formats", "logical_tensors", "fpmath_mode", "implementation"),
    *("backend", TIME),
)
GRAPH_OF_3_0: Layout = tuple(name for name in GRAPH if name != "implementation")
KNOWN: dict[Kind, tuple[Layout, ...]] = {
    "primitive": (PRIMITIVE, MKLDNN),
    "ukernel": (PRIMITIVE,),
    "graph": (GRAPH, GRAPH_OF_3_0),
}
_ENGINE = re.compile(r"(?:cpu|gpu)(?:2(?:cpu|gpu))?(?::\d+)?")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PROPAGATION = re.compile(r"(?:undef|(?:forward|backward)[a-z_]*)?")
_PROBLEM = re.compile(r"(?!\d+\.\d+$)[\w:*.+ -]*")  # a fraction alone is a time
_DESCRIBED = re.compile(r"[a-z_0-9]+:")


class Fields(NamedTuple):
    """An execution, and the text of its time with whatever stands behind it; None where
    no time was printed."""

    execution: Execution
    time: str | None


def fields_of(kind: Kind, body: str, layouts: Sequence[Layout]) -> Fields | None:
    """Of a line from its operation on, by the first of these layouts that it fits; None
    where it was cut, or written over."""
    for layout in layouts:
        texts, time = _divided(body, layout)
        names = [name for name in layout if name != TIME]
        if len(texts) == len(names):
            execution = _execution(kind, dict(zip(names, texts, strict=True)))
            if execution is not None:
                return Fields(execution, time)
    return None


def is_execution(body: str, layouts: Sequence[Layout]) -> bool:
    fields = body.split(",")
    places = {layout.index(OPERATION) for layout in layouts}
    return any(fields[place : place + 1] == ["exec"] for place in places)


def _divided(body: str, layout: Layout) -> tuple[list[str], str | None]:
    """All fields but the time, and the time: it may hold a comma, as other text that
    stands behind it may."""
    place = layout.index(TIME)
    *before, rest = body.split(",", place)
    if len(before) < place:  # a field less than there should be
        return [*before, rest], None
    time, *behind = rest.rsplit(",", len(layout) - 1 - place)
    return [*before, *behind], time


def _execution(kind: Kind, of: dict[str, str]) -> Execution | None:
    """None unless each field looks like one of its kind: where threads wrote over each
    other, a line may have as many fields as it should, but others."""
    made = _partition(of) if kind == "graph" else _primitive(kind, of)
    if not _ENGINE.fullmatch(made.engine) or not _NAME.fullmatch(made.primitive):
        return None
    if kind == "graph":
        return made if _NAME.fullmatch(of.get("backend", "")) else None
    is_sound = (
        _PROPAGATION.fullmatch(made.propagation)
        and _PROBLEM.fullmatch(made.problem)
        and all(map(_DESCRIBED.match, made.descriptors.split()))
    )
    return made if is_sound else None


def _primitive(kind: Kind, of: dict[str, str]) -> Execution:
    return Execution(
        kind=kind,
        engine=of.get("engine", "cpu"),
        primitive=of.get("primitive", ""),
        implementation=of.get("implementation", ""),
        propagation=of.get("prop_kind", ""),
        descriptors=of.get("memory_descriptors", ""),
        attributes=of.get("attributes", "").strip(),
        auxiliary=of.get("auxiliary", ""),
        problem=of.get("problem_desc", ""),
    )


def _partition(of: dict[str, str]) -> Execution:
    parts = (of.get("implementation"), of.get("backend"))
    return Execution(
        kind="graph",
        engine=of.get("engine", "cpu"),
        primitive=of.get("partition_kind", ""),
        implementation=":".join(part for part in parts if part),
        propagation="",
        descriptors="",
        attributes=of.get("fpmath_mode", ""),
        auxiliary=of.get("op_names", ""),
        problem=of.get("logical_tensors", ""),
    )


def layout_of_template(text: str) -> Layout | None:
    """Of `operation,engine,...`, as a template names them; None where it names too few.
    A timestamp is no field of it.

    >>> layout_of_template("timestamp,operation,engine,primitive,exec_time")
    ('operation', 'engine', 'primitive', 'exec_time')
    """
    names = (name.strip() for name in text.split(","))
    layout = tuple(name for name in names if name and name != "timestamp")
    is_whole = OPERATION in layout and TIME in layout
    return layout if is_whole and len(set(layout)) == len(layout) else None
