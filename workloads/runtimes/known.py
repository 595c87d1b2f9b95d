"""The runtimes that there are, by their names on the runtime axis."""

from collections.abc import Mapping
from typing import Any

from workloads.compression.step import Compression
from workloads.runtimes.onnx_runtime import ONNX_RUNTIME
from workloads.runtimes.open_vino import OPEN_VINO
from workloads.runtimes.pytorch import COMPILE, EAGER
from workloads.runtimes.runtime import Place, Runtime
from workloads.task import Size, Task

RUNTIMES: dict[str, Runtime] = {
    runtime.name: runtime for runtime in (EAGER, COMPILE, ONNX_RUNTIME, OPEN_VINO)
}


def runtime_named(name: str) -> Runtime:
    """Raises ValueError that lists the known ones."""
    if name not in RUNTIMES:
        raise ValueError(
            f"no runtime is called {name!r}: expected one of {', '.join(RUNTIMES)}"
        )
    return RUNTIMES[name]


def why_not(
    task: Task[Any, Any],
    size: Size,
    compression: Compression,
    runtime: str,
    place: Place,
    options: Mapping[str, str],
) -> str | None:
    """What keeps a model from a compression on a runtime, None for nothing: cases are
    skipped with it, and docs/compressions.md is made of it."""
    engine = runtime_named(runtime)
    return engine.why_not(compression, place, task.is_recurrent(size)) or task.why_not(
        size, compression, runtime, place.device, options
    )
