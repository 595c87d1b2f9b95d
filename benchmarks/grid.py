"""Cases over the axes, written down with the names of the axes.

Loads no torch: benchmark files import it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.case import INSTANCES
from harness.workload import Point
from workloads.compression.known import parse

# Of workers at once: a machine is halved until each has one core. A level that has more
# workers than a machine has cores is skipped there, and takes no time.
LEVELS = (2, 4, 8, 16, 32, 64, 128, 256)
CORES = 2  # that expected times are declared for


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


def in_instances(points: Iterable[Point]) -> tuple[Point, ...]:
    """What the whole machine carries: these at every one of LEVELS. Beside one worker
    on all cores, which is the point itself, they tell the best split.

    >>> points = grid(["m"], runs(eager=["fp32"]), expected_s=7)
    >>> [(dict(one.options)["instances"], one.expected_s)
    ...  for one in in_instances(points)][:2]
    [('2', 7), ('4', 0.0)]
    """
    return tuple(
        replace(
            point,
            options=(*point.options, (INSTANCES, str(count))),
            expected_s=point.expected_s if count <= CORES else 0.0,
        )
        for point in points
        for count in LEVELS
    )
