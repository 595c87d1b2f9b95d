"""What a compressed model is compared with, on every runtime: its uncompressed weights
in fp32, run by torch as it is, in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from workloads.compression.artifacts import made
from workloads.metrics.scores import Scores
from workloads.task import Run, Size, Task
from workloads.training.weights import Weights, load

RUNTIME = "eager"
SCORES = "scores.json"


def baseline_scores(
    task: Task[Any, Any], size: Size, weights: Weights, data: Any, batch_size: int
) -> Scores:
    """Of trained weights on the held-out data, taken in batches of the very size.

    Raises `elsewhere.ElsewhereError` where they cannot be computed.
    """
    key = {
        "model": size.name,
        "weights": weights.digest,
        "corpus": data.checksum,
        "batch_size": f"b{batch_size}",
    }
    folder = made(key, write_scores, (task, size, weights, data, batch_size))
    return Scores.from_plain(json.loads((folder / SCORES).read_text()))


def write_scores(
    folder: Path,
    task: Task[Any, Any],
    size: Size,
    weights: Weights,
    data: Any,
    batch_size: int,
) -> None:
    scores = task.score(plain_run(task, size, weights), data, batch_size)
    (folder / SCORES).write_text(json.dumps(scores.to_plain()))


def plain_run(task: Task[Any, Any], size: Size, weights: Weights) -> Run:
    """The uncompressed model as it is, by torch on the CPU."""
    import torch

    deployed = task.deployed(load(task, size, weights.path)).eval()

    @torch.inference_mode()
    def run(features: np.ndarray) -> np.ndarray:
        return np.asarray(deployed(torch.from_numpy(features)).numpy())

    return run
