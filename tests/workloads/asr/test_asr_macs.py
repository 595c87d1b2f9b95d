import pytest
import torch

from workloads.asr.ds2 import DS2_PAPER, DS2_SMALL, DeepSpeech2, output_length
from workloads.asr.macs import forward_macs, training_macs


def test_the_paper_s_model_has_its_published_macs():
    assert forward_macs(DS2_PAPER, [1670]) / 1e9 == pytest.approx(21.25, abs=0.005)


@pytest.mark.parametrize("size", [DS2_PAPER, DS2_SMALL])
def test_each_weight_multiplies_once_per_output_frame(size):
    with torch.device("meta"):
        model = DeepSpeech2(size)
    matrices = [p.numel() for p in model.parameters() if p.dim() > 1]
    assert forward_macs(size, [333]) == output_length(333) * sum(matrices)


def test_macs_are_those_of_true_frames():
    one, two = forward_macs(DS2_SMALL, [100]), forward_macs(DS2_SMALL, [301])
    assert forward_macs(DS2_SMALL, [100, 301]) == one + two


def test_training_costs_three_forward_passes_less_the_gradient_of_the_features():
    convolution = output_length(100) * 93 * 11 * DS2_SMALL.channels
    expected = 3 * forward_macs(DS2_SMALL, [100]) - convolution
    assert training_macs(DS2_SMALL, [100]) == expected
