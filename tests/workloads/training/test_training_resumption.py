"""A training of each task that is killed and taken up goes on bit by bit."""

from dataclasses import replace

import pytest
import torch
from separators import CONV

from workloads.asr.ds2 import DeepSpeech2Size
from workloads.asr.task import ASR
from workloads.recognition.recipe import Recognition, SpecAugment
from workloads.separation.dataset import Separation
from workloads.separation.task import SEPARATION
from workloads.training import checkpoint
from workloads.training.loop import Job, train
from workloads.training.recipe import AdaDelta, Adam, Plateau, Recipe
from workloads.wav2letter.sizes import Wav2LetterSize
from workloads.wav2letter.symbols import LETTERS
from workloads.wav2letter.task import WAV2LETTER

BASE = Recipe(AdaDelta(), batch_size=14, epochs=3, clip_norm=5.0)
# Each epoch after the first is to be better by more than can be: a schedule that had
# forgotten the first would let the second pass.
NEVER_BETTER = Plateau(factor=0.1, patience=0, threshold=0.99)


@pytest.fixture
def asr(spoken):
    """Five steps an epoch, with dropout, decoded by a beam."""
    recipe = replace(
        BASE,
        clip_norm=100.0,
        decode_every_steps=4,
        own=Recognition(beam_width=4, shortest_first=True),
    )
    size = DeepSpeech2Size("tiny", channels=16, hidden=16, layers=2)
    return Job(ASR, size, recipe, spoken)


@pytest.fixture
def wav2letter(letters):
    """Five steps an epoch, with masks, a warm-up and a rate that falls at once."""
    recipe = replace(
        BASE,
        optimizer=Adam(3e-3, weight_decay=1e-4),
        schedule=NEVER_BETTER,
        warmup_steps=9,
        own=Recognition(SpecAugment(frequency_bands=4, time_frames=10)),
    )
    size = Wav2LetterSize("wav2letter-tiny", 8, 16, LETTERS, dropout=0.1)
    return Job(WAV2LETTER, size, recipe, letters)


@pytest.fixture
def separation(pairs):
    """Four steps an epoch, of remixed stretches, and a rate that may fall."""
    recipe = replace(
        BASE,
        optimizer=Adam(1e-2),
        batch_size=3,
        schedule=NEVER_BETTER,
        stop_after=30,
        own=Separation(segment_s=0.05),
    )
    return Job(SEPARATION, CONV, recipe, pairs)


def epochs_of(job):
    return [event for event in train(job) if event.kind == "epoch"]


def measures_of(epochs):
    """All numbers of each epoch, to the last bit."""
    return [
        (
            one.step,
            one.loss,
            one.validation_loss,
            one.learning_rate,
            one.scores.measures,
        )
        for one in epochs
    ]


@pytest.mark.parametrize("task", ["asr", "wav2letter", "separation"])
@pytest.mark.parametrize("stop_after", [7, 10])
def test_a_resumed_training_s_curve_is_the_uninterrupted_one(
    task, stop_after, request, tmp_path
):
    """Killed in the middle of an epoch, between checkpoints, and at another place;
    whoever takes it up has drawn random numbers before."""
    job = request.getfixturevalue(task)
    job = replace(job, recipe=replace(job.recipe, checkpoint_every_steps=6))
    whole = measures_of(epochs_of(job))
    events = train(replace(job, checkpoint_dir=tmp_path))
    for event in events:
        if event.kind == "step" and event.step > stop_after:
            break
    events.close()
    path = tmp_path / checkpoint.NAME
    before = checkpoint.read_curve(path)
    torch.manual_seed(12345)
    after = epochs_of(replace(job, resume_from=path))
    assert before
    assert after
    assert measures_of([*before, *after]) == whole
    if job.recipe.schedule:
        assert after[-1].learning_rate < before[0].learning_rate


@pytest.mark.parametrize("task", ["asr", "wav2letter", "separation"])
def test_a_training_lowers_the_loss(task, request):
    job = request.getfixturevalue(task)
    first, *_, last = epochs_of(job)
    assert last.loss < first.loss
