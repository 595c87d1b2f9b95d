"""Check the document's findings on compressed separators against trained models.

    python -m workloads.separation.findings
    python -m workloads.separation.findings --size conv-tasnet-small --html a.html

Every compression is applied to the trained weights, without any training after it, so
that all are alike; with `--trained`, those that prune or factorize are taken as they
were fine-tuned. torch computes all but int8, which ONNX Runtime does, on one thread.
The held-out mixtures are built in, or those of `--data-root`.
"""

import argparse
import contextlib
import importlib.metadata
import json
import platform
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from workloads import reports
from workloads.compression.factorization.chains import Chain
from workloads.compression.left import by_reason
from workloads.compression.names import POST_TRAINING, parse
from workloads.compression.quantization import Quantized
from workloads.corpora.cache import default_cache_dir, file_sha256
from workloads.corpora.mixtures.builtin import MixturesSize
from workloads.elsewhere import ElsewhereError
from workloads.metrics.separation import SeparationScores
from workloads.runtimes.onnx_runtime import OnnxRuntimeOptions, OnnxRuntimeSession
from workloads.runtimes.opening import open_torch
from workloads.runtimes.session import PrecisionMissingError, Session
from workloads.separation import trained
from workloads.separation.dataset import Dataset, Part, builtin_mixtures, on_disk
from workloads.separation.evaluation import score_part
from workloads.separation.exporting import CALIBRATION_MIXTURES, Wanted, weights_of
from workloads.separation.findings_page import is_page, page
from workloads.separation.findings_report import (
    Checked,
    is_json,
    numbers,
    progress,
    text,
)
from workloads.separation.findings_rules import (
    FACTORIZED,
    FORMATS,
    PRUNED,
    Scored,
    Scores,
    Shapes,
)
from workloads.separation.framing import OfSamples
from workloads.separation.sizes import SIZES, SMALL, Size

COMMAND = "python -m workloads.separation.findings"
PACKAGES = ("speechmark", "numpy", "onnx", "onnxruntime", "torch", "torchmetrics")
BASELINE = "fp32"
COMPRESSIONS = (*FORMATS, *PRUNED, *FACTORIZED)
MIXTURES = 64
BATCH = 4  # mixtures of one length, which torch takes faster than one by one
UTTERANCE_S = 4.0  # that costs are told of: the benchmark's, whose files serve here too


@dataclass(frozen=True)
class Subject:
    """A size with its trained weights, and what it is judged on."""

    size: Size
    weights: Path
    data: Dataset

    def wanted(self, compression: str) -> Wanted:
        chosen = parse(compression)
        weights = weights_of(self.size, chosen)
        return Wanted(self.size, chosen, weights, self.data.train)

    def score(self, compression: str) -> Scored:
        return scored(self.wanted(compression), self.data.validation)


def scored(wanted: Wanted, part: Part) -> Scored:
    """Of every mixture of the part.

    Raises ValueError for outputs that are not finite and where nothing can be
    quantized, ElsewhereError where a model cannot be exported.
    """
    if wanted.compression.base in POST_TRAINING:
        made = wanted.onnx(UTTERANCE_S)
        options = OnnxRuntimeOptions(threads=1)
        # One by one: int8-dynamic takes ranges over all that it gets at once.
        scores = _score(OnnxRuntimeSession(made.path, options), part, 1)
        note = in_float(made.quantized) if made.quantized else ""
        return _told(scores, note=note)
    module = wanted.module()
    chains = chains_of(module)
    opened = _in_half if wanted.compression.base == "fp16" else _as_it_is
    session, note = opened(module)
    return _told(_score(session, part, BATCH), chains, note)


def _score(session: Session[Any], part: Part, batch_size: int) -> SeparationScores:
    def separate(waves: np.ndarray) -> np.ndarray:
        return session.output(session.prepare(waves))

    return score_part(separate, part, batch_size)


def _told(
    scores: SeparationScores, chains: dict[str, Shapes] | None = None, note: str = ""
) -> Scored:
    improvement, silent = scores.si_sdr_improvement, scores.silent_estimates
    improvement.mean  # noqa: B018  undefined over no mixture: raises
    return Scored(improvement, chains or {}, note, silent)


def _as_it_is(module: nn.Module) -> tuple[Session[Any], str]:
    return open_torch("eager", OfSamples(module).eval(), 1, "cpu", "fp32"), ""


def _in_half(module: nn.Module) -> tuple[Session[Any], str]:
    """In fp16 where the CPU has kernels, else in fp32 with rounded weights."""
    try:
        return open_torch("eager", OfSamples(module).eval(), 1, "cpu", "fp16"), ""
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


def check(
    subject: Subject,
    baseline: Scored,
    only_mended: bool,
    tell: Callable[[str], None],
) -> Checked:
    """Score all compressions; `tell` hears of each. What cannot be scored is left out
    with its reason, and with `only_mended` what was not fine-tuned, too."""
    scores, left_out = {BASELINE: baseline}, {}
    for number, name in enumerate(COMPRESSIONS, 1):
        wanted = subject.wanted(name)
        if only_mended and wanted.compression.reshaped and not wanted.weights.mended:
            left_out[name] = str(wanted.weights.reason)
        else:
            found = subject_score(subject, wanted, only_mended)
            if isinstance(found, str):
                left_out[name] = found
            else:
                scores[name] = found
        counted = f"{subject.size.name} {number} of {len(COMPRESSIONS)}"
        tell(f"{counted}: {progress(name, scores, left_out)}")
    return Checked(subject.size.name, subject.data.name, scores, left_out)
