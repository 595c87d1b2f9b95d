"""The runtimes that there are, by their names on the runtime axis."""

from workloads.runtimes.onnx_runtime import ONNX_RUNTIME
from workloads.runtimes.open_vino import OPEN_VINO
from workloads.runtimes.pytorch import COMPILE, EAGER
from workloads.runtimes.runtime import Runtime

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
