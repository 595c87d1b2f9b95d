"""What all separators have in common."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from workloads.separation.conv_tasnet import ConvTasNet
from workloads.separation.dptnet import DptNet
from workloads.separation.lstm_tasnet import LstmTasNet
from workloads.separation.sizes import with_sources
from workloads.separation.task import SEPARATION


def separator(size):
    torch.manual_seed(0)
    return SEPARATION.model(size).eval()


def noise(batch, samples):
    return torch.randn(batch, samples, generator=torch.Generator().manual_seed(1))


def test_a_size_makes_its_architecture_in_training_mode(conv, lstm, dpt):
    made = [SEPARATION.model(size) for size in (conv, lstm, dpt)]
    assert [type(model) for model in made] == [ConvTasNet, LstmTasNet, DptNet]
    assert all(model.training for model in made)


@pytest.mark.parametrize("samples", [16, 17, 23, 24, 25, 203])
@torch.inference_mode()
def test_any_length_from_one_window_on_is_separated(tiny, samples):
    found = separator(tiny)(noise(2, samples))
    assert found.shape == (2, 2, samples)
    assert found.isfinite().all()


def test_less_than_a_window_is_refused(tiny):
    with pytest.raises(ValueError, match="waveforms of 15 samples, expected 16 or"):
        separator(tiny)(noise(1, 15))


@torch.inference_mode()
def test_there_are_as_many_waveforms_as_sources(tiny):
    found = separator(with_sources(tiny, 5))(noise(2, 50))
    assert found.shape == (2, 5, 50)
    assert found.std(1).min() > 0  # no two are the same


@torch.inference_mode()
def test_batches_do_not_influence_each_other(tiny):
    model, waves = separator(tiny), noise(3, 203)
    together = model(waves)
    apart = torch.cat([model(one[None]) for one in waves])
    torch.testing.assert_close(together, apart, rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_filling_up_the_last_window_changes_nothing(tiny):
    model, waves = separator(tiny), noise(2, 203)
    filled = F.pad(waves, (0, 5))  # 24 strides after the first window
    torch.testing.assert_close(model(filled)[:, :, :203], model(waves))


@torch.inference_mode()
def test_every_sample_of_the_mixture_is_heard(tiny):
    model, waves = separator(tiny), noise(1, 203)
    before = model(waves)
    for sample in (0, 100, 202):
        changed = waves.clone()
        changed[0, sample] += 10
        assert (model(changed) - before).abs().max() > 1e-4


def test_every_parameter_is_trained(tiny):
    model = SEPARATION.model(tiny)
    model(noise(2, 203)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_dropout_acts_in_training_alone(lstm):
    waves = noise(1, 203)
    for dropout, same in ((0.0, True), (0.5, False)):
        torch.manual_seed(0)
        model = SEPARATION.model(replace(lstm, dropout=dropout))
        assert model(waves).equal(model(waves)) == same
        model.eval()
        assert model(waves).equal(model(waves))
