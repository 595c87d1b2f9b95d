"""Cases under the rooflines of their machines, on logarithmic axes.

How many bytes a step moves is not measured. It reads its weights at least once, so the
operations for each byte of the weights are the highest intensity that it can have: a
point stands there, and the truth is there or further left.

Source of the roofline: Williams, Waterman, Patterson, Roofline: an insightful visual
performance model for multicore architectures, Communications of the ACM 52, 2009.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.report.compare.model import Comparison, Measured, Peak, Work
from harness.report.pages.pictures.picture import (
    DASHES,
    SYMBOLS,
    Figure,
    Look,
    Picture,
    blank,
    escaped,
    log_axis,
    looks,
)
from harness.report.pages.pictures.select import (
    Group,
    best,
    drawn_labels,
    groups,
    is_training,
    ranked,
    rate,
    variant,
)
from harness.report.tables.table import Table, number_column, text_column, whole_column

MOST_WORKS = 40
MOST_NAMED = 16  # points of a roof whose names have room
PLACES = ("top right", "bottom right")  # of names, by turns
HEIGHT_PX = 480
MARGIN = 4.0  # factor by which roofs reach beyond the points and their ridges
GIGA = 1e9


@dataclass(frozen=True)
class RooflinePoint:
    """`intensity` is in operations for each byte of the weights; None without them."""

    work: Work
    label: str
    peak: Peak
    intensity: float | None


@dataclass(frozen=True)
class Roof:
    """The highest peaks of one precision that any case of a candidate measured."""

    label: str
    precision: str
    flops_per_s: float
    bytes_per_s: float | None

    @property
    def ridge(self) -> float | None:
        """The intensity from which on arithmetic is the limit."""
        return self.flops_per_s / self.bytes_per_s if self.bytes_per_s else None

    def height(self, intensity: float) -> float:
        """Operations a second at most, at so many operations a byte."""
        if not self.bytes_per_s:
            return self.flops_per_s
        return min(self.flops_per_s, self.bytes_per_s * intensity)


def pictures(comparison: Comparison) -> Iterator[Picture]:
    """One picture a model whose works have peaks and known weights."""
    found = (_picture(comparison, group) for group in groups(comparison))
    yield from filter(None, found)


def _picture(comparison: Comparison, group: Group) -> Picture | None:
    rows = [row for row in group.rows if ranked(row) and not is_training(row)]
    kept, notes = best(rows, MOST_WORKS, rate)
    labels = drawn_labels(comparison)
    points = [
        RooflinePoint(row.work, label, cell.peak, _intensity(cell))
        for row in kept
        for label in labels
        if (cell := ranked(row).get(label)) and cell.peak
    ]
    if not any(point.intensity for point in points):
        return None
    id = f"roofline-{group.place}"
    note = (
        "Roofs: measured peaks of arithmetic and of memory. A step reads its weights "
        "at least once, so each point is as far right as it can be; how many bytes it "
        "really moves is not measured. Weights that stay in a cache may lift a point "
        "above the slope."
    )
    return Picture(
        id,
        f"Roofline: {group.name}",
        _figure(comparison, points),
        _table(id, group, points),
        group.workload,
        (*notes, note),
    )


def _intensity(cell: Measured) -> float | None:
    """Operations of a step for each byte of its weights."""
    if not cell.peak or not cell.model_bytes or not cell.peak.achieved_flops_per_s:
        return None
    operations = cell.peak.achieved_flops_per_s * cell.step_s.value
    return operations / cell.model_bytes


def _roofs(points: Sequence[RooflinePoint]) -> list[Roof]:
    found: dict[tuple[str, str], list[Peak]] = {}
    for point in points:
        found.setdefault((point.label, point.peak.precision), []).append(point.peak)
    return [
        Roof(
            label,
            precision,
            max(peak.peak_flops_per_s for peak in peaks),
            max((peak.peak_bytes_per_s or 0.0 for peak in peaks), default=0.0) or None,
        )
        for (label, precision), peaks in found.items()
    ]


def _figure(comparison: Comparison, points: Sequence[RooflinePoint]) -> Figure:
    look = looks(comparison)
    precisions = list(dict.fromkeys(point.peak.precision for point in points))
    roofs = _roofs(points)
    known = [point.intensity for point in points if point.intensity]
    ridges = [roof.ridge for roof in roofs if roof.ridge]
    ends = min(known + ridges) / MARGIN, max(known + ridges) * MARGIN
    rates = [point.peak.achieved_flops_per_s / GIGA for point in points]
    tops = [roof.height(end) / GIGA for roof in roofs for end in ends]
    figure = blank(
        HEIGHT_PX,
        log_axis("operations for each byte of the weights", ends),
        log_axis(_unit(precisions), rates + tops),
    )
    for roof in roofs:
        dash = DASHES[precisions.index(roof.precision) % len(DASHES)]
        _add_roof(figure, roof, ends, look[roof.label], dash)
    for roof in roofs:
        own = [p for p in points if p.intensity and _is_under(p, roof)]
        symbol = SYMBOLS[precisions.index(roof.precision) % len(SYMBOLS)]
        _add_points(figure, roof, own, look[roof.label], symbol)
    return figure


def _is_under(point: RooflinePoint, roof: Roof) -> bool:
    return (point.label, point.peak.precision) == (roof.label, roof.precision)


def _add_roof(
    figure: Figure, roof: Roof, ends: tuple[float, float], look: Look, dash: str
) -> None:
    at = [ends[0], *([roof.ridge] if roof.ridge else []), ends[1]]
    figure["data"].append(
        {
            "type": "scatter",
            "name": _name(roof, look),
            "legendgroup": _name(roof, look),
            "mode": "lines",
            "x": at,
            "y": [roof.height(intensity) / GIGA for intensity in at],
            "line": {"color": look.colour, "dash": dash, "width": 2},
            "hovertemplate": "%{fullData.name}<br>%{y:.4g}<extra></extra>",
        }
    )


def _add_points(
    figure: Figure, roof: Roof, points: Sequence[RooflinePoint], look: Look, symbol: str
) -> None:
    figure["data"].append(
        {
            "type": "scatter",
            "name": _name(roof, look),
            "legendgroup": _name(roof, look),
            "showlegend": False,
            "mode": "markers+text" if len(points) <= MOST_NAMED else "markers",
            "x": [point.intensity for point in points],
            "y": [point.peak.achieved_flops_per_s / GIGA for point in points],
            "marker": {
                "symbol": symbol,
                "size": 9,
                "color": look.colour,
                "line": {"color": "#ffffff", "width": 1},
            },
            "text": [_short(point) for point in points],
            "textposition": [PLACES[place % 2] for place in range(len(points))],
            "textfont": {"size": 11, "color": look.colour},
            "cliponaxis": False,
            "hovertext": list(_hovers(points)),
            "hovertemplate": "%{fullData.name}<br>%{hovertext}<br>%{y:.4g}"
            "<extra></extra>",
        }
    )


def _unit(precisions: Sequence[str]) -> str:
    """Of both axes' rates: integers are no floats."""
    kinds = dict.fromkeys(
        "GOP/s" if "int" in name else "GFLOP/s" for name in precisions
    )
    return " or ".join(sorted(kinds))


def _short(point: RooflinePoint) -> str:
    """Beside its mark."""
    work = point.work
    return escaped(f"{work.compression} {work.runtime} b{work.batch_size}")


def _name(roof: Roof, look: Look) -> str:
    return f"{look.name} {escaped(roof.precision)}"


def _hovers(points: Sequence[RooflinePoint]) -> Iterator[str]:
    for point in points:
        share = 100 * point.peak.fraction_of_peak
        work = f"{variant(point.work)} b{point.work.batch_size}"
        yield f"{escaped(work)}: {share:.3g} % of the peak"


def _table(id: str, group: Group, points: Sequence[RooflinePoint]) -> Table:
    peaks = [point.peak for point in points]
    memory = [p.peak_bytes_per_s for p in peaks]
    unit = _unit([peak.precision for peak in peaks])
    columns = (
        text_column("variant", (variant(point.work) for point in points)),
        whole_column("batch size", (point.work.batch_size for point in points)),
        text_column("candidate", (point.label for point in points)),
        text_column("precision", (peak.precision for peak in peaks)),
        number_column("operations a byte", (point.intensity for point in points)),
        number_column(
            "achieved", (p.achieved_flops_per_s / GIGA for p in peaks), unit=unit
        ),
        number_column("peak", (p.peak_flops_per_s / GIGA for p in peaks), unit=unit),
        number_column("memory", (m and m / GIGA for m in memory), unit="GB/s"),
        number_column("of peak", (100 * p.fraction_of_peak for p in peaks), unit="%"),
    )
    return Table(f"{id}-table", f"Peaks and rates of {group.name}", columns)
