"""Front-ends beside plain forms of the same formulas, and what they count."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from workloads.counting import macs_of
from workloads.spoof.frontends import cqt, scales
from workloads.spoof.frontends.filtering import WaveFrontend, by_products
from workloads.spoof.frontends.frontend import Frontend, decibels
from workloads.spoof.frontends.known import MAKERS
from workloads.spoof.frontends.scales import UNIT_HZ
from workloads.spoof.frontends.spectral import BAND, FastAudio, Spectrum
from workloads.spoof.sizes import FRONTENDS
from workloads.task import parameters_of

LEARNED = {
    "cqt": 0,
    "fbank": 0,
    "fastaudio-tri": 80,
    "fastaudio-gauss": 80,
    "fastaudio-sort": 80,
    "leaf": 282,
    "nnaudio": 8_040,
    "td-filterbanks": 32_080,
    "sincnet": 80,
}


def noise(batch: int = 2, samples: int = 8_000, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(batch, samples, generator=generator)


@pytest.mark.parametrize(("name", "count"), LEARNED.items())
def test_each_learns_as_many_numbers_as_published(name: str, count: int) -> None:
    assert parameters_of(MAKERS[name]()) == count


def test_every_front_end_is_known() -> None:
    assert tuple(MAKERS) == FRONTENDS == tuple(LEARNED)


@pytest.mark.parametrize("name", FRONTENDS)
@pytest.mark.parametrize("samples", [8_000, 8_077])
def test_all_give_forty_numbers_every_ten_milliseconds(name: str, samples: int) -> None:
    with torch.no_grad():
        found = MAKERS[name]()(noise(2, samples))
    assert found.shape == (2, 1 + samples // 160, 40)
    assert found.isfinite().all()


@pytest.mark.parametrize("name", FRONTENDS)
def test_an_utterance_does_not_depend_on_its_neighbours(name: str) -> None:
    frontend, waves = MAKERS[name](), noise(3)
    with torch.no_grad():
        together, alone = frontend(waves), frontend(waves[1:2])
    torch.testing.assert_close(together[1:2], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", FRONTENDS)
def test_all_stay_in_fp32(name: str) -> None:
    frontend, waves = MAKERS[name](), noise()
    expected = frontend(waves)
    assert {p.dtype for p in frontend.bfloat16().parameters()} <= {torch.float32}
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(frontend(waves), expected, rtol=0, atol=0)


@pytest.mark.parametrize(("name", "count"), LEARNED.items())
def test_all_that_is_learned_has_a_gradient(name: str, count: int) -> None:
    frontend = MAKERS[name]()
    found = frontend(noise())
    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    if not count:
        assert not found.requires_grad
        return
    (found * weights).sum().backward()
    for parameter in frontend.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().sum() > 0


def plain_mel() -> np.ndarray:
    """(201, 40), filter by filter and bin by bin."""
    found = np.zeros((201, 40))
    top = 2595 * math.log10(1 + 8000 / 700)
    for number in range(40):
        below, centre = (
            700 * (10 ** (top * (number + k) / 41 / 2595) - 1) for k in (0, 1)
        )
        for place in range(201):
            away = abs(place * 40.0 - centre) / (centre - below)
            found[place, number] = max(0.0, 1.0 - away)
    return found


@pytest.mark.parametrize(
    "name", ["fbank", "fastaudio-tri", "fastaudio-sort", "nnaudio"]
)
def test_spectral_filters_begin_as_a_plain_mel_filterbank(name: str) -> None:
    frontend, waves = MAKERS[name](), noise()
    with torch.no_grad():
        torch.testing.assert_close(
            frontend.filters(), torch.tensor(plain_mel()).float(), atol=1e-5, rtol=0
        )
        torch.testing.assert_close(
            frontend(waves), MAKERS["fbank"]()(waves), atol=1e-3, rtol=1e-4
        )


def test_mel_is_as_defined() -> None:
    points_hz = scales.mel_points_hz(60.0, 7_800.0)
    assert points_hz[[0, -1]] == pytest.approx((60.0, 7_800.0))
    assert np.diff(scales.mel(points_hz), n=2) == pytest.approx(np.zeros(40), abs=1e-9)


def test_a_spectrum_is_that_of_numpy() -> None:
    waves, spectrum = noise(1, 2_000), Spectrum()
    padded = np.pad(waves[0].double().numpy(), 200)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = np.stack([padded[t * 160 : t * 160 + 400] * window for t in range(13)])
    expected = torch.tensor(np.abs(np.fft.rfft(frames)) ** 2).float()
    for found in (spectrum(waves), spectrum._by_matrix(waves)):
        torch.testing.assert_close(found[0], expected, atol=1e-4, rtol=1e-4)


def test_the_learned_numbers_of_fastaudio_are_kept_within_bounds() -> None:
    frontend = FastAudio("triangle")
    with torch.no_grad():
        frontend.centres[0], frontend.centres[1] = -1.0, 7.0
        frontend.bands[:2], frontend.bands[2] = 10.0, 1e-9
        filters = frontend.filters()
        frontend.centres[0], frontend.centres[1] = 0.0, 8_000 / UNIT_HZ
        frontend.bands[:2], frontend.bands[2] = 603.7 / UNIT_HZ, 3.1 / UNIT_HZ
        torch.testing.assert_close(filters, frontend.filters())
    assert pytest.approx((3.1 / 16_000, 603.7 / 16_000)) == BAND


def test_sorted_filters_are_those_of_another_order() -> None:
    plain, in_order = FastAudio("triangle"), FastAudio("triangle", is_sorted=True)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for one in (plain, in_order):
            one.centres.copy_(one.centres[order])
            one.bands.copy_(one.bands[order])
        torch.testing.assert_close(
            plain.filters()[:, order.argsort()], in_order.filters()
        )
        assert not torch.equal(plain.filters(), in_order.filters())


def test_a_gaussian_has_half_a_band_for_its_deviation() -> None:
    frontend = FastAudio("gaussian")
    with torch.no_grad():
        # Bins are 40 Hz apart.
        frontend.centres[5], frontend.bands[5] = 1_600 / UNIT_HZ, 320 / UNIT_HZ
        found = frontend.filters()[[40, 44, 48, 36], 5]
    expected = torch.tensor([1.0, math.exp(-0.5), math.exp(-2.0), math.exp(-0.5)])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_decibels_end_eighty_below_the_loudest_and_have_no_mean() -> None:
    energies = torch.tensor([[[1e4, 1e-20], [1e2, 1.0]]])
    # 40 and 20 dB; -100, taken for -40, and 0.
    expected = torch.tensor([[[10.0, -20.0], [-10.0, 20.0]]])
    torch.testing.assert_close(decibels(energies), expected)


def plain_cqt(wave: np.ndarray) -> np.ndarray:
    """Energies (T, C), by the definition."""
    frames = 1 + len(wave) // 160
    found = np.zeros((frames, 40))
    for k in range(40):
        centre_hz = 62.5 * 2 ** (7 * k / 40)
        length = 16_000 / (2 ** (7 / 40) - 1) / centre_hz
        reach = np.arange(-math.ceil(length / 2), math.ceil(length / 2) + 1)
        reach = reach[np.abs(reach) < length / 2]
        window = 0.5 + 0.5 * np.cos(2 * np.pi * reach / length)
        kernel = window * np.exp(2j * np.pi * centre_hz / 16_000 * reach) / length
        padded = np.pad(wave, 2_000)
        for t in range(frames):
            found[t, k] = abs(padded[2_000 + 160 * t + reach] @ kernel) ** 2
    return found


def test_a_constant_q_transform_is_as_defined() -> None:
    wave = noise(1, 4_000)
    expected = torch.tensor(plain_cqt(wave[0].double().numpy()))[None]
    found = cqt.ConstantQ()(wave)
    torch.testing.assert_close(found, decibels(expected).float(), atol=2e-3, rtol=1e-4)


@pytest.mark.parametrize("name", FRONTENDS)
def test_responses_are_in_order_and_have_their_highest_at_one(name: str) -> None:
    with torch.no_grad():
        responses = MAKERS[name]().responses()
    assert responses.shape == (40, 201)
    torch.testing.assert_close(responses.amax(1), torch.ones(40))
    assert responses.min() >= 0
    assert (responses[1:].argmax(1) >= responses[:-1].argmax(1)).all()


@pytest.mark.parametrize("name", ["fbank", "fastaudio-gauss", "nnaudio"])
def test_a_response_is_what_a_tone_has_of_its_power(name: str) -> None:
    """Tones on bins: 2,000 Hz, where the filter is highest, and 40 Hz beside."""
    frontend = MAKERS[name]()
    with torch.no_grad():
        responses, energies = frontend.responses(), []
        place = int((responses[:, 50] - 1).abs().argmin())
        for number in (50, 51):
            tone = torch.sin(
                2 * torch.pi * 40.0 * number * torch.arange(8_000) / 16_000
            )
            power = frontend.spectrum(tone[None]) @ frontend.filters()
            energies.append(float(power[0, 10:40, place].mean()))
    # Under a Hamming window a tone reaches two bins to either side.
    window = torch.tensor([0.0, 0.23, 0.54, 0.23, 0.0]).square()
    weights = frontend.filters()[:, place].clamp(min=0)
    expected = [float(window @ weights[n - 2 : n + 3]) for n in (50, 51)]
    assert energies[1] / energies[0] == pytest.approx(
        expected[1] / expected[0], rel=1e-2
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fbank", 401 * (402 * 400 + 201 * 40)),
        ("nnaudio", 401 * (402 * 400 + 201 * 40)),
        ("cqt", 401 * 80 * 1_986),
        ("td-filterbanks", 40 * 401 * (2 * 64_000 + 401)),
        ("leaf", 40 * 401 * (2 * 64_000 + 401)),
        ("sincnet", 40 * 401 * (64_000 + 401)),
    ],
)
def test_macs_of_the_plain_form_are_of_every_product(name: str, expected: int) -> None:
    """Of LEAF and four seconds 2.06 G, as of td-filterbanks: a counter of modules sees
    none of them."""
    frontend = MAKERS[name]()
    assert frontend.plain_macs(64_000) == expected
    if isinstance(frontend, WaveFrontend):
        frontend.pooled = by_products
        assert macs_of(frontend, 1, 64_000) == expected


# Of a block behind a filter: products, a transform, squares, hops under four parts of a
# window; at all samples, or so many times fewer.
EACH = {
    1: 4 * 2_048 + 56_320 + 2 * 1_600 + 2 * 1_600 * 4,
    2: 4 * 1_024 + 25_600 + 2 * 800 + 2 * 800 * 4,
    4: 4 * 512 + 11_520 + 2 * 400 + 2 * 400 * 4,
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fbank", 401 * (400 + 4_322 + 402 + 201 * 40)),
        ("cqt", 401 * 80 * 1_986),
        (
            "td-filterbanks",
            40 * 56_320  # the filters' own transforms, complex ones of 2,048 points
            + 40 * (56_320 + 40 * EACH[1]),  # 40 blocks of 1,600 samples
        ),
        (
            "leaf",
            40 * 56_320
            # 15 filters at every sample, 11 at every second, 14 at every fourth
            + 40 * (56_320 + 15 * EACH[1] + 11 * EACH[2] + 14 * EACH[4])
            + 2 * 25 * EACH[1],  # the outermost frames of narrow filters
        ),
    ],
)
def test_macs_are_counted_as_they_are_computed(name: str, expected: int) -> None:
    """By fast transforms, so that no share of a peak is above it."""
    assert macs_of(MAKERS[name](), 1, 64_000) == expected
    assert macs_of(MAKERS[name](), 3, 64_000) > 2.9 * expected - 80 * 28_160 * 2


@pytest.mark.parametrize("name", ["fbank", "cqt", "leaf", "td-filterbanks"])
def test_an_exported_graph_computes_the_same(name: str) -> None:
    frontend, waves = MAKERS[name]().eval(), noise(2, 6_400)
    program = torch.export.export(frontend, (waves,))
    with torch.no_grad():
        torch.testing.assert_close(
            program.module()(waves), frontend(waves), atol=1e-3, rtol=1e-4
        )


def test_a_front_end_of_its_own_has_to_say_what_it_does() -> None:
    calls: list[Callable[[], object]] = [
        lambda: Frontend()(noise()),
        lambda: Frontend().responses(),
        lambda: Frontend().macs_besides(noise()),
        lambda: Frontend().plain_macs(8_000),
    ]
    for call in calls:
        with pytest.raises(NotImplementedError):
            call()
