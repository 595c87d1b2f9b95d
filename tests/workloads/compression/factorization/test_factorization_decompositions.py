import logging

import pytest
import tensorly
import torch

from workloads.compression.factorization import decompositions
from workloads.compression.factorization.chains import Plan
from workloads.compression.factorization.decompositions import (
    DecompositionError,
    decompose,
    truncated,
)


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def kernel_of_terms(rank, *sizes):
    """The sum of `rank` products of one vector for each axis."""
    factors = [noise(size, rank) for size in sizes]
    return tensorly.cp_to_tensor((None, [f.numpy() for f in factors])), factors


def product(form, parts):
    """The kernel that a chain of these stands for, written out."""
    if form == "svd-output":
        return torch.einsum("or,ri...->oi...", parts[1], parts[0])
    if form == "svd-input":
        return torch.einsum("or...,ri->oi...", parts[1], parts[0])
    if form == "tucker":
        return torch.einsum("oq,qr...,ri->oi...", parts[2], parts[1], parts[0])
    taps = parts[1].squeeze(1)
    for part in parts[2:-1]:
        taps = taps * part.squeeze(1)
    return torch.einsum("or,r...,ri->oi...", parts[-1], taps, parts[0])


def lost(kernel, plan):
    """The norm of what the chain's kernel lacks, over the norm of the kernel."""
    found = product(plan.form, decompose(kernel, plan))
    return float((kernel.double() - found).norm() / kernel.double().norm())


PLANS = [
    (Plan("svd-output", (3,)), (12, 1, 5)),
    (Plan("svd-output", (3,)), (12, 7)),
    (Plan("svd-input", (3,)), (1, 12, 5)),
    (Plan("svd-input", (3,)), (6, 12, 1)),
    (Plan("tucker", (4, 3)), (8, 6, 3)),
    (Plan("tucker", (4, 3)), (8, 6, 3, 2)),
    (Plan("cp", (5,)), (8, 6, 3)),
    (Plan("cp", (5,)), (8, 6, 3, 2)),
    (Plan("cp", (5,)), (8, 6, 1, 3)),
]


@pytest.mark.parametrize(("plan", "shape"), PLANS)
def test_something_is_lost_but_not_all(plan, shape):
    assert 0 < lost(noise(*shape), plan) < 1


@pytest.mark.parametrize(("plan", "shape"), PLANS)
def test_a_kernel_times_a_thousand_has_the_same_error(plan, shape):
    error = lost(noise(*shape), plan)
    assert lost(1000 * noise(*shape), plan) == pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize(("plan", "shape"), PLANS)
def test_a_kernel_of_zeros_becomes_zeros(plan, shape):
    parts = decompose(torch.zeros(shape), plan)
    assert not any(bool(part.any()) for part in parts)


def test_a_matrix_loses_the_rest_of_its_spectrum():
    kernel = noise(12, 7)
    error = lost(kernel, Plan("svd-output", (3,)))
    values = torch.linalg.svdvals(kernel.double())
    assert error == pytest.approx(float(values[3:].norm() / values.norm()), rel=1e-6)


def test_a_diagonal_matrix_keeps_its_largest_entries():
    kernel = torch.diag(torch.tensor([2.0, 4, 1, 2]))
    error = lost(kernel, Plan("svd-output", (2,)))
    assert error == pytest.approx((5 / 25) ** 0.5)  # 4 and one 2 of 16 + 4 + 4 + 1 stay


def test_both_factors_of_a_matrix_have_the_same_norm():
    left, right = truncated(noise(12, 7).double(), 3)
    assert float(left.norm()) == pytest.approx(float(right.norm()))


@pytest.mark.parametrize(
    ("plan", "shape"),
    [
        (Plan("svd-output", (5,)), (12, 1, 5)),
        (Plan("svd-input", (5,)), (1, 12, 5)),
        (Plan("tucker", (8, 6)), (8, 6, 3)),
    ],
)
def test_full_ranks_lose_nothing(plan, shape):
    assert lost(noise(*shape), plan) < 1e-10


@pytest.mark.parametrize("sizes", [(8, 6, 3), (8, 6, 3, 3)])
def test_cp_finds_the_terms_that_a_kernel_was_made_of(sizes):
    kernel, _ = kernel_of_terms(2, *sizes)
    assert lost(torch.as_tensor(kernel), Plan("cp", (2,))) < 1e-4


def test_tucker_finds_the_channels_that_a_kernel_was_made_of():
    kernel = torch.einsum("oq,qrk,ir->oik", noise(8, 2), noise(2, 3, 3), noise(6, 3))
    assert lost(kernel, Plan("tucker", (2, 3))) < 1e-6


def test_the_terms_of_cp_are_as_large_along_each_axis():
    reduce, taps, expand = decompose(noise(8, 6, 3), Plan("cp", (5,)))
    norms = reduce.norm(dim=1), taps.flatten(1).norm(dim=1), expand.norm(dim=0)
    assert torch.allclose(norms[0], norms[1])
    assert torch.allclose(norms[1], norms[2])


def test_more_terms_than_channels_are_fewer_errors():
    kernel = noise(8, 6, 3)
    errors = [lost(kernel, Plan("cp", (rank,))) for rank in (2, 7, 12)]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("form", ["cp", "tucker"])
def test_the_same_kernel_gives_the_same_factors(form):
    plan = Plan(form, (9,) if form == "cp" else (4, 3))
    first, again = (decompose(noise(8, 6, 3), plan) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_the_backend_of_tensorly_is_as_it_was():
    before = tensorly.get_backend()
    decompose(noise(8, 6, 3), Plan("cp", (2,)))
    assert tensorly.get_backend() == before


def failing(times, how):
    """parafac that fails so often, and the ridges that it was called with."""
    original, ridges = tensorly.decomposition.parafac, []

    def parafac(*arguments, **options):
        ridges.append(options["l2_reg"])
        found = original(*arguments, **options)
        if len(ridges) > times:
            return found
        if how == "raises":
            raise torch.linalg.LinAlgError("singular")
        found[0].factors[1][0, 0] = float("nan")
        return found

    return parafac, ridges


@pytest.mark.parametrize("how", ["raises", "not finite"])
def test_cp_is_tried_with_more_ridge_where_it_fails(monkeypatch, caplog, how):
    parafac, ridges = failing(1, how)
    monkeypatch.setattr(tensorly.decomposition, "parafac", parafac)
    with caplog.at_level(logging.WARNING, "speechmark"):
        error = lost(noise(8, 6, 3), Plan("cp", (5,)))
    assert error < 1
    assert ridges == list(decompositions.CP_RIDGES[:2])
    assert "CP of rank 5 found no finite factors: ridge 1e-09" in caplog.text


def test_cp_goes_on_until_it_gains_nothing_more(monkeypatch, caplog):
    kernel, plan = noise(16, 12, 5), Plan("cp", (29,))
    converged = lost(kernel, plan)
    with monkeypatch.context() as patch:
        patch.setattr(decompositions, "CP_ITERATIONS", 4000)
        assert lost(kernel, plan) == pytest.approx(converged, abs=1e-9)
    assert "CP of rank" not in caplog.text
    monkeypatch.setattr(decompositions, "CP_ITERATIONS", 20)
    assert lost(kernel, plan) > converged + 0.01
    assert "CP of rank 29 was stopped after 20 iterations at an error of" in caplog.text


def test_cp_that_always_fails_names_the_kernel(monkeypatch):
    monkeypatch.setattr(tensorly.decomposition, "parafac", failing(9, "raises")[0])
    with pytest.raises(DecompositionError, match=r"rank 5 of a kernel \(8, 6, 3\)"):
        decompose(noise(8, 6, 3), Plan("cp", (5,)))


def test_weights_that_are_not_finite_are_refused():
    with pytest.raises(DecompositionError, match="weights that are not finite"):
        decompose(torch.tensor([[1.0, float("inf")]]), Plan("svd-output", (1,)))
