"""Low-rank factorization of any torch model.

CP and partial Tucker change nn.Conv1d, nn.Conv2d and nn.ConvTranspose1d; TSVD, the
truncated singular value decomposition, changes nn.Linear. Each layer that has something
to gain becomes a chain of smaller ones (chains.py); the others stay and are listed.

A factorized model is fine-tuned like any other, with one care: gradients through the
thin layers of a CP chain tend to explode (Lebedev et al., 2015), so its learning rate
is to be lower, by `FINE_TUNE_RATE_FACTOR`.
"""

import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from torch import nn

from workloads.compression.factorization.chains import (
    Chain,
    Layer,
    Plan,
    chain_of_zeros,
    fill,
    kernel,
    macs,
    plan,
    weight_count,
)
from workloads.compression.factorization.decompositions import (
    DecompositionError,
    decompose,
)
from workloads.compression.factorization.ranks import Method
from workloads.compression.skipped import SkippedLayer
from workloads.compression.step import CompressionError
from workloads.frame_convolution import FrameConv1d

FINE_TUNE_RATE_FACTOR: dict[Method, float] = {"cp": 0.1, "tucker": 1.0, "tsvd": 1.0}
CONVOLUTIONS: tuple[type, ...] = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d)
KINDS: dict[Method, tuple[type, ...]] = {
    "cp": CONVOLUTIONS,
    "tucker": CONVOLUTIONS,
    "tsvd": (nn.Linear,),
}


@dataclass(frozen=True)
class Changed:
    """A layer under all its names, and the chain that takes its place."""

    names: tuple[str, ...]
    layer: Layer
    plan: Plan
    chain: Chain


@dataclass(frozen=True)
class Factorized:
    """A model of which layers are `changed`, or `left` as they are."""

    model: nn.Module
    changed: tuple[Changed, ...]
    left: tuple[SkippedLayer, ...]


def factorize(model: nn.Module, method: Method, percent: int) -> Factorized:
    """A copy of the model without `percent` of the weights of each layer that changes.

    Layers are known by their exact type, FrameConv1d beside torch's own: their parents
    must call them, as a chain has no `weight` to read.

    Raises CompressionError for weights that are not finite.
    """
    found = structure_like(model, method, percent)
    for one in found.changed:
        try:
            kernels = decompose(kernel(one.layer), one.plan)
        except DecompositionError as failure:
            raise CompressionError(
                f"{one.names[0]} cannot be factorized: {failure}"
            ) from failure
        fill(one.chain, kernels, one.layer.bias)
    return found


def structure_like(model: nn.Module, method: Method, percent: int) -> Factorized:
    """The modules of `factorize`, whose chains hold zeros: for the weights of a model
    that was factorized before. The weights of `model` do not matter."""
    result = copy.deepcopy(model)
    changed, left = [], []
    shared = _shared_weights(model)
    for names, module in _layers(model):
        reason = _reason_for_its_type(module, method)
        if reason is None and id(module.weight) in shared:
            reason = "its weight is also that of another layer, which would keep it"
        if reason is None:
            layer = cast(Layer, module)
            own = plan(layer, method, percent)
            chain = chain_of_zeros(layer, own)
            reason = _reason_for_its_sizes(layer, own, chain, percent)
        if reason is None:
            changed.append(Changed(names, layer, own, chain))
            result = _replaced(result, names, chain)
        else:
            left.append(SkippedLayer(names[0], type(module).__name__, reason))
    return Factorized(result, tuple(changed), tuple(left))


def _replaced(model: nn.Module, names: tuple[str, ...], chain: Chain) -> nn.Module:
    for name in names:
        if not name:
            return chain
        model.set_submodule(name, chain)
    return model


def _layers(model: nn.Module) -> Iterator[tuple[tuple[str, ...], nn.Module]]:
    """Each module that owns a matrix or a tensor of weights, with all its names.
    Norms and activations own vectors, which have no ranks."""
    names: dict[nn.Module, list[str]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        names.setdefault(module, []).append(name)
    for module, own in names.items():
        if any(p.ndim > 1 for p in module.parameters(recurse=False)):
            yield tuple(own), module


def _shared_weights(model: nn.Module) -> set[int]:
    """The weights that more than one module owns."""
    owned = (id(p) for m in model.modules() for p in m.parameters(recurse=False))
    return {weight for weight, owners in Counter(owned).items() if owners > 1}


def _reason_for_its_type(module: nn.Module, method: Method) -> str | None:
    """Why a layer of this kind is left alone."""
    if isinstance(module, nn.RNNBase):
        return "a recurrent kernel takes its matrices whole, for all frames at once"
    if not isinstance(module, KINDS[method]):
        known = ", ".join(f"nn.{kind.__name__}" for kind in KINDS[method])
        return f"{method} changes only {known}"
    if 1 in (getattr(module, "in_channels", 2), getattr(module, "out_channels", 2)):
        return (
            "one channel on a side leaves that mode no rank below it: encoders and "
            "decoders hold few weights, and all that the model takes and gives"
        )
    if type(module) not in (*KINDS[method], FrameConv1d):
        kind = type(module).__name__
        return f"{kind} has a forward of its own, which may read its weight"
    groups = getattr(module, "groups", 1)
    if groups == 1:
        return None
    if groups == module.in_channels:
        return "depth-wise: no channel shares its kernel's factors with another"
    return f"its {groups} groups keep channels apart already"


def _reason_for_its_sizes(
    layer: Layer, own: Plan, chain: Chain, percent: int
) -> str | None:
    """Why there is nothing to gain."""
    whole, after, work = layer.weight.numel(), weight_count(chain), macs(chain)
    if 100 * after > (100 - percent) * whole:
        return (
            f"ranks {own.ranks} need {after} weights, more than {100 - percent} "
            f"percent of {whole}"
        )
    if work >= whole:
        return (
            f"ranks {own.ranks} need {work} multiply-accumulates a position, no fewer "
            f"than its {whole}: 1x1 convolutions also run where its stride skips"
        )
    return None
