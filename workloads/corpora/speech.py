"""Read speech as a case or a training asks for it: the user's, or built-in."""

from __future__ import annotations

from dataclasses import replace

from workloads.corpora import builtin, librispeech
from workloads.corpora.cache import default_cache_dir
from workloads.corpora.utterance import Corpus
from workloads.task import DataRequest, NotHereError

SEED = 0  # the corpus is the same whatever a training's seed
SIZES = {"smoke": builtin.SMOKE, "commit": builtin.QUICK, "quick": builtin.QUICK}


def speech_of(request: DataRequest) -> Corpus:
    """The user's LibriSpeech where there is a folder, else the built-in speech of the
    profile.

    Raises `faults.AbsentError` where the folder holds none, NotHereError for the
    profile `paper` without a folder.
    """
    if request.root is not None:
        return librispeech.load(request.root, on_progress=request.progress)
    if request.profile == "paper":
        raise NotHereError(
            "the paper profile measures the published sizes on the papers' corpora: "
            "give --data-root, the folder that holds LibriSpeech/"
        )
    size = SIZES.get(request.profile, builtin.STANDARD)
    if request.train_s is not None and request.train_s != builtin.QUICK.train_s:
        name = f"{request.train_s:g}s"
        size = replace(builtin.QUICK, name=name, train_s=request.train_s)
    return builtin.load_or_build(size, default_cache_dir(), SEED, request.progress)
