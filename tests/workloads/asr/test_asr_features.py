import numpy as np
import pytest
import torch
import torchaudio

from workloads.asr.features import FEATURES, LogMelMfcc, RunningMoments


def test_a_second_of_audio_has_101_frames_of_93_features():
    (features,) = LogMelMfcc()([torch.randn(16_000)])
    assert features.shape == (101, 93)
    assert FEATURES == 93


def test_the_cepstra_are_those_of_torchaudio_alone():
    audio = torch.randn(12_345)
    reference = torchaudio.transforms.MFCC(
        16_000,
        13,
        log_mels=True,
        melkwargs={"n_fft": 512, "hop_length": 160, "n_mels": 80},
    )(audio)
    (features,) = LogMelMfcc()([audio])
    torch.testing.assert_close(features[:, 80:], reference.T)


def test_features_do_not_depend_on_the_neighbours_in_the_batch():
    short, long = torch.randn(8_000), torch.randn(16_000)
    (alone,) = LogMelMfcc()([short])
    beside, _ = LogMelMfcc()([short, long])
    torch.testing.assert_close(alone, beside)


def test_an_utterance_too_short_to_centre_is_named_by_its_length():
    with pytest.raises(ValueError, match="256 samples"):
        LogMelMfcc()([torch.randn(256)])


def test_streamed_moments_are_those_of_all_frames_at_once():
    frames = np.random.default_rng(0).normal(3.0, 2.0, (1000, FEATURES))
    moments = RunningMoments()
    for part in np.split(frames, [1, 17, 400]):
        moments.add(part)
    normaliser = moments.normaliser()
    np.testing.assert_allclose(normaliser.mean, frames.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(normaliser.std, frames.std(axis=0), rtol=1e-6)


def test_a_normaliser_of_nothing_is_refused():
    with pytest.raises(ValueError, match="training set is empty"):
        RunningMoments().normaliser()
