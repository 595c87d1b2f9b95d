"""A trace as tables, and its spans for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.onednn.spans import Gap, Span, Trace, is_in_onednn
from harness.report.tables.table import (
    Table,
    formatted_column,
    number_column,
    text_column,
    whole_column,
)
from harness.text import counted, plain


def operator_table(trace: Trace) -> Table:
    """By own time: what an operator did itself, without those that it called."""
    groups: dict[tuple[str, bool], list[float]] = {}
    for place, span in enumerate(trace.spans):
        key = span.name, is_in_onednn(trace.spans, place)
        groups.setdefault(key, []).append(span.own_us)
    order = sorted(groups.items(), key=lambda one: -sum(one[1]))
    whole = sum(sum(some) for some in groups.values())
    columns = (
        text_column("operator", (plain(name) for (name, _), _ in order), is_name=True),
        text_column(
            "runs in", ("oneDNN" if inside else "" for (_, inside), _ in order)
        ),
        whole_column("calls", (len(some) for _, some in order)),
        number_column("own time", (sum(some) / 1000 for _, some in order), unit="ms"),
        formatted_column(
            "%", (100 * sum(some) / whole if whole else 0.0 for _, some in order), ".1f"
        ),
    )
    notes = ("own time: without the operators that it called",)
    return Table("operators", "operators by own time", columns, notes)


def gap_table(gaps: Sequence[Gap]) -> Table:
    """By the operator that begins behind a gap."""
    groups: dict[str, list[float]] = {}
    for gap in gaps:
        groups.setdefault(gap.before, []).append(gap.length_us)
    order = sorted(groups.items(), key=lambda one: -sum(one[1]))
    columns = (
        text_column("before", (plain(name) for name, _ in order), is_name=True),
        whole_column("gaps", (len(some) for _, some in order)),
        number_column("time", (sum(some) / 1000 for _, some in order), unit="ms"),
        number_column("longest", (max(some) / 1000 for _, some in order), unit="ms"),
    )
    return Table("gaps", "gaps between operators: Python, or waiting", columns)


def span_table(spans: Sequence[Span]) -> Table:
    """Each span; times from the first one's beginning."""
    began = min(span.start_us for span in spans)
    columns = (
        text_column("operation", (plain(span.name) for span in spans), is_name=True),
        text_column("thread", (plain(span.thread) for span in spans)),
        number_column("start", ((s.start_us - began) / 1000 for s in spans), unit="ms"),
        number_column("end", ((s.end_us - began) / 1000 for s in spans), unit="ms"),
        whole_column("place", range(len(spans))),
        whole_column("parent", (span.parent for span in spans)),
    )
    return Table("spans", "spans in the order of their beginnings", columns)


def trace_lines(trace: Trace) -> Iterator[str]:
    operators = counted(trace.own, "operator", "operators")
    yield (
        f"{operators} of the main thread in {trace.wall_us / 1000:.4g} ms: "
        f"{trace.own / max(trace.wall_us / 1000, 1e-9):.3g} a millisecond"
    )
    gaps = counted(len(trace.gaps), "gap", "gaps")
    yield (
        f"fragmentation: no operator runs in {100 * trace.fragmentation:.1f} % of it, "
        f"in {gaps}"
    )
    own = sum(span.own_us for span in trace.spans)
    share = 100 * trace.onednn_us / own if own else 0.0
    yield (
        f"operators named after oneDNN have {share:.1f} % of all own time; products in "
        "bf16 are oneDNN's too, by its log"
    )
