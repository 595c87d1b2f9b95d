"""The costs of the layers as a table, a sentence and numbers."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from workloads.compression.sensitivity import Cost, LayerCost, Sensitivity
from workloads.metrics.error_rates import ErrorRate, RateDifference

KIND = "speechmark-sensitivity"
SCHEMA_VERSION = 1
WIDTH = 120  # columns
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


def table_text(found: Sensitivity, setting: Setting) -> str:
    """All layers, the costliest first; then the model in float and quantized whole."""
    table = Table(title=title(found, setting), title_justify="left", box=None)
    table.add_column("quantized")
    for heading in (
        "weights",
        "% of weights",
        "MB",
        setting.unit,
        "cost [95 % interval]",
        "output change",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for layer, cost in found.ranked():
        shape = "x".join(map(str, layer.layer.shape))
        percent = f"{layer.weights_percent:.1f}"
        table.add_row(layer.label, shape, percent, *_cells(cost))
    for layer in found.layers:
        if layer.cost is None:
            table.add_row(layer.label, "", f"{layer.weights_percent:.1f}", "in float")
    table.add_section()
    table.add_row("all layers", "", "100.0", *_cells(found.together))
    megabytes = f"{found.baseline_bytes / 1e6:.2f}"
    table.add_row("none: fp32", "", "0.0", megabytes, f"{found.baseline.rate:.2f}")
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    lines = (line.rstrip() for line in console.file.getvalue().splitlines())
    notes = [
        f"output change: mean absolute, of {setting.outputs} ({setting.output_unit})",
        _chance(found),
    ]
    return "\n".join([*lines, *notes])


def _cells(cost: Cost) -> list[str]:
    return [
        f"{cost.model_bytes / 1e6:.2f}",
        f"{cost.errors.rate:.2f}",
        with_interval(cost.difference),
        f"{cost.output_change:.3g}",
    ]


def _chance(found: Sensitivity) -> str:
    """Each interval has a bound below, which 2.5 % of all cross by chance."""
    n = len(found.ranked())
    return (
        f"each interval stands alone: of {n} layers that cost nothing, one lies above "
        f"0 by chance in up to {min(100.0, 2.5 * n):.0f} % of such analyses"
    )


def with_interval(found: RateDifference) -> str:
    """
    >>> with_interval(RateDifference(0.21, 0.1, 0.333))
    '+0.21 [0.10, 0.33]'
    """
    amount = fixed(found.value)
    sign = "+" if found.value > 0 else ""
    return f"{sign}{amount} [{fixed(found.low)}, {fixed(found.high)}]"


def fixed(value: float) -> str:
    """Two decimals, or more where they would hide that it is not 0.

    >>> fixed(0.333), fixed(-0.0034), fixed(-0.0)
    ('0.33', '-0.003', '0.00')
    """
    for digits in (2, 3, 4):
        text = f"{value:.{digits}f}"
        if float(text):
            return text
    return "0.00"


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
    told = f"keep {first.label} in float first: it costs {amount} {setting.unit} "
    told += f"{interval}; {_others(others)}"
    if first is not costliest:
        told += f"; {leader}, which may be chance"
    if not found.together.shows:
        whole = with_interval(found.together.difference)
        told += f"; but all layers together cost {whole}, so even this may be chance"
    return told


def _others(shown: Sequence[tuple[LayerCost, Cost]]) -> str:
    if not shown:
        return "no other layer's interval lies above 0"
    told = [f"{layer.label} {with_interval(cost.difference)}" for layer, cost in shown]
    return f"then {', '.join(told)}"


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
        "schema": KIND,
        "schema_version": SCHEMA_VERSION,
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


def is_json(text: str) -> bool:
    """Whether a file holds such numbers."""
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("schema") == KIND
