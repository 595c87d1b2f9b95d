"""Speech recognition by Deep Speech 2, as trained on co-processors: all that is stated
of it once.

S. Baunsgaard, S. B. Wrede, P. Tozun, "Training for Speech Recognition on
Co-processors", 2020. Axes: `B` utterances, `T` frames, `U` output frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.asr import ds2
from workloads.asr.alphabet import ALPHABET
from workloads.asr.decoding import LEXICON_DECODERS, best_path
from workloads.asr.ds2 import DeepSpeech2, DeepSpeech2Size
from workloads.asr.features import FEATURES, NAME, LogMelMfcc
from workloads.compression.step import Compression
from workloads.corpora.speech import speech_of
from workloads.corpora.utterance import HOP_SAMPLES, SAMPLE_RATE_HZ, Corpus
from workloads.counting import macs_of_layers
from workloads.feeding.shards import SplitName
from workloads.feeding.sources import OnTheFly, write_shards
from workloads.metrics.error_rates import (
    character_errors,
    max_character_errors,
    word_errors,
)
from workloads.metrics.kinds import CER, CER_MAX, WER
from workloads.metrics.scores import Scores, Transcribed
from workloads.recognition.data import (
    Decode,
    FeatureKind,
    Part,
    Recordings,
    recordings_of,
)
from workloads.recognition.recipe import Recognition
from workloads.recognition.searches import KALDI_DECODER, decoder_by
from workloads.recognition.task import RecognitionTask
from workloads.task import DataRequest, Gate
from workloads.training.recipe import AdaDelta, Recipe

PAPER_BEAM, QUICK_BEAM = 256, 32  # of evaluations on the way; the paper's is 256
TIMED = Recipe(
    AdaDelta(),
    batch_size=32,
    epochs=10_000,  # the profile bounds the time
    clip_norm=100.0,
    decode_every_steps=50,
    own=Recognition(shortest_first=True),
)
PAPER_TRAIN_S = 36_000.0  # of built-in speech, for the published size


def write_features(corpus: Corpus, split: SplitName, cache_dir: Path) -> None:
    """Compute the features of a split into the cache, where they are not there yet."""
    write_shards(corpus, split, LogMelMfcc(), cache_dir)


LOG_MEL_MFCC = FeatureKind(NAME, FEATURES, write_features)


def recordings_for(
    request: DataRequest, on_the_fly: bool, readers: int, prefetch: int
) -> Recordings:
    """From shards that hold features computed ahead, or from audio `on_the_fly`: the
    same features, and the same normaliser."""
    corpus = speech_of(request)
    data = recordings_of(corpus, LOG_MEL_MFCC, ALPHABET)
    data = replace(data, readers=readers, prefetch=prefetch)
    if not on_the_fly:
        return data
    spoken = OnTheFly(corpus.train, LogMelMfcc())
    return replace(data, train=replace(data.train, rows=spoken))


@cache
def output_frame_macs(size: DeepSpeech2Size) -> dict[str, int]:
    """Multiply-accumulates of each layer of a deployed model for one output frame."""
    with torch.device("meta"):
        model = ds2.Logits(DeepSpeech2(size)).eval()
    return macs_of_layers(model, 1, ds2.KERNEL, FEATURES)


class SpeechRecognition(RecognitionTask[DeepSpeech2Size]):
    """Error rates may rise by a point against fp32."""

    name = "asr"
    sizes = ds2.SIZES
    measures = (WER, CER, CER_MAX)
    gates: ClassVar = {kind.name: Gate(0.01) for kind in (WER, CER, CER_MAX)}
    evaluation_batch = 64
    validation_batch = 64
    stored_in_half = False
    utterances = 700  # p99 takes 662 different ones
    search = KALDI_DECODER.name
    hop_s = HOP_SAMPLES / SAMPLE_RATE_HZ

    def dataset(self, size: DeepSpeech2Size, request: DataRequest) -> Recordings:
        """The user's LibriSpeech where there is one, else the built-in speech."""
        return recordings_of(speech_of(request), LOG_MEL_MFCC, ALPHABET)

    def model(self, size: DeepSpeech2Size) -> nn.Module:
        return DeepSpeech2(size)

    def deployed(self, model: nn.Module) -> nn.Module:
        assert isinstance(model, DeepSpeech2)
        return ds2.Logits(model)

    def is_recurrent(self, size: DeepSpeech2Size) -> bool:
        return True

    def example(self, size: DeepSpeech2Size) -> tuple[int, int]:
        return 100, FEATURES

    def outputs(
        self, model: nn.Module, features: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = model(features, lengths)
        return found

    def log_probabilities(self, outputs: Tensor) -> Tensor:
        return F.log_softmax(outputs, dim=2)

    def as_log_probs(self, outputs: np.ndarray) -> np.ndarray:
        found = self.log_probabilities(torch.from_numpy(outputs))
        return np.asarray(found.numpy())

    def output_length(self, frames: int) -> int:
        return ds2.output_length(frames)

    def decoder(
        self, train: Part, beam_width: int, search: str | None = None
    ) -> Decode:
        if beam_width == 1:
            return best_path
        words = (word for text in train.texts for word in text.split())
        return decoder_by(search or self.search, LEXICON_DECODERS)(
            words, beam_width
        ).decode

    def scores_of(self, part: Part, hypotheses: Sequence[str]) -> Scores:
        references, found = list(part.texts), list(hypotheses)
        letters = character_errors(references, found)
        return Scores.of(
            word_errors(references, found),
            letters,
            max_character_errors(references, found),
            transcribed=Transcribed(references, found, letters.errors, letters.lengths),
        )

    def count(
        self, size: DeepSpeech2Size, model: nn.Module
    ) -> dict[str, int | float | str]:
        """Its parameters, and its MACs for an output frame: to count them loads sympy,
        150 MB that are no part of a model at work."""
        macs = sum(output_frame_macs(size).values())
        return super().count(size, model) | {"macs": macs}

    def macs(
        self, size: DeepSpeech2Size, frames: int, counted: Mapping[str, Any]
    ) -> float:
        frame = counted.get("macs") or sum(output_frame_macs(size).values())
        return float(ds2.output_length(frames) * frame)

    def training_macs(self, size: DeepSpeech2Size, frames: int) -> float:
        """Less the gradient towards the features, which nobody needs."""
        unneeded = ds2.output_length(frames) * output_frame_macs(size)["model.conv"]
        return super().training_macs(size, frames) - unneeded

    def train_s(self, size: DeepSpeech2Size) -> float | None:
        return PAPER_TRAIN_S if size == ds2.DS2_PAPER else None

    def recipe(
        self,
        size: DeepSpeech2Size,
        data: Recordings,
        compression: Compression | None = None,
    ) -> Recipe:
        own = replace(TIMED.own, beam_width=64)
        return replace(TIMED, batch_size=16, epochs=30, best_by=None, own=own)

    def timed_recipe(
        self, size: DeepSpeech2Size, data: Recordings, profile: str
    ) -> Recipe:
        beam = PAPER_BEAM if profile == "paper" else QUICK_BEAM
        return replace(TIMED, own=replace(TIMED.own, beam_width=beam))


ASR = SpeechRecognition()
