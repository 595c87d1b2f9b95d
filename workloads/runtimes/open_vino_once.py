"""Runs an OpenVINO model once: the process whose log names the kernels of oneDNN.

    python -m workloads.runtimes.open_vino_once \\
        MODEL PRECISION THREADS FEATURES SHAPES

FEATURES is a .npy file. SHAPES is "this" for a model of their shape alone, else "any".
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from workloads.runtimes.open_vino import OpenVinoSession


def main(arguments: list[str]) -> None:
    path, precision, threads, file, shapes = arguments
    features = np.load(file)
    shape = features.shape if shapes == "this" else None
    session = OpenVinoSession(Path(path), precision, int(threads), shape)
    session.run(session.prepare(features))


if __name__ == "__main__":
    main(sys.argv[1:])
