"""What a worker inherits of the environment of whoever starts the suite.

Libraries read hundreds of variables, and many of them change what is computed, by which
instructions or on how many threads. A list of those that are harmful is never complete,
so this is a list of those that are let through: what finds programs, files and caches,
and what says which GPUs there are. Whatever else shall reach a worker is passed by name
(`--env NAME=VALUE`), and then stands in each record and makes it other work.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from harness.hardware import SET_BY_HARDWARE
from harness.text import quoted

INHERITED = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ"),
    *("TMPDIR", "TEMP", "TMP"),
    *("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"),
    *("PYTHONUTF8", "PYTHONIOENCODING"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"),
    *("SPEECHMARK_CACHE", "TORCH_HOME", "HF_HOME"),
    *("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"),
    # The compiler of compiled models, and where it finds headers and libraries.
    *("CC", "CXX", "CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH"),
    *("CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH"),
)
INHERITED_PREFIXES = ("LC_",)
# Of those that are inherited, these can change which code runs: records hold them.
RECORDED = ("CC", "CXX", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH")
# Of those that are not, these would change what is timed: doctor names them.
_STEERING = re.compile(
    "(OMP|GOMP|KMP|LIBOMP|MKL|DNNL|ONEDNN|OPENBLAS|GOTO|BLIS|VECLIB|NUMEXPR|ATEN|TORCH"
    "|TORCHINDUCTOR|PYTORCH|TRITON|CUDA|CUDNN|CUBLAS|NVIDIA|NCCL|ORT|ONNXRUNTIME|OV"
    "|OPENVINO|TBB|MALLOC|GLIBC|LD|NUMPY|NPY)_.*|LD_PRELOAD"
)
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,199}")
MOST_NAMES = 500  # in a record


@dataclass(frozen=True)
class Variables:
    """A worker's environment, as its record tells it: no value that may be secret, and
    no path, for results get published.

    `set` are the hardware's own and the passed ones, `told` those inherited that can
    change which code runs; `inherited` and `dropped` are names alone.
    """

    set: Mapping[str, str]
    passed: Mapping[str, str]
    told: Mapping[str, str]
    inherited: Sequence[str]
    dropped: Sequence[str]


def inherited(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What of an environment every process gets that makes or times something."""
    return {name: v for name, v in environment.items() if is_inherited(name)}


def is_inherited(name: str) -> bool:
    """
    >>> is_inherited("PATH"), is_inherited("LC_ALL"), is_inherited("OMP_THREAD_LIMIT")
    (True, True, False)
    """
    return name in INHERITED or name.startswith(INHERITED_PREFIXES)


def steering(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Names that change what libraries do, and that no worker inherits."""
    return sorted(
        name
        for name in environment
        if _STEERING.fullmatch(name) and not is_inherited(name)
    )


def variables(
    hardware: Mapping[str, str],
    passed: Mapping[str, str],
    environment: Mapping[str, str] = os.environ,
) -> Variables:
    """How a worker's environment came about."""
    names = sorted(environment)
    return Variables(
        set=dict(hardware),
        passed=public(passed),
        told=recorded(environment),
        inherited=[name for name in names if is_inherited(name)],
        dropped=[name for name in names if not is_inherited(name)][:MOST_NAMES],
    )


def recorded(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The inherited variables that can change which code runs."""
    return public(
        {name: environment[name] for name in RECORDED if environment.get(name)}
    )


def public(values: Mapping[str, str]) -> dict[str, str]:
    """Without folders: of a path its last part and a digest, which tells two apart."""
    return {name: _without_paths(value) for name, value in values.items()}


def _without_paths(value: str) -> str:
    """
    >>> _without_paths("1"), _without_paths("/home/me/lib:/opt/x/lib64")
    ('1', 'lib-0cd3b468:lib64-bd7874d7')
    """
    return re.sub("(?<![^:;,= ])/[^:;,= ]+", lambda path: label(path[0]), value)


def label(path: str) -> str:
    """The last part of a path, and a digest of it: two may share a name, and a result
    that gets published must not tell the path.

    >>> label("/home/me/lib")
    'lib-0cd3b468'
    """
    digest = hashlib.sha256(path.encode()).hexdigest()
    return f"{PurePath(path).name}-{digest[:8]}"


def parse_passed(texts: Sequence[str]) -> dict[str, str]:
    """The variables of `--env NAME=VALUE`; ValueError for what is none, and for what a
    case's hardware sets itself.

    >>> parse_passed(["KMP_BLOCKTIME=0", "A="])
    {'KMP_BLOCKTIME': '0', 'A': ''}
    """
    passed: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise ValueError(
                f"--env {quoted(text, 80)}: expected NAME=VALUE, with letters, digits "
                "and '_' in the name"
            )
        if name in SET_BY_HARDWARE:
            raise ValueError(
                f"--env {quoted(text, 80)}: a case's hardware sets {name}: ask for it "
                "by --hardware, as cpu:threads=N or cpu:isa=NAME"
            )
        if passed.setdefault(name, value) != value:
            raise ValueError(f"--env gives {name} two values: expected one")
    return passed


def restart_with(variables: Mapping[str, str]) -> None:
    """This program from its start, where its environment lacks any of these: libraries
    of C read some of them before Python runs."""
    if any(os.environ.get(name) != value for name, value in variables.items()):
        command = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **variables})
