import importlib.metadata
import sys

import pytest

from harness.observe import software

SHOWN = """PyTorch built with:
  - GCC 13.3
  - Intel(R) oneAPI Math Kernel Library Version 2024.2-Product Build 20240605 for
  - Intel(R) MKL-DNN v3.12.0 (Git Hash 80afa71049cd)
  - OpenMP 201511 (a.k.a. OpenMP 4.5)
  - CPU capability usage: AVX512
  - Build settings: BLAS_INFO=mkl, CXX_FLAGS=-I/home/somebody/build, BUILD_TYPE=Release
"""


def test_torchs_description_gives_its_libraries_and_no_path():
    found = software.parse_torch_config(SHOWN)
    assert found == {
        "blas": "mkl",
        "mkl": "2024.2-Product",
        "onednn": "3.12.0",
        "onednn_commit": "80afa71049cd",
        "openmp": "201511",
        "compiler": "GCC 13.3",
        "cpu_capability": "AVX512",
    }


def test_an_unknown_description_gives_nones():
    assert set(software.parse_torch_config("something new").values()) == {None}


def test_a_subprocess_without_torch_gives_none(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    assert software.software_in_subprocess(str(broken)) is None


def test_a_subprocess_that_hangs_gives_none(tmp_path):
    slow = tmp_path / "python"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    assert software.software_in_subprocess(str(slow), timeout_s=0.1) is None


def test_torch_describes_itself_in_a_subprocess():
    found = software.software_in_subprocess(sys.executable)
    installed = importlib.metadata.version("torch")
    assert found["version"].partition("+")[0] == installed.partition("+")[0]
    assert found["threads"] >= 1


def test_only_installed_libraries_are_listed():
    found = software.libraries(["pytest", "no-such-library"])
    assert found == {"pytest": pytest.__version__}
