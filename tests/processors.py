"""What the processor that runs the tests can do, for those of what others cannot."""

import platform
from pathlib import Path

import pytest
import torch


def _flags() -> set[str]:
    try:
        return set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return set()


SATURATES = platform.machine() == "x86_64" and not _flags() & {
    "avx512_vnni",
    "avx_vnni",
}
needs_whole_sums = pytest.mark.skipif(
    SATURATES,
    reason="products of u8 and s8 are added up in 16 bits on x86 without VNNI, and "
    "saturate: int8 gives other values here",
)
HAS_BF16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
