"""What the benchmarks tell of their values: outputs beside those of a plain path, and
the layer and the kernel that are wrong where they differ.

Imported inside worker processes alone; torch where it runs the model anyway.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

from harness.observe.claims import COMPUTE
from harness.observe.kernels import Entry, Profiled
from harness.observe.onednn.capture import capture
from harness.workload import Values
from workloads.compression.step import Compression
from workloads.elsewhere import ElsewhereError
from workloads.runtimes.pytorch import TorchSession
from workloads.runtimes.session import Session
from workloads.values.compare import (
    LIMITS,
    MOST_OUTPUTS,
    one_of_each,
    relative_error,
    worst_row,
)
from workloads.values.plain import DESCRIPTION

if TYPE_CHECKING:
    from torch import nn

Profiling = Callable[[int], Profiled]
Plain = Callable[[Sequence[np.ndarray]], Mapping[str, np.ndarray]]
P = ParamSpec("P")

_log = logging.getLogger("speechmark")


def unproven_without_plain(find: Callable[P, Values]) -> Callable[P, Values]:
    """Values that are unproven, with a warning, where there are no plain outputs: the
    process that makes them may lack memory, or its folder room. The case was timed
    before, and nothing says that it is wrong."""

    @functools.wraps(find)
    def found(*arguments: P.args, **named: P.kwargs) -> Values:
        try:
            return find(*arguments, **named)
        except (ElsewhereError, OSError) as error:
            _log.warning("values are unproven: %s", error)
            return Values(None, reason=f"no plain outputs: {error}")

    return found


def compared(
    inputs: Sequence[np.ndarray], gives_frames: bool = True
) -> list[np.ndarray]:
    """Those of the timed inputs (B, T, F) whose outputs are compared: one of each
    length, or several where outputs have no frames to be compared over."""
    if not gives_frames:
        return list(inputs[:MOST_OUTPUTS])
    return [inputs[i] for i in one_of_each([one.shape[1] for one in inputs])]


@unproven_without_plain
def of_session(
    session: Session[Any],
    inputs: Sequence[np.ndarray],
    plain: Plain,
    compression: Compression,
    profile: Profiling | None,
    gives_frames: bool = True,
) -> Values:
    """Of a session's outputs for its timed inputs, one of each length. Outputs without
    frames, such as one number an utterance, are compared over all utterances."""
    chosen = compared(inputs, gives_frames)
    expected = plain(chosen)
    made = [session.output(session.prepare(one)) for one in chosen]
    beside = [expected[str(i)] for i in range(len(chosen))]
    if gives_frames:
        errors = list(map(worst_row, made, beside))
    else:
        errors = [relative_error(np.concatenate(made), np.concatenate(beside))]
    found = Values(max(errors), LIMITS[compression.rounds_to], len(chosen), DESCRIPTION)
    prepared = session.prepare(chosen[int(np.argmax(errors))])

    def run() -> None:
        session.run(prepared)

    if isinstance(session, TorchSession) and session.module is not None:
        return by_layers(found, session.module, run)
    if found.passed:
        return found
    profiled = profile(1) if profile is not None else capture(run)
    return replace(found, layer=None, kernel=_names(profiled.entries))


def by_layers(found: Values, module: nn.Module, run: Callable[[], object]) -> Values:
    """With the first of the module's layers that departs, and its kernels.

    A layer that multiplies is to be right by itself, even where outputs hide that it is
    not: others may drown it.
    """
    from workloads.values.layers import MULTIPLYING, first_departing

    if found.passed:
        layer = first_departing(module, run, MULTIPLYING)
        if layer is None:
            return found
        found = replace(
            found,
            error=layer.error,
            limit=layer.limit,
            against=f"{found.against}, layer by layer",
        )
    else:
        layer = first_departing(module, run)
    if layer is None:
        nowhere = "what lies between the layers: each of them alone is right"
        return replace(found, layer=nowhere, kernel=_names(capture(run).entries))
    told = f"{layer.name}, {layer.kind}, by {layer.error:.3g} of its own"
    return replace(found, layer=told, kernel=_names(capture(layer.call).entries))


def _names(entries: Sequence[Entry]) -> str | None:
    """Of those that multiply, and what they read; None where none was logged."""
    kernels = (
        f"{one.implementation} on {one.dtypes}"
        for one in entries
        if one.primitive in COMPUTE
    )
    return "; ".join(dict.fromkeys(kernels)) or None
