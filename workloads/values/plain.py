"""Outputs in fp32 on a plain path, made once in a process of its own.

Plain: torch's own kernels and MKL's products below AVX-512, nothing of oneDNN, whose
kernels for single instruction sets are what is to be proven.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workloads.compression.artifacts import made
from workloads.corpora.cache import arrays_sha256

OUTPUTS = "outputs.npz"
CAPS = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    # A recurrent layer without oneDNN is many small products: beside other load, two
    # threads that wait for each other took 20 times as long as one.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
DESCRIPTION = "torch in fp32 without oneDNN, below AVX-512"


def plain_outputs(
    key: Mapping[str, str],
    write_into: Callable[..., None],
    arguments: Sequence[Any],
    arrays: Sequence[np.ndarray],
) -> dict[str, np.ndarray]:
    """What `write_into(folder, *arguments, arrays)` wrote by `write`, now or before.

    `key` names all that outputs depend on but the input `arrays`.
    """
    key = {**key, "plain": "outputs", "inputs": arrays_sha256(arrays)}
    arguments = (*arguments, list(arrays))
    folder = made(key, write_into, arguments, variables=CAPS)
    with np.load(folder / OUTPUTS) as kept:
        return {name: kept[name] for name in kept.files}


def write(folder: Path, compute: Callable[[], Mapping[str, np.ndarray]]) -> None:
    """Write the outputs that `compute` gives by name, in a process whose environment
    has the CAPS."""
    from workloads.values.layers import without_onednn

    with without_onednn():
        np.savez(folder / OUTPUTS, **compute())  # type: ignore[arg-type]
