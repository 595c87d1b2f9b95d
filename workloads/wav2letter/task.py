"""Wav2Letter, quantized in several ways: all that is stated of it once.

Yanamandra et al., "Quantization of CNN-based Language Models". Axes: `B` utterances,
`T` frames, `U` output frames. torch is loaded where a model is asked for: not every
runtime needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from workloads.compression.step import Compression, ModuleStep
from workloads.compression.steps.prune import Prune
from workloads.corpora.faults import AbsentError
from workloads.corpora.speech import speech_of
from workloads.corpora.utterance import Corpus
from workloads.feeding.shards import SplitName
from workloads.metrics.error_rates import (
    character_errors,
    levenshtein_distances,
    phoneme_errors,
)
from workloads.metrics.kinds import CER, LEVENSHTEIN, PER
from workloads.metrics.scores import EditUnit, Scores, Transcribed
from workloads.recognition.data import (
    Decode,
    FeatureKind,
    Part,
    Recordings,
    recordings_of,
)
from workloads.recognition.recipe import Recognition, SpecAugment
from workloads.recognition.searches import FAST_CTC_DECODE
from workloads.recognition.task import RecognitionTask
from workloads.task import DataRequest, Gate, NotHereError
from workloads.training.recipe import Adam, Plateau, Recipe
from workloads.wav2letter import arrays, sizes
from workloads.wav2letter.decoding import make_decoder
from workloads.wav2letter.phonemes import phonemes
from workloads.wav2letter.sizes import FEATURES, WAV2LETTER_SMALL, Wav2LetterSize
from workloads.wav2letter.symbols import Alphabet

if TYPE_CHECKING:
    from torch import Tensor, nn

EXAMPLE_FRAMES = 100
TRAIN_S = 14_400.0
EDITS = LEVENSHTEIN.name
# The paper's, for the corpora that it had: batches of 128 out of 28,539 utterances.
LETTERS = Recipe(
    Adam(2e-4, weight_decay=5e-5),
    batch_size=128,
    epochs=100,
    clip_norm=5.0,
    schedule=Plateau(EDITS, factor=0.1, patience=5, threshold=1e-4),
    best_by=EDITS,
    own=Recognition(SpecAugment()),
)
PHONEMES = replace(LETTERS, optimizer=Adam(2e-3, weight_decay=1e-5))
# For hours of built-in speech: more and bolder steps, narrower masks.
BUILTIN_SMALL = replace(
    LETTERS,
    optimizer=Adam(1e-3, weight_decay=1e-5),
    batch_size=8,
    epochs=16,
    schedule=Plateau(EDITS, factor=0.1, patience=1, threshold=1e-4),
    warmup_steps=100,
    own=Recognition(SpecAugment(frequency_bands=4, time_frames=10)),
)
BUILTIN = replace(BUILTIN_SMALL, optimizer=Adam(3e-4, weight_decay=1e-5), batch_size=4)
QAT_EPOCHS = 2


def write_features(corpus: Corpus, split: SplitName, cache_dir: Path) -> None:
    """Compute the features of a split into the cache, where they are not there yet."""
    from workloads.feeding.mel import LogMel
    from workloads.feeding.sources import write_shards

    write_shards(corpus, split, LogMel(FEATURES), cache_dir)


LOG_MEL = FeatureKind(f"logmel{FEATURES}", FEATURES, write_features)


class QuantizedRecognition(RecognitionTask[Wav2LetterSize]):
    """The edit distance may rise by 2 % against fp32: what the paper lost to int8."""

    name = "wav2letter"
    sizes = sizes.SIZES
    measures = (CER, PER, LEVENSHTEIN)
    gates: ClassVar = {EDITS: Gate(0.02, is_share=True)}
    pruned_needs_training = False
    # A ReLU whose input is within rounding of 0 lets a gradient through on one path
    # alone, and no norm stands behind it: one seed of eight gave 0.002.
    most_gradient_error = 0.01
    onnx_names = ("features", "log_probs")
    utterances = 64  # as many different ones as p90 takes
    search = FAST_CTC_DECODE.name
    hop_s = arrays.HOP_S

    def dataset(self, size: Wav2LetterSize, request: DataRequest) -> Recordings:
        """The paper's arrays or LibriSpeech where the user has them, else the built-in
        speech."""
        alphabet = size.alphabet
        if request.root is None:
            if request.profile == "paper":
                raise NotHereError(
                    "the paper profile measures on the paper's arrays: give "
                    "--data-root, the folder that holds train.npy and dev.npy, or "
                    "LibriSpeech/"
                )
            return _spelled(speech_of(request), alphabet)
        try:
            return arrays.load(request.root, alphabet)
        except AbsentError as no_arrays:
            try:
                corpus = speech_of(request)
            except AbsentError as no_speech:
                raise AbsentError(f"{no_arrays}; or {no_speech}") from None
        return _spelled(corpus, alphabet)

    def model(self, size: Wav2LetterSize) -> nn.Module:
        from workloads.wav2letter.model import Wav2Letter, initialise

        model = Wav2Letter(size)
        initialise(model)
        return model

    def example(self, size: Wav2LetterSize) -> tuple[int, int]:
        return EXAMPLE_FRAMES, FEATURES

    def why_not(
        self,
        size: Wav2LetterSize,
        compression: Compression,
        runtime: str,
        device: str,
        options: object = None,
    ) -> str | None:
        step = compression.step_of(ModuleStep)
        if step is None or (
            isinstance(step, Prune) and step == Prune("l1", False, step.percent)
        ):
            return None
        return (
            f"{compression.name} is not for Wav2Letter: of what changes weights, it "
            "takes prune-l1-unstructured-PERCENT alone"
        )

    def outputs(
        self, model: nn.Module, features: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor]:
        import torch

        frames = [self.output_length(length) for length in lengths.tolist()]
        return model(features), torch.tensor(frames)

    def output_length(self, frames: int) -> int:
        return sizes.output_length(frames)

    def decoder(
        self, train: Part, beam_width: int, search: str | None = None
    ) -> Decode:
        assert isinstance(train.alphabet, Alphabet)
        return make_decoder(train.alphabet, beam_width, search or self.search)

    def scores_of(self, part: Part, hypotheses: Sequence[str]) -> Scores:
        references, found = list(part.texts), list(hypotheses)
        spaced = part.alphabet.is_spaced
        rate = (phoneme_errors if spaced else character_errors)(references, found)
        distances = levenshtein_distances(references, found, spaced)
        lengths = [len(part.alphabet.split(text)) for text in references]
        unit: EditUnit = "phoneme" if spaced else "character"
        return Scores.of(
            rate,
            distances,
            transcribed=Transcribed(references, found, distances.errors, lengths, unit),
        )

    def macs(self, size: Wav2LetterSize, frames: int, counted: object = None) -> float:
        return size.macs(frames)

    def train_s(self, size: Wav2LetterSize) -> float | None:
        return TRAIN_S

    def recipe(
        self,
        size: Wav2LetterSize,
        data: Recordings,
        compression: Compression | None = None,
    ) -> Recipe:
        """The paper's on its own arrays, the built-in speech's otherwise; going on with
        simulated int8 takes a tenth of the rate and few epochs."""
        if isinstance(data.train.rows, arrays.ArrayRows):
            found = PHONEMES if size.alphabet.is_spaced else LETTERS
        else:
            small = size.width <= WAV2LETTER_SMALL.width
            found = BUILTIN_SMALL if small else BUILTIN
        if compression is None:
            return found
        slower = replace(
            found.optimizer, learning_rate=found.optimizer.learning_rate / 10
        )
        return replace(found, optimizer=slower, epochs=QAT_EPOCHS)

    def timed_recipe(
        self, size: Wav2LetterSize, data: Recordings, profile: str
    ) -> Recipe:
        return replace(self.recipe(size, data), epochs=10_000)


def _spelled(corpus: Corpus, alphabet: Alphabet) -> Recordings:
    """A corpus of audio; its phonemes are those that espeak-ng gives each word."""
    if alphabet.is_spaced:
        return recordings_of(corpus, LOG_MEL, alphabet, phonemes)
    return recordings_of(corpus, LOG_MEL, alphabet)


WAV2LETTER = QuantizedRecognition()
