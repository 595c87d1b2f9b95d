"""Where the time of a step goes: primitives and directions, candidates side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.report.compare.model import Comparison, KernelShare, Measured, Row, Work
from harness.report.compare.shown.columns import work_columns
from harness.report.pages.pictures.picture import (
    COLOURS,
    GREY,
    Figure,
    Picture,
    Trace,
    axis,
    distinct,
    escaped,
    in_two_lines,
    key,
    panelled,
    titled,
)
from harness.report.pages.pictures.select import (
    Group,
    drawn_labels,
    groups,
    ranked,
    tick,
)
from harness.report.tables.table import Table, number_column, text_column

MOST_WORKS = 6
MOST_PRIMITIVES = len(COLOURS) - 1  # the rest is one more: "others"
OTHERS = "others"
# Bars of one primitive share a colour; their direction is a pattern, or its absence.
PATTERNS = {
    "forward": "",
    "backward": "x",
    "backward_data": "/",
    "backward_weights": "\\",
}
BAR_PX, GAP_PX, FRAME_PX = 30, 62, 130


@dataclass(frozen=True)
class Slice:
    """The kernels of one primitive and direction, added up."""

    primitive: str
    direction: str
    time_ms: float
    share_percent: float
    implementation: str

    @property
    def kind(self) -> tuple[str, str]:
        return self.primitive, self.direction


def pictures(comparison: Comparison) -> Iterator[Picture]:
    """One picture a model, a panel for each of its works, a bar for each candidate."""
    found = (_picture(comparison, group) for group in groups(comparison))
    yield from filter(None, found)


def _picture(comparison: Comparison, group: Group) -> Picture | None:
    labels = drawn_labels(comparison)
    rows = [row for row in group.rows if any(_measured(row, label) for label in labels)]
    kept = _chosen(rows)
    if not kept:
        return None
    primitives = _primitives(kept)
    notes = [
        "Shorter is better. Time of one step, as the runtime's own profile tells it; "
        "what runs outside of its primitives is in no bar."
    ]
    if len(rows) > len(kept):
        notes.insert(
            0, f"{len(kept)} of {len(rows)} works, one of each compression first."
        )
    id = f"kernels-{group.place}"
    return Picture(
        id,
        f"Where a step's time goes: {group.name}",
        _figure(kept, _names(comparison), primitives),
        _table(id, group, kept, labels),
        group.workload,
        tuple(notes),
    )


def _measured(row: Row, label: str) -> Measured | None:
    cell = ranked(row).get(label)
    return cell if cell and cell.kernels else None


def _chosen(rows: Sequence[Row]) -> list[Row]:
    """Of each compression the first work, then of each runtime, then the others."""
    firsts: dict[Work, Row] = {}
    for axes in (
        lambda work: work.compression,
        lambda work: (work.compression, work.runtime),
        lambda work: work,
    ):
        leading: dict[object, Row] = {}
        for row in rows:
            leading.setdefault(axes(row.work), row)
        firsts |= {row.work: row for row in leading.values() if row.work not in firsts}
    chosen = set(list(firsts)[:MOST_WORKS])
    return [row for row in rows if row.work in chosen]


def _primitives(rows: Sequence[Row]) -> list[str]:
    """The primitives that take most time over all bars; the others are one."""
    times: dict[str, float] = {}
    for row in rows:
        for cell in ranked(row).values():
            for kernel in cell.kernels:
                before = times.get(kernel.primitive, 0.0)
                times[kernel.primitive] = before + kernel.time_s
    order = sorted(times, key=lambda name: -times[name])
    return order[:MOST_PRIMITIVES]


def _slices(kernels: Sequence[KernelShare], primitives: Sequence[str]) -> list[Slice]:
    """By the order of the primitives; those that have no colour together."""
    found: dict[tuple[str, str], list[KernelShare]] = {}
    for kernel in kernels:
        name = kernel.primitive if kernel.primitive in primitives else OTHERS
        direction = kernel.direction if name != OTHERS else ""
        found.setdefault((name, direction), []).append(kernel)
    slices = [
        Slice(
            *kind,
            time_ms=1e3 * sum(one.time_s for one in some),
            share_percent=sum(one.share_percent for one in some),
            implementation=max(some, key=lambda one: one.time_s).implementation,
        )
        for kind, some in found.items()
    ]
    order = [*primitives, OTHERS]
    return sorted(slices, key=lambda one: (order.index(one.primitive), one.direction))


def _names(comparison: Comparison) -> dict[str, str]:
    """By label, as they stand beside the bars."""
    labels = drawn_labels(comparison)
    names = map(in_two_lines, distinct(labels, " "))
    return dict(zip(labels, names, strict=True))


def _figure(
    rows: Sequence[Row], names: dict[str, str], primitives: Sequence[str]
) -> Figure:
    drawn = [[label for label in names if _measured(row, label)] for row in rows]
    figure = panelled(
        [BAR_PX * len(some) + BAR_PX / 2 for some in drawn],
        GAP_PX,
        FRAME_PX,
        [tick(row.work).replace("<br>", " ") for row in rows],
    )
    figure["layout"]["barmode"] = "stack"
    named: set[tuple[str, str]] = set()
    for panel, (row, some) in enumerate(zip(rows, drawn, strict=True), 1):
        here = {label: names[label] for label in some}
        _add_panel(figure, panel, row, here, primitives, named)
    figure["layout"][key("x", len(rows))] |= titled("time of a step (ms)")
    return figure


def _add_panel(
    figure: Figure,
    panel: int,
    row: Row,
    names: dict[str, str],
    primitives: Sequence[str],
    named: set[tuple[str, str]],
) -> None:
    """A trace for each primitive and direction; each is named in the legend once."""
    bars: dict[tuple[str, str], dict[str, Slice]] = {}
    for label, name in names.items():
        for one in _slices(ranked(row)[label].kernels, primitives):
            bars.setdefault(one.kind, {})[name] = one
    order = [*primitives, OTHERS]
    for kind in sorted(bars, key=lambda kind: (order.index(kind[0]), kind[1])):
        bar = _bar(kind, bars[kind], order.index(kind[0]), kind not in named)
        bar |= {"xaxis": axis("x", panel), "yaxis": axis("y", panel)}
        figure["data"].append(bar)
        named.add(kind)
    figure["layout"][key("y", panel)] |= {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(names.values()),
        "autorange": "reversed",
        "showgrid": False,
        "ticks": "",
    }


def _bar(
    kind: tuple[str, str], slices: dict[str, Slice], place: int, is_named: bool
) -> Trace:
    name = escaped(_name(kind))
    found = slices.values()
    colour = GREY if kind[0] == OTHERS else COLOURS[place]
    return {
        "type": "bar",
        "name": name,
        "legendgroup": name,
        "showlegend": is_named,
        "orientation": "h",
        "x": [one.time_ms for one in found],
        "y": list(slices),
        "marker": {
            "color": colour,
            "line": {"color": "#ffffff", "width": 0.5},
            "pattern": {
                "fillmode": "overlay",  # over the colour, not instead of it
                "shape": PATTERNS.get(kind[1], ""),
                "fgcolor": "#ffffff",
                "size": 7,
                "solidity": 0.25,
            },
        },
        "width": 0.8,
        "text": [escaped(one.implementation) for one in found],
        "textposition": "none",
        "hovertemplate": "%{y}<br>%{fullData.name}<br>%{text}<br>%{x:.4g} ms"
        "<extra></extra>",
    }


def _name(kind: tuple[str, str]) -> str:
    """
    >>> _name(("convolution", "backward_data")), _name(("reorder", "none"))
    ('convolution backward data', 'reorder')
    """
    primitive, direction = kind
    known = "" if direction in ("none", "") else direction.replace("_", " ")
    return f"{primitive} {known}".strip()


def _table(id: str, group: Group, rows: Sequence[Row], labels: Sequence[str]) -> Table:
    found: list[tuple[Work, str, KernelShare, float | None]] = [
        (row.work, label, kernel, cell.kernels_coverage_percent)
        for row in rows
        for label in labels
        if (cell := _measured(row, label))
        for kernel in cell.kernels
    ]
    kernels = [kernel for _, _, kernel, _ in found]
    columns = (
        *work_columns([work for work, _, _, _ in found], short=True),
        text_column("candidate", (label for _, label, _, _ in found)),
        text_column("primitive", (kernel.primitive for kernel in kernels)),
        text_column("direction", (kernel.direction for kernel in kernels)),
        text_column("implementation", (kernel.implementation for kernel in kernels)),
        number_column("time", (1e3 * kernel.time_s for kernel in kernels), unit="ms"),
        number_column("share", (kernel.share_percent for kernel in kernels), unit="%"),
        number_column("coverage", (covered for _, _, _, covered in found), unit="%"),
    )
    return Table(f"{id}-table", f"Kernels of a step of {group.name}", columns)
