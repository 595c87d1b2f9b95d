"""The costs of the layers as a table, a sentence and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from benchmarks.studies.command import Study
from benchmarks.studies.intervals import with_interval
from harness.report.tables.table import (
    Column,
    Table,
    figure_column,
    number_column,
    text_column,
)
from workloads.compression.sensitivity import Cost, LayerCost, Sensitivity
from workloads.metrics.error_rates import ErrorRate

STUDY = Study("speechmark-sensitivity", "sensitivity analysis")
WIDTH = 120  # of its table, where the output is no terminal
MIN_UTTERANCES = 20  # the bootstrap of fewer gives intervals that are too narrow


@dataclass(frozen=True)
class Setting:
    """What was analysed: `unit` is the error rate's, such as "edits an utterance",
    `outputs` what the model's outputs are, such as "log-probabilities" in "nats"."""

    model: str
    compression: str
    data: str
    unit: str
    outputs: str
    output_unit: str


def progress(layer: LayerCost, count: int, setting: Setting) -> str:
    """One line, as soon as a layer is done."""
    if layer.cost is None:
        return f"{layer.label} of {count}: {setting.compression} leaves it in float"
    return (
        f"{layer.label} of {count}: {with_interval(layer.cost.difference)} "
        f"{setting.unit}, {setting.outputs} changed by {layer.cost.output_change:.3g} "
        f"{setting.output_unit}"
    )


def title(found: Sensitivity, setting: Setting) -> str:
    return (
        f"{setting.model}, {setting.compression}: cost of quantizing one layer alone "
        f"({found.baseline.n} utterances of {setting.data})"
    )


class _Row(NamedTuple):
    quantized: str
    shape: str
    weights_percent: float
    model_bytes: int | None
    rate: float | None
    cost: Cost | None

    @property
    def megabytes(self) -> str:
        if self.model_bytes is None:
            return "in float"
        return f"{self.model_bytes / 1e6:.2f}"


def table(found: Sensitivity, setting: Setting) -> Table:
    """All layers, the costliest first; then the model in float and quantized whole."""
    rows = list(_rows(found))
    sizes = [row.model_bytes for row in rows]
    rates = [row.rate for row in rows]
    columns = (
        text_column("quantized", (row.quantized for row in rows), is_name=True),
        figure_column("weights", (row.shape for row in rows)),
        figure_column(
            "% of weights",
            (f"{row.weights_percent:.1f}" for row in rows),
            (row.weights_percent for row in rows),
            importance=2,
        ),
        figure_column(
            "MB",
            (row.megabytes for row in rows),
            (None if size is None else size / 1e6 for size in sizes),
            importance=1,
        ),
        figure_column(
            setting.unit,
            ("" if rate is None else f"{rate:.2f}" for rate in rates),
            rates,
            importance=3,
        ),
        *_cost_columns([row.cost for row in rows]),
    )
    notes = (
        f"output change: mean absolute, of {setting.outputs} ({setting.output_unit})",
        _chance(found),
    )
    return Table("sensitivity", title(found, setting), columns, notes)


def _rows(found: Sensitivity) -> Iterator[_Row]:
    for layer, cost in found.ranked():
        shape = "x".join(map(str, layer.layer.shape))
        yield _measured(layer.label, shape, layer.weights_percent, cost)
    for layer in found.layers:
        if layer.cost is None:
            yield _Row(layer.label, "", layer.weights_percent, None, None, None)
    yield _measured("all layers", "", 100.0, found.together)
    rate = found.baseline.rate
    yield _Row("none: fp32", "", 0.0, found.baseline_bytes, rate, None)


def _measured(label: str, shape: str, percent: float, cost: Cost) -> _Row:
    return _Row(label, shape, percent, cost.model_bytes, cost.errors.rate, cost)


def _cost_columns(costs: Sequence[Cost | None]) -> tuple[Column, ...]:
    """What a layer costs, with its interval, and what it changes."""
    differences = [cost.difference if cost else None for cost in costs]
    changes = [cost.output_change if cost else None for cost in costs]
    return (
        figure_column(
            "cost [95 % interval]",
            (with_interval(one) if one else "" for one in differences),
            (one.value if one else None for one in differences),
            importance=5,
        ),
        number_column(
            "low", (one.low if one else None for one in differences), hidden=True
        ),
        number_column(
            "high", (one.high if one else None for one in differences), hidden=True
        ),
        figure_column(
            "output change",
            ("" if change is None else f"{change:.3g}" for change in changes),
            changes,
            importance=4,
        ),
    )


def _chance(found: Sensitivity) -> str:
    """Each interval has a bound below, which 2.5 % of all cross by chance."""
    n = len(found.ranked())
    return (
        f"each interval stands alone: of {n} layers that cost nothing, one lies above "
        f"0 by chance in up to {min(100.0, 2.5 * n):.0f} % of such analyses"
    )


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
        if most.difference.value <= 0:
            return f"{none}: {_subtle(found)}"
        return f"{none}; {costliest.label} costs most, {amount}"
    (first, cost), others = shown[0], shown[1:]
    amount, interval = with_interval(cost.difference).split(" ", 1)
    sentence = f"keep {first.label} in float first: it costs {amount} {setting.unit} "
    sentence += f"{interval}; {_others(others)}"
    if first is not costliest:
        sentence += f"; {leader}, which may be chance"
    if not found.together.shows:
        whole = with_interval(found.together.difference)
        sentence += (
            f"; but all layers together cost {whole}, so even this may be chance"
        )
    return sentence


def _others(shown: Sequence[tuple[LayerCost, Cost]]) -> str:
    if not shown:
        return "no other layer's interval lies above 0"
    costs = [f"{layer.label} {with_interval(cost.difference)}" for layer, cost in shown]
    return f"then {', '.join(costs)}"


def _subtle(found: Sensitivity) -> str:
    """Where no layer costs anything."""
    layer, cost = max(found.ranked(), key=lambda x: x[1].output_change)
    return (
        f"none costs anything here; {layer.label} changes the output most, by "
        f"{cost.output_change:.3g} on average"
    )


def numbers(found: Sensitivity, setting: Setting) -> dict[str, Any]:
    """All that was measured, and the edits of each utterance, for a JSON file."""
    return {
        **STUDY.marks,
        "setting": asdict(setting),
        "verdict": verdict(found, setting),
        "utterances": found.baseline.n,
        "fp32": {
            **_errors(found.baseline),
            "model_bytes": found.baseline_bytes,
        },
        "layers": [
            {
                "number": layer.number,
                "label": layer.label,
                "node": layer.layer.name,
                "operator": layer.layer.operator,
                "shape": list(layer.layer.shape),
                "weights": layer.layer.weights,
                "weights_percent": layer.weights_percent,
                "quantized_alone": _numbers_of(layer.cost) if layer.cost else None,
            }
            for layer in found.layers
        ],
        "all_layers": _numbers_of(found.together),
        "ranked": [layer.label for layer, _ in found.ranked()],
    }


def _numbers_of(cost: Cost) -> dict[str, Any]:
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
        "rate": errors.rate,
        "errors": list(errors.errors),
        "lengths": list(errors.lengths),
    }
