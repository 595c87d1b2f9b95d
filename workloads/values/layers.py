"""Which layer of a module computes something else: each against itself on a plain path.

Every layer is given what it was given in the run, in fp32 and without oneDNN, so that
what departs is that layer's own doing, however far behind others the error shows.
"""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

# Of one layer, whose inputs are exact: its own rounding, and that of its weights.
LIMITS = {torch.float32: 1e-3, torch.bfloat16: 0.05, torch.float16: 0.02}


MULTIPLYING = (nn.Linear, nn.RNNBase, nn.modules.conv._ConvNd)


@dataclass(frozen=True)
class DepartingLayer:
    """`call` runs it again, for whoever watches kernels; `kind` tells its shape."""

    name: str
    kind: str
    error: float
    limit: float
    call: Callable[[], object]


@contextlib.contextmanager
def without_onednn() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TF32, which is not touched
        with torch.backends.mkldnn.flags(enabled=False):
            yield


def first_departing(
    module: nn.Module,
    run: Callable[[], object],
    kinds: tuple[type[nn.Module], ...] = (nn.Module,),
) -> DepartingLayer | None:
    """The first of the module's layers of these kinds whose output, as `run` has it
    computed, is not what it is in fp32; None where every layer's is.

    Those that are `MULTIPLYING` have nothing but their kernels to depart by; a norm of
    what hardly varies may magnify what rounding left.
    """
    found: list[DepartingLayer] = []

    def check(name: str, layer: nn.Module, given: Any, gave: Any) -> None:
        if found or not given or not isinstance(given[0], Tensor):
            return
        result = _tensor(gave)
        if result is None or result.dtype not in LIMITS:
            return
        # Under autocast, inputs are fp32 and outputs tell what was computed in.
        error, limit = _error(layer, given, result), LIMITS[result.dtype]
        if not error <= limit:
            again = _again(layer, given)
            found.append(DepartingLayer(name, repr(layer), error, limit, again))

    hooks = [
        layer.register_forward_hook(
            lambda layer, given, gave, name=name: check(name, layer, given, gave)
        )
        for name, layer in module.named_modules()
        if isinstance(layer, kinds) and not any(True for _ in layer.children())
    ]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None


def _again(layer: nn.Module, given: tuple[Any, ...]) -> Callable[[], object]:
    """The same call, under autocast where this one is: a layer's inputs may then be of
    another type than its weights."""
    kind = given[0].device.type
    dtype, enabled = torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind)

    @torch.no_grad()
    def call() -> object:
        with torch.autocast(kind, dtype, enabled):
            return layer(*given)

    return call


@torch.no_grad()
def _error(layer: nn.Module, given: tuple[Any, ...], found: Tensor) -> float:
    """A layer's own, by norms: what it adds to every output counts as well."""
    plain = copy.deepcopy(layer).to(dtype=torch.float32)
    for hooks in (plain._forward_hooks, plain._forward_pre_hooks):
        hooks.clear()
    floats = [
        one.float() if isinstance(one, Tensor) and one.is_floating_point() else one
        for one in given
    ]
    with without_onednn(), torch.autocast(given[0].device.type, enabled=False):
        expected = _tensor(plain(*floats))
    assert expected is not None
    distance, norm = (found.float() - expected).norm(), expected.norm()
    error = float(distance / norm) if norm else float(distance)
    return error if np.isfinite(error) else float("inf")


def _tensor(value: Any) -> Tensor | None:
    """An output, the first of several: a recurrent layer's other is its state."""
    if isinstance(value, tuple) and value:
        value = value[0]
    return value if isinstance(value, Tensor) and value.is_floating_point() else None
