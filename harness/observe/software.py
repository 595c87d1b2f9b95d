"""The software that a result belongs to: versions, builds, settings."""

import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from harness.environment import inherited
from harness.suite import python_environment

LIBRARIES = (
    *("torch", "torchaudio", "torchao", "intel-extension-for-pytorch", "onednn"),
    *("numpy", "scipy", "mkl", "onnx", "onnxruntime", "onnxruntime-gpu", "openvino"),
    *("nncf", "triton", "flashlight-text", "kaldi-decoder", "kaldifst"),
    *("fast-ctc-decode", "jiwer", "torchmetrics", "tensorly"),
    *("soundfile", "safetensors", "nvidia-ml-py", "psutil", "pytest-benchmark"),
)


def libraries(names: Sequence[str] = LIBRARIES) -> dict[str, str]:
    """Versions of those that are installed, without importing any."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def parse_torch_config(text: str) -> dict[str, str | None]:
    """BLAS, oneDNN and kernels out of `torch.__config__.show()`, which has paths too.

    >>> parse_torch_config("  - CPU capability usage: AVX512")["cpu_capability"]
    'AVX512'
    """
    patterns = {
        "blas": r"BLAS_INFO=(\w+)",
        "mkl": r"Math Kernel Library Version (\S+)",
        "onednn": r"MKL-DNN v(\S+)",
        "onednn_commit": r"MKL-DNN v\S+ \(Git Hash (\w+)",
        "openmp": r"OpenMP (\d+)",
        "compiler": r"- ((?:GCC|Clang|MSVC)\b[^\n]*)",
        "cpu_capability": r"CPU capability usage: (\S+)",
    }
    found = {name: re.search(pattern, text) for name, pattern in patterns.items()}
    return {name: match[1].strip() if match else None for name, match in found.items()}


def software_from_torch() -> dict[str, Any]:
    """torch's builds and threads, under the caps of the process that calls this.

    Imports torch: for a worker, never for the parent.
    """
    import torch

    return {
        **parse_torch_config(torch.__config__.show()),
        "version": str(torch.__version__),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
    }


def software_in_subprocess(
    interpreter: str = sys.executable, timeout_s: float = 120.0
) -> dict[str, Any] | None:
    """`software_from_torch()` in a process of its own, None where torch fails."""
    code = (
        "import json; from harness.observe.software import software_from_torch; "
        "print(json.dumps(software_from_torch()))"
    )
    environment = {**inherited(), **python_environment()}
    try:
        done = subprocess.run(
            [interpreter, "-c", code],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=True,
            env=environment,
        )
        return dict(json.loads(done.stdout.splitlines()[-1]))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
