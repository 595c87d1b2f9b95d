"""Axes: `B` mixtures, `C` sources, `S` samples."""

from itertools import permutations

import numpy as np
import pytest
import torch
from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio

from workloads.metrics.separation import score
from workloads.separation.loss import pit_loss, si_sdr_matrix


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def at_10_db(sources):
    """Each source with something orthogonal to all of them, of a tenth its energy."""
    count, samples = sources.shape[1:]
    sources -= sources.mean(2, keepdim=True)
    rest = noise(*sources.shape, seed=9).double()
    rest -= rest.mean(2, keepdim=True)
    basis, _ = torch.linalg.qr(sources.transpose(1, 2))  # (B, S, C)
    assert basis.shape[1:] == (samples, count)
    rest -= rest @ basis @ basis.transpose(1, 2)
    scale = (sources.square().sum(2) / rest.square().sum(2) / 10).sqrt()
    return sources + scale.unsqueeze(2) * rest


def plain_si_sdr(estimate, source):
    estimate, source = estimate - estimate.mean(), source - source.mean()
    target = (estimate @ source) / (source @ source) * source
    return 10 * np.log10((target @ target) / ((estimate - target) ** 2).sum())


def test_the_matrix_agrees_with_a_plain_reference_and_with_torchmetrics():
    estimates, sources = noise(2, 3, 400), 0.3 + noise(2, 3, 400, seed=1)
    estimates += sources.flip(1)
    found = si_sdr_matrix(estimates, sources)
    assert found.shape == (2, 3, 3)
    for b, e, s in np.ndindex(2, 3, 3):
        estimate, source = estimates[b, e], sources[b, s]
        plain = plain_si_sdr(estimate.double().numpy(), source.double().numpy())
        assert found[b, e, s].item() == pytest.approx(plain, abs=1e-2)
        library = scale_invariant_signal_distortion_ratio(estimate, source, True)
        torch.testing.assert_close(found[b, e, s], library, rtol=1e-3, atol=1e-3)


def test_a_tenth_of_the_energy_is_10_db():
    sources = noise(2, 3, 200).double()
    assert pit_loss(at_10_db(sources), sources).item() == pytest.approx(-10, abs=1e-6)


def test_neither_scale_nor_mean_matters():
    sources = noise(2, 2, 200).double()
    estimates = at_10_db(sources)
    expected = pit_loss(estimates, sources)
    torch.testing.assert_close(pit_loss(7 * estimates + 3, sources), expected)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_the_sources_does_not_matter(order):
    sources = noise(2, 3, 200).double()
    estimates = at_10_db(sources)
    found = pit_loss(estimates, sources[:, list(order)])
    assert found.item() == pytest.approx(-10, abs=1e-6)


def test_the_best_permutation_counts_and_not_the_worst():
    estimates, sources = noise(1, 3, 200), noise(1, 3, 200, seed=1)
    estimates += sources[:, [2, 0, 1]]
    matrix = si_sdr_matrix(estimates, sources)[0]
    losses = [
        -matrix[range(3), list(order)].mean().item() for order in permutations(range(3))
    ]
    found = pit_loss(estimates, sources).item()
    assert found == pytest.approx(min(losses))
    assert found < max(losses) - 3


def test_every_mixture_has_a_permutation_of_its_own():
    sources = noise(2, 2, 200).double()
    estimates = at_10_db(sources)
    estimates[1] = estimates[1].flip(0)
    assert pit_loss(estimates, sources).item() == pytest.approx(-10, abs=1e-6)


def test_eight_sources_are_matched():
    sources = noise(1, 8, 400).double()
    estimates = at_10_db(sources)[:, [3, 1, 7, 0, 2, 6, 5, 4]]
    assert pit_loss(estimates, sources).item() == pytest.approx(-10, abs=1e-6)


def test_it_is_the_metric_with_the_other_sign():
    estimates, sources = noise(1, 2, 400), noise(1, 2, 400, seed=1)
    scored = score(estimates[0].numpy(), sources[0].numpy(), sources[0].sum(0).numpy())
    found = pit_loss(estimates, sources).item()
    assert found == pytest.approx(-scored.si_sdr.value, abs=1e-2)


def test_a_silent_source_is_left_out_of_the_mean():
    sources = noise(1, 3, 200).double()
    estimates = at_10_db(sources)
    sources[0, 1] = 0
    for order in permutations(range(3)):  # whatever stands for the silent one
        found = pit_loss(estimates[:, list(order)], sources)
        assert found.item() == pytest.approx(-10, abs=1e-6)


def test_silence_alone_costs_nothing_and_moves_nothing():
    estimates = noise(2, 2, 200).requires_grad_()
    loss = pit_loss(estimates, torch.zeros(2, 2, 200))
    loss.backward()
    assert loss.item() == 0
    assert estimates.grad is not None
    assert estimates.grad.count_nonzero() == 0


def test_following_the_gradient_lowers_the_loss():
    sources = noise(2, 2, 200)
    estimates = (sources.flip(1) + noise(2, 2, 200, seed=1)).requires_grad_()
    before = pit_loss(estimates, sources)
    before.backward()
    assert estimates.grad is not None
    assert estimates.grad.isfinite().all()
    after = pit_loss(estimates - 0.5 * estimates.grad, sources)
    assert after < before - 0.01


def test_perfect_and_silent_estimates_have_finite_losses_and_gradients():
    sources = noise(1, 2, 200)
    for estimates in (sources.clone(), torch.zeros(1, 2, 200)):
        loss = pit_loss(estimates.requires_grad_(), sources)
        loss.backward()
        assert loss.isfinite()
        assert estimates.grad is not None
        assert estimates.grad.isfinite().all()


def test_estimates_that_are_not_finite_have_such_a_loss():
    estimates, sources = noise(2, 2, 200), noise(2, 2, 200, seed=1)
    estimates[1, 0, 7] = torch.nan
    assert pit_loss(estimates, sources).isnan()
