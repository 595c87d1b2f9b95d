"""Made models, kept: each is made once, in a process of its own, and always checked."""

import hashlib
import importlib.metadata
import json
import logging
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from basics.files import file_sha256
from workloads.compression.step import Compression
from workloads.corpora import cache
from workloads.elsewhere import ElsewhereError, check_importable, run_elsewhere
from workloads.sources import code_sha256

LIBRARIES = ("onnx", "onnxruntime", "tensorly", "torch", "torchao", "torchmetrics")
_READABLE = 24  # characters: longer parts of a key, such as checksums, are only hashed
_log = logging.getLogger("speechmark")


def made(
    key: Mapping[str, str],
    make: Callable[..., None],
    arguments: Sequence[Any] = (),
    variables: Mapping[str, str] | None = None,
) -> Path:
    """The folder with what `make(folder, *arguments)` wrote into it, now or before.

    `key` names all that the content depends on, such as the checksum of the weights
    and the compression; the versions of the libraries and the code that makes models
    are added here, that of the arguments' classes too. `make` is a function of a
    module's top level, and it writes files, not folders; `variables` are set in the
    environment of its process. Each use verifies the files; damaged ones are made anew,
    with a warning to the logger `speechmark`. Several processes may call this at once:
    one of them makes it, the others wait.

    Raises ElsewhereError if making fails, ValueError if `make` cannot be found by
    another process.
    """
    identity = {**key, **_circumstances(make, arguments)}
    folder = cache.default_cache_dir() / "compressed" / folder_name(key, identity)
    if _fault(folder) is None:
        return folder
    with cache.one_maker(folder):
        fault = _fault(folder)
        if fault is None:  # another process was at it
            return folder
        if folder.exists():
            _log.warning("%s: %s is made anew", fault, folder.name)
        with cache.rebuilt(folder) as building:
            run_elsewhere(make, (building, *arguments), folder.name, variables)
            if not any(building.iterdir()):
                raise ElsewhereError(
                    f"{folder.name} cannot be made: {make.__qualname__} wrote no file"
                )
            _seal(building, identity)
    return folder


def folder_name(key: Mapping[str, str], identity: Mapping[str, str]) -> str:
    """The short parts of the key, to be read, and the hash of everything.

    >>> folder_name({"model": "tiny", "compression": "int8-dynamic"}, {})
    'tiny-int8-dynamic-44136fa355b3678a'
    """
    parts = [part for part in key.values() if 0 < len(part) <= _READABLE]
    readable = re.sub(r"[^A-Za-z0-9.+-]+", "_", "-".join(parts))
    content = json.dumps(dict(identity), sort_keys=True).encode("ascii")
    return f"{readable}-{hashlib.sha256(content).hexdigest()[:16]}"


def _circumstances(
    make: Callable[..., None], arguments: Sequence[Any]
) -> dict[str, str]:
    """Which libraries and which code would make it: all that its module imports of the
    project, and those of the arguments' classes and of their steps, and nothing
    else."""
    check_importable(make)
    given = [one for one in arguments if isinstance(one, Compression)]
    parts = [*arguments, *(step for one in given for step in one.steps)]
    names = sorted({make.__module__, *map(_module_of, parts)} - {"builtins"})
    codes = [code_sha256(Path(str(sys.modules[name].__file__))) for name in names]
    return {
        "made_by": f"{make.__module__}:{make.__qualname__}",
        "code_sha256": " ".join(codes),
        **{f"{library}_version": _version(library) for library in LIBRARIES},
    }


def _module_of(argument: Any) -> str:
    """Of the argument's class, "builtins" where its code is no part of a model."""
    name = type(argument).__module__
    foreign = name.split(".")[0] in (*sys.stdlib_module_names, "numpy", "torch")
    return "builtins" if foreign else name


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _fault(folder: Path) -> str | None:
    """What keeps a folder from being used."""
    try:
        manifest, _ = cache.read_manifest(folder)
    except ValueError as error:
        return str(error)
    faults = cache.damaged_files(folder, manifest["files"])
    return next((f"{folder / name} is {fault}" for name, fault in faults.items()), None)


def _seal(building: Path, identity: Mapping[str, str]) -> None:
    files = {path.name: file_sha256(path) for path in sorted(building.iterdir())}
    cache.write_manifest(building, {"key": dict(identity), "files": files})
