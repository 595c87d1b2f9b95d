"""Comparisons of great size, and of hostile names."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice, product

from compared import candidates, ranking, small, with_ratios
from compared_cells import COMPRESSIONS, inference

from harness.report.compare.model import (
    Comparison,
    Measured,
    NotMeasured,
    Row,
    Work,
)


def large(count: int = 5, works: int = 2000) -> Comparison:
    """So many works over ten workloads and four models each, on so many candidates."""
    names = tuple(f"machine-{at}" for at in range(count))
    axes = product(
        range(10),
        range(4),
        COMPRESSIONS,
        ("eager", "onnxruntime", "openvino"),
        (1, 2, 4, 8, 16, 32),
    )
    rows = [
        large_row(Work(f"workload-{w}", f"model-{m}", c, r, b), names)
        for w, m, c, r, b in islice(axes, works)
    ]
    whole = small(names[:3])
    return replace(
        whole,
        candidates=candidates(names),
        baseline=names[0],
        rows=tuple(rows),
        ranking=replace(ranking(rows, names[:3]), weights={"workload-0": 1.0}),
        published=(),
        mismatches=(),
    )


def large_row(work: Work, names: tuple[str, ...]) -> Row:
    cells: dict[str, Measured | NotMeasured] = {
        name: inference(work, 1 + 0.137 * at, at == 4) for at, name in enumerate(names)
    }
    return Row(work, with_ratios(cells, names[0]), True)


def hostile(name: str) -> Comparison:
    """The name wherever a result file, or a price list, could bring it."""
    whole = small((name, "b", "c"))
    assert whole.money is not None
    assert whole.ranking is not None
    rows = tuple(
        replace(
            row,
            work=replace(row.work, model=name, runtime=f"{row.work.runtime}{name}"),
            labels=(name,),
        )
        for row in whole.rows
    )
    return replace(
        whole,
        rows=rows,
        warnings=(name,),
        money=replace(whole.money, currency=name),
        published=tuple(replace(p, machine=name, model=name) for p in whole.published),
        ranking=replace(whole.ranking, reason=name),
        differences=(replace(whole.differences[0], name=name),),
    )
