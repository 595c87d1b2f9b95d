"""The kernels of each layer of a chain, from the kernel that it stands for.

Axes: `O` output channels, `I` input channels, `R` ranks. Everything is computed in
float64. T. Kolda, B. Bader, "Tensor Decompositions and Applications", 2009, describes
alternating least squares for CP (3.4) and higher-order orthogonal iteration for Tucker
(4.2), both as tensorly has them.
"""

import logging
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from workloads.compression.factorization.chains import Plan, tap_axes

# Alternating least squares crawls: a kernel of 64 x 64 x 7 lost 0.195 of its norm after
# 50 iterations, 0.164 after 200, 0.142 after 1000. With a line search every second time
# it ends at 0.134, after some 650.
CP_ITERATIONS = 2000
CP_TOLERANCE = 1e-5  # two iterations that gain less of the relative error are the last
TUCKER_ITERATIONS = 50
TOLERANCE = 1e-6  # an iteration that gains less of the relative error is the last
# Without a ridge the terms of CP may grow without bound while cancelling one another
# (A.-H. Phan et al., "Stable Low-rank Tensor Decomposition for Compression of
# Convolutional Neural Network", 2020). The next is tried where one does not suffice.
CP_RIDGES = (1e-9, 1e-6, 1e-3)
_SEED = 0
_log = logging.getLogger("speechmark")


class DecompositionError(ValueError):
    """The kernel has no finite factors that the solver would find."""


def decompose(kernel: Tensor, plan: Plan) -> list[Tensor]:
    """The kernels (O, I, *taps) of the chain's layers in their order.

    Raises DecompositionError if `kernel` or its factors are not finite.
    """
    whole = kernel.double()
    if not bool(whole.isfinite().all()):
        raise DecompositionError("it holds weights that are not finite: train it anew")
    norm = float(whole.norm())
    if norm == 0:  # any direction will do: the factors become zeros again
        whole = torch.ones_like(whole)
    whole = whole / whole.norm()  # tolerances and ridges mean the same everywhere
    if plan.form == "cp":
        kernels = _cp(whole, plan.ranks[0])
    elif plan.form == "tucker":
        kernels = _tucker(whole, plan.ranks)
    else:
        kernels = _svd(whole, plan)
    share = norm ** (1 / len(kernels))  # of the norm, for each layer
    return [part * share for part in kernels]


def _svd(kernel: Tensor, plan: Plan) -> list[Tensor]:
    if plan.form == "svd-output":
        left, right = truncated(kernel.flatten(1), plan.ranks[0])  # (O, R), (R, I taps)
        return [right.reshape(-1, *kernel.shape[1:]), left]
    turned = kernel.transpose(0, 1)
    left, right = truncated(turned.flatten(1), plan.ranks[0])  # (I, R), (R, O taps)
    return [left.T, right.reshape(-1, *turned.shape[1:]).transpose(0, 1)]


def truncated(matrix: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The closest product of (m, R) and (R, n), both of the same norm."""
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    roots = values[:rank].sqrt()
    return left[:, :rank] * roots, roots[:, None] * right[:rank]


def _tucker(kernel: Tensor, ranks: Sequence[int]) -> list[Tensor]:
    import tensorly  # loads much: where it is needed
    from tensorly.decomposition import partial_tucker

    with tensorly.backend_context("pytorch", local_threadsafe=True):
        (core, (out, into)), _ = partial_tucker(
            kernel,
            list(ranks),
            modes=[0, 1],
            n_iter_max=TUCKER_ITERATIONS,
            tol=TOLERANCE,
            random_state=_SEED,
        )
    return [into.T, core, out]


def _cp(kernel: Tensor, rank: int) -> list[Tensor]:
    import tensorly

    with tensorly.backend_context("pytorch", local_threadsafe=True):
        # (O, R), (I, R), (taps, R) of each axis
        out, into, *taps = _cp_factors(kernel, rank)
    parts = []
    for axis, *single in tap_axes(kernel.shape[2:]):
        part = taps[axis]
        for other in single:
            part = part * taps[other]
        shape = [count if a == axis else 1 for a, count in enumerate(kernel.shape[2:])]
        parts.append(part.T.reshape(rank, 1, *shape))
    return [into.T, *parts, out]


def _cp_factors(kernel: Tensor, rank: int) -> list[Tensor]:
    """Of each axis (size, R), the terms' norms in equal parts on all axes."""
    import tensorly
    from tensorly.decomposition import parafac

    for ridge in CP_RIDGES:
        try:
            with warnings.catch_warnings():
                # It fills up with random vectors where the rank exceeds an axis.
                warnings.filterwarnings("ignore", message=".*n_eigenvecs.*")
                found, errors = parafac(
                    kernel,
                    rank,
                    n_iter_max=CP_ITERATIONS,
                    tol=CP_TOLERANCE,
                    l2_reg=ridge,
                    random_state=_SEED,
                    linesearch=True,
                    return_errors=True,
                )
        except torch.linalg.LinAlgError:
            found = None
        if found is not None and all(bool(f.isfinite().all()) for f in found.factors):
            _tell_unfinished(rank, [float(error) for error in errors])
            norms, factors = tensorly.cp_normalize(found)
            return [factor * norms ** (1 / len(factors)) for factor in factors]
        _log.warning("CP of rank %d found no finite factors: ridge %g", rank, ridge)
    raise DecompositionError(
        f"CP of rank {rank} of a kernel {tuple(kernel.shape)} found no finite factors "
        f"with ridges up to {CP_RIDGES[-1]:g}: choose tucker"
    )


def _tell_unfinished(rank: int, errors: Sequence[float]) -> None:
    """Warn where the bound ended what was still gaining."""
    gain = errors[-2] - errors[-1] if len(errors) > 1 else 0.0
    if gain >= CP_TOLERANCE:
        _log.warning(
            "CP of rank %d was stopped after %d iterations at an error of %.3g, where "
            "the last ones still gained %.2g: expected below %g; raise CP_ITERATIONS",
            *(rank, CP_ITERATIONS, errors[-1], gain, CP_TOLERANCE),
        )
