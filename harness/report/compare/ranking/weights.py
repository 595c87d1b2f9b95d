"""The buyer's weights over workloads."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

from pydantic import Field

from harness.report.compare.terms import QuestionError, nearest
from harness.report.compare.toml_file import Table, read, table_name

Weight = Annotated[float, Field(strict=True, ge=0, le=1e6)]


class _File(Table):
    weights: dict[str, Weight] = Field(
        description="a number from 0 to 1e6 for each workload"
    )


def load_weights(path: Path, known: Collection[str]) -> dict[str, float]:
    """Weights by workload; those that the file does not name weigh 1, and 0 leaves one
    out. ValueError names what is wrong; QuestionError a workload that is not `known`:
    its weight would do nothing."""
    weights = read(path, _File).weights
    for name, weight in weights.items():
        if name not in known:
            raise QuestionError(
                f"{path}: {table_name('weights')}: found the unknown workload {name} = "
                f"{weight:g}{nearest(name, known)}, expected one of "
                f"{', '.join(sorted(known))}"
            )
    return weights
