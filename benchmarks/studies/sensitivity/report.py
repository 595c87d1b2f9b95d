"""The costs of the layers as a table, a sentence and numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from benchmarks.studies.command import Study
from benchmarks.studies.display import difference_columns, with_interval
from harness.report.tables.table import (
    Table,
    figure_column,
    formatted_column,
    text_column,
)
from workloads.compression.sensitivity import Cost, LayerCost, Sensitivity
from workloads.metrics.bootstrap import Difference
from workloads.metrics.error_rates import ErrorRate

STUDY = Study("sensitivity", "speechmark-sensitivity", "sensitivity analysis")
WIDTH = 120  # of its table, where the output is no terminal
MIN_UTTERANCES = 20  # the bootstrap of fewer gives intervals that are too narrow
ALL = "all layers"


@dataclass(frozen=True)
class Setting:
    """What was analysed: `unit` is the error rate's, `outputs` are the model's."""

    model: str
    compression: str
    data: str
    unit: str = "edits an utterance"
    outputs: str = "log-probabilities"
    output_unit: str = "nats"


def progress(layer: LayerCost, count: int, setting: Setting) -> str:
    """One line, as soon as a layer is done."""
    if layer.cost is None:
        return f"{layer.label} of {count}: {setting.compression} leaves it in float"
    return (
        f"{layer.label} of {count}: {with_interval(layer.cost.difference)} "
        f"{setting.unit}, {setting.outputs} changed by {layer.cost.output_change:.3g} "
        f"{setting.output_unit}"
    )


def shape(layer: LayerCost) -> str:
    return "x".join(map(str, layer.layer.shape))


def title(found: Sensitivity, setting: Setting) -> str:
    return (
        f"{setting.model}, {setting.compression}: cost of quantizing one layer alone "
        f"({found.baseline.n} utterances of {setting.data})"
    )


class _Row(NamedTuple):
    """What is quantized, and what it costs where that is known."""

    label: str
    weights_percent: float
    shape: str = ""
    model_mb: float | None = None
    rate: float | None = None
    difference: Difference | None = None
    output_change: float | None = None


def _row(label: str, weights_percent: float, cost: Cost | None, shape: str) -> _Row:
    if cost is None:
        return _Row(label, weights_percent)
    costs = cost.errors.value, cost.difference, cost.output_change
    return _Row(label, weights_percent, shape, cost.model_bytes / 1e6, *costs)


def _rows(found: Sensitivity) -> list[_Row]:
    layers = [layer for layer, _ in found.ranked()]
    layers += [layer for layer in found.layers if layer.cost is None]
    in_float = found.baseline_bytes / 1e6, found.baseline.value
    return [
        *(_row(one.label, one.weights_percent, one.cost, shape(one)) for one in layers),
        _row(ALL, 100.0, found.together, ""),
        _Row("none: fp32", 0.0, "", *in_float),
    ]


def table(found: Sensitivity, setting: Setting) -> Table:
    """All layers, the costliest first; then the model quantized whole and in float."""
    labels, percents, shapes, sizes_mb, rates, differences, changes = zip(
        *_rows(found), strict=True
    )
    columns = (
        text_column("quantized", labels, is_name=True),
        figure_column("weights", shapes),
        formatted_column("% of weights", percents, ".1f", importance=2),
        figure_column(
            "MB",
            ("in float" if size is None else f"{size:.2f}" for size in sizes_mb),
            sizes_mb,
            importance=1,
        ),
        formatted_column(setting.unit, rates, ".2f", importance=3),
        *difference_columns("cost", differences, 5),
        formatted_column("output change", changes, ".3g", importance=4),
    )
    changed = f"mean absolute, of {setting.outputs} ({setting.output_unit})"
    n = len(found.ranked())
    chance = (  # each interval has a bound below, which 2.5 % of all cross
        f"each interval stands alone: of {n} layers that cost nothing, one lies above "
        f"0 by chance in up to {min(100.0, 2.5 * n):.0f} % of such analyses"
    )
    notes = (f"output change: {changed}", chance)
    return Table("sensitivity", title(found, setting), columns, notes)


def verdict(found: Sensitivity, setting: Setting) -> str:
    """Which layer to keep in float first, or that none is known to cost anything."""
    ranked = found.ranked()
    costliest, most = ranked[0]
    amount = f"{with_interval(most.difference)} {setting.unit}"
    leader = f"{costliest.label} costs {amount}"
    n = found.baseline.n
    if n < MIN_UTTERANCES:
        return (
            f"{n} utterances are too few to name a layer, take {MIN_UTTERANCES} or "
            f"more: here {leader}"
        )
    shown = [(layer, cost) for layer, cost in ranked if cost.shows]
    if not shown:
        none = f"no layer's interval lies above 0 over {n} utterances"
        if most.difference.value > 0:
            return f"{none}; {costliest.label} costs most, {amount}"
        layer, cost = max(ranked, key=lambda one: one[1].output_change)
        return (
            f"{none}: none costs anything here; {layer.label} changes the output most, "
            f"by {cost.output_change:.3g} on average"
        )
    (first, cost), *others = shown
    amount, interval = with_interval(cost.difference).split(" ", 1)
    after = [f"{layer.label} {with_interval(one.difference)}" for layer, one in others]
    parts = [
        f"keep {first.label} in float first: it costs {amount} {setting.unit} "
        f"{interval}",
        f"then {', '.join(after)}"
        if after
        else "no other layer's interval lies above 0",
    ]
    if first is not costliest:
        parts.append(f"{leader}, which may be chance")
    if not found.together.shows:
        whole = with_interval(found.together.difference)
        parts.append(
            f"but all layers together cost {whole}, so even this may be chance"
        )
    return "; ".join(parts)


def numbers(found: Sensitivity, setting: Setting) -> dict[str, Any]:
    """All that was measured, and the edits of each utterance, for a JSON file."""
    return {
        "setting": asdict(setting),
        "verdict": verdict(found, setting),
        "utterances": found.baseline.n,
        "fp32": {**_errors(found.baseline), "model_bytes": found.baseline_bytes},
        "layers": [
            {
                "number": layer.number,
                "label": layer.label,
                "node": layer.layer.name,
                "operator": layer.layer.operator,
                "shape": list(layer.layer.shape),
                "weights": layer.layer.weights,
                "weights_percent": layer.weights_percent,
                "quantized_alone": _cost(layer.cost) if layer.cost else None,
            }
            for layer in found.layers
        ],
        "all_layers": _cost(found.together),
        "ranked": [layer.label for layer, _ in found.ranked()],
    }


def _cost(cost: Cost) -> dict[str, Any]:
    return {
        **_errors(cost.errors),
        "difference": cost.difference.value,
        "difference_interval_95": [cost.difference.low, cost.difference.high],
        "interval_above_0": cost.shows,
        "output_change": cost.output_change,
        "model_bytes": cost.model_bytes,
    }


def _errors(errors: ErrorRate) -> dict[str, Any]:
    return {
        "metric": errors.name,
        "rate": errors.value,
        "errors": list(errors.errors),
        "lengths": list(errors.lengths),
    }
