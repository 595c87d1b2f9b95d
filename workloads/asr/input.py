"""The recordings that a training waits for, over readers and prefetch."""

from __future__ import annotations

from dataclasses import replace

from workloads.asr.alphabet import ALPHABET
from workloads.asr.features import LogMelMfcc
from workloads.asr.task import LOG_MEL_MFCC
from workloads.corpora.speech import speech_of
from workloads.feeding.sources import OnTheFly, training_moments
from workloads.recognition.data import Recordings, recordings_of
from workloads.task import DataRequest


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
    normaliser = training_moments(spoken, readers)
    return replace(data, train=replace(data.train, rows=spoken), normaliser=normaliser)
