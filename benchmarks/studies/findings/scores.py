"""How good a compressed separator is on held-out mixtures, on the runtime that has it.

Axes: `B` mixtures, `S` samples, `C` sources.
"""

from typing import Any

import torch
from torch import nn

from benchmarks.studies.findings.rules import Scored, Shapes
from workloads.compressed import CompressedModel
from workloads.compression.factorization.chains import Chain
from workloads.compression.quantization import Quantized
from workloads.compression.skipped import by_reason
from workloads.compression.step import FileStep
from workloads.runtimes.onnx_runtime import OnnxRuntimeSession
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
    session: Session[Any]
    chains: dict[str, Shapes] = {}
    if model.compression.step_of(FileStep):
        made = model.onnx()
        session = OnnxRuntimeSession(made.path, threads=1)
        note = in_float(made.quantized)
        batch_size = 1  # int8-dynamic takes ranges over all that it gets at once
    else:
        module = model.made_here()
        chains = chains_of(module)
        precision = model.compression.float_precision
        session, note = _opened(OfSamples(module).eval(), precision)
        batch_size = BATCH
    scores = score_set(
        lambda waves: session.output(session.prepare(waves)), mixtures, batch_size
    )
    improvement = scores.si_sdr_improvement
    improvement.value  # noqa: B018  undefined over no mixture: raises
    return Scored(improvement, chains, note, scores.silent_estimates)


def _opened(module: nn.Module, precision: str) -> tuple[Session[Any], str]:
    """In fp16 where the CPU has kernels, else in fp32 with rounded weights."""
    try:
        return TorchSession(module, width=1, precision=precision), ""
    except PrecisionMissingError:
        changed, total = round_to_half(module)
    return TorchSession(module, width=1), (
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


def in_float(quantized: Quantized | None) -> str:
    """How many layers a quantization left as they are, and why; "" for none."""
    if quantized is None or not quantized.float_layers:
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
