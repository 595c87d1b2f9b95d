"""Errors and loss of a model on held-out utterances.

Axes: `B` utterances, `U` output frames, `N` = 30 outputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from workloads.asr.decoding import Decoder
from workloads.asr.ds2 import DeepSpeech2
from workloads.asr.input_pipeline import Feed, stream
from workloads.asr.recipe import Precision, autocast
from workloads.asr.training_step import ctc_loss_sum
from workloads.feeding.batching import sorted_batches
from workloads.metrics.error_rates import (
    ErrorRate,
    character_errors,
    max_character_errors,
    word_errors,
)

EVALUATION_BATCH = 64


@dataclass(frozen=True)
class Evaluation:
    """Hypotheses in the corpus's order, and what is wrong with them."""

    hypotheses: tuple[str, ...]
    errors: Mapping[str, ErrorRate]  # wer, cer, cer_max
    loss: float  # CTC, mean over utterances


def error_rates(
    references: Sequence[str], hypotheses: Sequence[str]
) -> dict[str, ErrorRate]:
    """The three error rates by which a training is judged."""
    refs, hyps = list(references), list(hypotheses)
    return {
        "wer": word_errors(refs, hyps),
        "cer": character_errors(refs, hyps),
        "cer_max": max_character_errors(refs, hyps),
    }


@torch.inference_mode()
def evaluate(
    model: DeepSpeech2,
    feed: Feed,
    decoder: Decoder,
    precision: Precision = "fp32",
) -> Evaluation:
    """Decode the validation set of `feed` on the model's device."""
    weight = model.conv.weight
    device = weight.device
    source = feed.validation
    if not source.utterances:
        raise ValueError("no validation utterances: accuracy cannot be measured")
    model.eval()
    texts: dict[int, str] = {}
    loss = torch.zeros((), dtype=torch.float64, device=device)
    batches = sorted_batches(source.frames, EVALUATION_BATCH)
    for batch in stream(source, feed, batches, device):
        with autocast(precision, device):
            features = batch.features.to(weight.dtype)  # of a model cast as a whole
            logits, lengths = model(features, batch.lengths)  # (B, U, N)
        loss += ctc_loss_sum(logits, lengths, batch)
        decoded = decoder.decode(F.log_softmax(logits.float(), dim=2), lengths)
        texts.update(zip(batch.positions, decoded, strict=True))
    references = [utterance.transcript for utterance in source.utterances]
    hypotheses = [texts[i] for i in range(len(references))]
    errors = error_rates(references, hypotheses)
    return Evaluation(tuple(hypotheses), errors, float(loss) / len(references))
