"""How good a compressed separator is on held-out mixtures, on the runtime that has it.

Axes: `B` mixtures, `S` samples, `C` sources.
"""

from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.studies.findings.rules import Scored, Shapes
from workloads.compressed import CompressedModel
from workloads.compression.factorization.chains import Chain
from workloads.compression.names import POST_TRAINING
from workloads.compression.quantization import Quantized
from workloads.compression.skipped import by_reason
from workloads.metrics.separation import SeparationScores
from workloads.runtimes.onnx_runtime import OnnxRuntimeOptions, OnnxRuntimeSession
from workloads.runtimes.pytorch import TorchSession
from workloads.runtimes.session import PrecisionMissingError, Session
from workloads.separation.dataset import MixtureSet
from workloads.separation.framing import OfSamples
from workloads.separation.scoring import score_set

BATCH = 4  # mixtures of one length, which torch takes faster than one by one


def scored(model: CompressedModel, mixtures: MixtureSet) -> Scored:
    """Of every mixture of a set.

    Raises ValueError for outputs that are not finite and where nothing can be
    quantized, ElsewhereError where a model cannot be exported.
    """
    if model.compression.base in POST_TRAINING:
        made = model.onnx()
        options = OnnxRuntimeOptions(threads=1)
        # One by one: int8-dynamic takes ranges over all that it gets at once.
        scores = _score(OnnxRuntimeSession(made.path, options), mixtures, 1)
        note = in_float(made.quantized) if made.quantized else ""
        return _scored(scores, note=note)
    module = model.made_here()
    chains = chains_of(module)
    opened = _in_half if model.compression.base == "fp16" else _as_it_is
    session, note = opened(module)
    return _scored(_score(session, mixtures, BATCH), chains, note)


def _score(
    session: Session[Any], mixtures: MixtureSet, batch_size: int
) -> SeparationScores:
    def separate(waves: np.ndarray) -> np.ndarray:
        return session.output(session.prepare(waves))

    return score_set(separate, mixtures, batch_size)


def _scored(
    scores: SeparationScores, chains: dict[str, Shapes] | None = None, note: str = ""
) -> Scored:
    improvement, silent = scores.si_sdr_improvement, scores.silent_estimates
    improvement.mean  # noqa: B018  undefined over no mixture: raises
    return Scored(improvement, chains or {}, note, silent)


def _as_it_is(module: nn.Module) -> tuple[Session[Any], str]:
    return TorchSession(OfSamples(module).eval(), width=1), ""


def _in_half(module: nn.Module) -> tuple[Session[Any], str]:
    """In fp16 where the CPU has kernels, else in fp32 with rounded weights."""
    try:
        module_in_half = OfSamples(module).eval()
        return TorchSession(module_in_half, width=1, precision="fp16"), ""
    except PrecisionMissingError:
        changed, total = round_to_half(module)
    session, _ = _as_it_is(module)
    return session, (
        "this CPU has no fp16 kernels: computed in fp32, weights rounded to half "
        f"precision, which changed {changed} of {total}"
    )


def round_to_half(module: nn.Module) -> tuple[int, int]:
    """In place; how many parameters changed, of how many."""
    changed = total = 0
    with torch.no_grad():
        for parameter in module.parameters():
            rounded = parameter.half().float()
            changed += int((rounded != parameter).sum())
            total += parameter.numel()
            parameter.copy_(rounded)
    return changed, total


def in_float(quantized: Quantized) -> str:
    """How many layers a quantization left as they are, and why; "" for none."""
    if not quantized.float_layers:
        return ""
    reasons = by_reason({one.name: one.reason for one in quantized.left})
    count = f"{quantized.float_layers} of {quantized.layers} layers stayed in float"
    return f"{count} ({reasons})"


def chains_of(module: nn.Module) -> dict[str, Shapes]:
    """The shapes of the weights of each chain of layers that took one's place."""
    return {
        name: tuple(tuple(stage.get_parameter("weight").shape) for stage in chain)
        for name, chain in module.named_modules()
        if isinstance(chain, Chain)
    }
