import pytest
import torch
import torchaudio

from workloads.feeding.mel import LogMel


@pytest.mark.parametrize("bands", [40, 23])
def test_a_second_of_audio_has_101_frames_of_as_many_bands(bands):
    extractor = LogMel(bands)
    (features,) = extractor([torch.randn(16_000)])
    assert features.shape == (101, bands)
    assert (extractor.name, extractor.width) == (f"logmel{bands}", bands)


def test_another_window_has_another_name():
    names = [LogMel(80).name, LogMel(80, 400).name, LogMel(80, 512).name]
    assert names == ["logmel80", "logmel80", "logmel80-window512"]


def test_the_energies_are_those_of_torchaudio_alone():
    audio = torch.randn(12_345)
    spectrum = torchaudio.transforms.MelSpectrogram(
        16_000, n_fft=512, win_length=400, hop_length=160, n_mels=40
    )
    (features,) = LogMel(40)([audio])
    torch.testing.assert_close(features, torch.log(spectrum(audio) + 1e-6).T)


def test_features_do_not_depend_on_the_neighbours_in_the_batch():
    short, long = torch.randn(8_000), torch.randn(16_000)
    (alone,) = LogMel()([short])
    beside, _ = LogMel()([short, long])
    torch.testing.assert_close(alone, beside)


def test_an_utterance_too_short_to_centre_is_named_by_its_length():
    with pytest.raises(ValueError, match="256 samples"):
        LogMel()([torch.randn(256)])
