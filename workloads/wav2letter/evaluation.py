"""Outputs of a model on held-out utterances, and what is wrong with them.

Axes: `B` utterances, `T` frames, `U` output frames, `N` outputs. torch is imported for
the loss alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workloads.feeding.batching import sorted_batches
from workloads.feeding.normaliser import Normaliser
from workloads.metrics.error_rates import (
    ErrorRate,
    character_errors,
    levenshtein_distances,
    phoneme_errors,
)
from workloads.wav2letter.dataset import Part, padded_batch
from workloads.wav2letter.decoding import make_decoder
from workloads.wav2letter.sizes import output_length
from workloads.wav2letter.symbols import BLANK

if TYPE_CHECKING:
    from torch import Tensor

Run = Callable[[np.ndarray], np.ndarray]  # features (B, T, 40) to log-probs (B, U, N)


def log_probs_of(
    run: Run, part: Part, normaliser: Normaliser, batch_size: int
) -> list[np.ndarray]:
    """Log-probabilities (U, N) of every utterance, run in batches of like length."""
    if not part.texts:
        raise ValueError("no utterances to validate on: accuracy cannot be measured")
    found: dict[int, np.ndarray] = {}
    for positions in sorted_batches(part.frames, batch_size):
        features, lengths = padded_batch(part, normaliser, positions)
        for i, row, frames in zip(positions, run(features), lengths, strict=True):
            found[i] = row[: output_length(frames)].copy()  # not the padded batch
    return [found[i] for i in range(len(found))]


def transcripts(log_probs: Sequence[np.ndarray], part: Part) -> list[str]:
    """The best path of each."""
    return list(map(make_decoder(part.alphabet, width=1), log_probs))


def error_rates(part: Part, hypotheses: Sequence[str]) -> dict[str, ErrorRate]:
    """The task's pooled error rate, and the mean edit distance of an utterance; both
    count what the alphabet holds, letters or phonemes."""
    references, found = list(part.texts), list(hypotheses)
    spaced = part.alphabet.spaced
    rate = (phoneme_errors if spaced else character_errors)(references, found)
    distances = levenshtein_distances(references, found, spaced)
    return {rate.name: rate, "levenshtein": distances}


def mean_ctc_loss(log_probs: Sequence[np.ndarray], part: Part) -> float:
    """Over utterances."""
    import torch

    losses = [
        float(ctc_loss_sum(torch.from_numpy(one)[None], [len(one)], [labels]))
        for one, labels in zip(log_probs, part.labels, strict=True)
    ]
    return sum(losses) / len(losses)


def ctc_loss_sum(
    log_probs: Tensor, lengths: Sequence[int], labels: Sequence[Sequence[int]]
) -> Tensor:
    """Summed over utterances, from log-probabilities (B, U, N).

    An utterance with too few frames for its labels counts zero instead of infinity.
    """
    import torch
    from torch.nn import functional as F

    return F.ctc_loss(
        log_probs.transpose(0, 1),
        torch.tensor([label for one in labels for label in one]),
        torch.tensor(lengths),
        torch.tensor([len(one) for one in labels]),
        blank=BLANK,
        reduction="sum",
        zero_infinity=True,
    )
