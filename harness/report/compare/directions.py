"""Which way each metric of a comparison is better, as its cases state it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.metrics import Better
from harness.report.compare.model import Measured, Row


def directions(rows: Iterable[Row]) -> dict[str, Better]:
    """By the metric's name. Files that contradict one another were refused before."""
    cells = (cell for row in rows for cell in row.cells.values())
    measured = (cell for cell in cells if isinstance(cell, Measured))
    return dict(pair for cell in measured for pair in _directions(cell))


def _directions(cell: Measured) -> Iterator[tuple[str, Better]]:
    for name, error in cell.errors.items():
        yield name, error.better
    for target in cell.training.targets if cell.training else ():
        yield target.metric, target.better
