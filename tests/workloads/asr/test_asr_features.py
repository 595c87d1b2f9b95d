import pytest
import torch
import torchaudio

from workloads.asr.features import FEATURES, LogMelMfcc


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
