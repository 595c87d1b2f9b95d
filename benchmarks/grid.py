"""Cases over the axes, written down with the names of the axes.

Loads no torch: benchmark files import it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.workload import Point
from workloads.compression.known import parse


@dataclass(frozen=True)
class Run:
    """A compression on a runtime."""

    runtime: str
    compression: str


def runs(**compressions: Sequence[str]) -> tuple[Run, ...]:
    """Compressions by the runtime that they run on.

    >>> runs(eager=("fp32", "bf16"), openvino=("int8-static",))[2]
    Run(runtime='openvino', compression='int8-static')
    """
    return tuple(
        Run(runtime, compression)
        for runtime, names in compressions.items()
        for compression in names
    )


def grid(
    models: Iterable[str],
    chosen: Iterable[Run],
    *,
    expected_s: float,
    batch_sizes: Sequence[int] = (1,),
    **options: str,
) -> tuple[Point, ...]:
    """Every model in every run at every batch size; `options` end the cases' ids.

    >>> [one.batch_size for one in grid(["m"], runs(eager=["fp32"]), expected_s=7,
    ...                                  batch_sizes=(1, 16), arena="off")]
    [1, 16]
    """
    chosen = tuple(chosen)
    return tuple(
        Point(
            model,
            run.compression,
            run.runtime,
            batch_size,
            expected_s,
            tuple(options.items()),
            parse(run.compression).claims,
        )
        for model in models
        for run in chosen
        for batch_size in batch_sizes
    )
