"""Front-ends of filters over samples beside plain forms of the same formulas."""

import math
import shutil
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from workloads.spoof.frontends import filtering, narrow, pcen, scales
from workloads.spoof.frontends.frontend import decibels
from workloads.spoof.frontends.gabor import gabors, mel_gabors
from workloads.spoof.frontends.leaf import Leaf
from workloads.spoof.frontends.sincnet import SincNet
from workloads.spoof.frontends.td_filterbanks import TdFilterbanks


def assert_gradients_alike(given: Sequence[Tensor], beside: Sequence[Tensor]) -> None:
    for a, b in zip(given, beside, strict=True):
        assert a.grad is not None
        assert b.grad is not None
        torch.testing.assert_close(
            a.grad, b.grad, atol=2e-5 * float(b.grad.abs().max()), rtol=1e-4
        )


Pooled = Callable[[Tensor, Tensor, Tensor], Tensor]


def noise(batch: int = 2, samples: int = 8_000) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 0.1 * torch.randn(batch, samples, generator=generator)


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("samples", [401, 1_600, 6_400, 8_077])
def test_filters_by_transforms_are_those_by_products(parts: int, samples: int) -> None:
    generator = torch.Generator().manual_seed(parts)
    waves = noise(2, samples)
    filters = torch.randn(parts, 7, 401, generator=generator) / 20
    windows = torch.rand(7, 401, generator=generator)
    given = [one.clone().requires_grad_() for one in (waves, filters, windows)]
    beside = [one.clone().requires_grad_() for one in (waves, filters, windows)]
    found, expected = filtering.by_fourier(*given), filtering.by_products(*beside)
    assert found.shape == (2, 1 + samples // 160, 7)
    scale = float(expected.detach().abs().max())
    torch.testing.assert_close(found, expected, atol=1e-5 * scale, rtol=1e-5)
    weights = torch.randn(found.shape, generator=generator)
    for one in (found, expected):
        (one * weights).sum().backward()
    assert_gradients_alike(given, beside)


@pytest.mark.parametrize("samples", [1_600, 6_400, 8_077, 8_159, 8_160])
def test_narrow_filters_are_computed_at_fewer_samples_alike(samples: int) -> None:
    generator = torch.Generator().manual_seed(0)
    waves = noise(2, samples)
    waves[0] += torch.sin(0.9 * torch.arange(samples))  # far above the noise
    windows = torch.rand(40, 401, generator=generator)
    given, beside = (
        [one.clone().requires_grad_() for one in (waves, windows, *mel_gabors())]
        for _ in range(2)
    )

    def of(pooled: Pooled, waves: Tensor, windows: Tensor, *shapes: Tensor) -> Tensor:
        filters = gabors(*shapes)
        assert set(narrow.decimations_of(filters.detach())) == {1, 2, 4}
        return pooled(waves, filters, windows)

    found = of(narrow.by_bands, *given)
    expected = of(filtering.by_products, *beside)
    # Each filter by its own scale: a loud tone is no excuse for quiet bands.
    scale = expected.detach().amax((0, 1))
    apart = (found - expected).detach().abs().amax((0, 1)) / scale
    assert float(apart.max()) < 1e-5
    weights = torch.randn(found.shape, generator=generator)
    for one in (found, expected):
        (one * weights).sum().backward()
    assert_gradients_alike(given, beside)


def test_only_what_lets_nothing_else_through_is_narrow() -> None:
    filters = gabors(*mel_gabors())
    decimations = narrow.decimations_of(filters)
    # Low filters are as long as their 401 taps, and end with a step.
    assert decimations[:10] == [1] * 10
    assert decimations[15] == 4
    assert decimations[35] == 2
    noisy = filters + 1e-5 * torch.randn(filters.shape)
    assert narrow.decimations_of(noisy) == [1] * 40


def test_filters_of_another_length_are_an_error() -> None:
    with pytest.raises(ValueError, match="of 399 taps, expected 401"):
        filtering.by_fourier(noise(), torch.zeros(1, 2, 399), torch.zeros(2, 399))


def test_pcen_is_smoothed_frame_after_frame() -> None:
    power = noise(2, 90 * 3).reshape(2, 90, 3).square() + 1e-4
    layer = pcen.Pcen(3)
    with torch.no_grad():
        layer.smoothing.copy_(torch.tensor([0.04, 0.5, 0.0]))
        layer.gain.copy_(torch.tensor([0.9, 1.2, 0.5]))
        layer.offset.copy_(torch.tensor([2.0, 1.0, 0.5]))
        layer.root.copy_(torch.tensor([2.0, 0.5, 3.0]))
        found = layer(power)
    smooth = [power[:, 0]]
    rate = torch.tensor([0.04, 0.5, 0.0])
    for t in range(1, 90):
        smooth.append((1 - rate) * smooth[-1] + rate * power[:, t])
    gain = torch.tensor([0.9, 1.0, 0.5])  # 1.2 is too much
    offset, root = torch.tensor([2.0, 1.0, 0.5]), torch.tensor([2.0, 1.0, 3.0])
    level = power / (1e-12 + torch.stack(smooth, 1)) ** gain + offset
    expected = level ** (1 / root) - offset ** (1 / root)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def plain_leaf(leaf: Leaf, waves: Tensor) -> Tensor:
    """As the paper says it, filter by filter and frame by frame."""
    before, now = leaf.pre_emphasis
    emphasised = now * waves
    emphasised[:, 1:] += before * waves[:, :-1]
    taps = torch.arange(-200, 201)
    channels = []
    for c in range(40):
        centre, spread = leaf.centres[c], leaf.deviations[c]
        bell = torch.exp(-(taps**2) / (2 * spread**2))
        bell = bell / (math.sqrt(2 * math.pi) * spread)
        parts = [
            F.conv1d(
                emphasised[:, None], (bell * f(centre * taps))[None, None], padding=200
            )
            for f in (torch.cos, torch.sin)
        ]
        power = parts[0].square() + parts[1].square()
        window = torch.exp(-0.5 * ((torch.arange(401) - 200) / (0.4 * 200)) ** 2)
        pooled = F.conv1d(F.pad(power, (200, 200)), window[None, None], stride=160)
        channels.append(pooled[:, 0])
    power = torch.stack(channels, 2).clamp(min=1e-5)
    smooth = [power[:, 0]]
    for t in range(1, power.shape[1]):
        smooth.append(0.96 * smooth[-1] + 0.04 * power[:, t])
    level = power / (1e-12 + torch.stack(smooth, 1)) ** 0.96
    return (level + 2).sqrt() - math.sqrt(2)


def test_leaf_is_as_the_paper_says() -> None:
    leaf, waves = Leaf(), noise(2, 6_000)
    with torch.no_grad():
        torch.testing.assert_close(
            leaf(waves), plain_leaf(leaf, waves), atol=1e-5, rtol=1e-5
        )


def test_gabor_filters_begin_at_the_mel_scale() -> None:
    centres, deviations = mel_gabors()
    hz = centres * 16_000 / (2 * torch.pi)
    assert hz[0] > 60
    assert hz[-1] < 7_800
    mels = torch.tensor(scales.mel(hz.double().numpy()))
    assert mels.diff().std() < 0.01
    real, imaginary = gabors(centres, deviations)
    powers = torch.fft.fft(real + 1j * imaginary, 16_000).abs().square()
    highest_hz = powers[:, :8_000].argmax(1)
    assert (highest_hz - hz).abs().max() < 5
    # At half its height as wide as the root of a triangle is: 3/4 of its feet.
    points_hz = scales.mel_points_hz(60.0, 7_800.0)
    magnitude = powers[30].sqrt()
    width_hz = (magnitude > magnitude.max() / 2).sum()
    assert float(width_hz) == pytest.approx(
        0.75 * (points_hz[32] - points_hz[30]), rel=0.02
    )


def test_leaf_keeps_its_numbers_within_bounds() -> None:
    leaf, other = Leaf(), Leaf()
    with torch.no_grad():
        leaf.centres[0], leaf.deviations[0], leaf.pooling[0] = -1.0, 0.01, 2.0
        other.centres[0], other.pooling[0] = 0.0, 0.5
        other.deviations[0] = 4 * math.sqrt(2 * math.log(2)) / math.pi
        torch.testing.assert_close(leaf.gabors(), other.gabors())
        torch.testing.assert_close(leaf.windows(), other.windows())


def plain_pooled(power: Tensor) -> Tensor:
    taps = torch.arange(401)
    window = torch.sin(torch.pi * taps / 400) ** 4
    window = window / window.sum()
    padded = F.pad(power, (200, 200))
    pooled = [
        F.conv1d(padded[:, c : c + 1], window[None, None], stride=160)
        for c in range(40)
    ]
    return torch.cat(pooled, 1).transpose(1, 2)


def test_td_filterbanks_are_as_the_paper_says() -> None:
    frontend, waves = TdFilterbanks(), noise(2, 6_000)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        frontend.weight += 0.01 * torch.randn(2, 40, 401, generator=generator)
        real, imaginary = (
            F.conv1d(waves[:, None], one[:, None], padding=200)
            for one in frontend.weight
        )
        expected = decibels(plain_pooled(real.square() + imaginary.square()))
        torch.testing.assert_close(frontend(waves), expected, atol=1e-3, rtol=1e-4)


def test_sinc_filters_let_a_band_through() -> None:
    frontend, waves = SincNet(), noise(2, 6_000)
    with torch.no_grad():
        unit = scales.UNIT_HZ
        frontend.low[10], frontend.band[10] = 1_000 / unit, 500 / unit
        frontend.low[11], frontend.band[11] = 0.0, 0.0  # 50 to 100 Hz
        frontend.low[12], frontend.band[12] = -2_000 / unit, 9_000 / unit
        spectra = torch.fft.rfft(frontend.filters(), 16_000).abs()
        made = F.conv1d(waves[:, None], frontend.filters()[:, None], padding=200)
        expected = decibels(plain_pooled(made.square()))
        torch.testing.assert_close(frontend(waves), expected, atol=1e-3, rtol=1e-4)
    assert spectra[10, 1_100:1_400].sub(1).abs().max() < 0.02
    assert spectra[10, :800].max() < 0.02
    assert spectra[10, 1_700:].max() < 0.02
    assert int(spectra[11].argmax()) == pytest.approx(75, abs=15)
    assert spectra[12, 2_200:7_800].sub(1).abs().max() < 0.02


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs g++")
@pytest.mark.parametrize("batch", [1, 2])
def test_a_compiled_front_end_computes_the_same(batch: int) -> None:
    """Of one utterance torch 2.14 would end with "incorrect fake kernel"."""
    leaf, waves = Leaf().eval(), noise(batch)
    with torch.inference_mode():
        expected = leaf(waves)
        found = torch.compile(leaf, dynamic=True)(waves)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
