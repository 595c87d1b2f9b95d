"""Log-mel features of 40 bands. torch is loaded where they are computed alone."""

from __future__ import annotations

from pathlib import Path

from workloads.corpora.utterance import Corpus
from workloads.feeding.shards import SplitName
from workloads.recognition.data import FeatureKind
from workloads.wav2letter.sizes import FEATURES


def write_features(corpus: Corpus, split: SplitName, cache_dir: Path) -> None:
    """Compute the features of a split into the cache, where they are not there yet."""
    from workloads.feeding.mel import LogMel
    from workloads.feeding.sources import write_shards

    write_shards(corpus, split, LogMel(FEATURES), cache_dir)


LOG_MEL = FeatureKind(f"logmel{FEATURES}", FEATURES, write_features)
