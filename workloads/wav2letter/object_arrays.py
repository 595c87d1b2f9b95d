"""Reading numpy files of arrays within arrays, and nothing else that they may hold.

A `.npy` file of unequal arrays is a pickle, and a pickle can run any program. The
reader here builds arrays, numbers, strings and lists, and stops at whatever else a file
asks for. It reads what numpy wrote under Python 2 as well.
"""

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

_READ_HEADER = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}
_BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)


def _encode(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes in a pickle of protocol 2."""
    if encoding != "latin1":
        raise ValueError(f"bytes in the encoding {encoding!r}, expected latin1")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """How Python 3 writes b"" in a pickle of protocol 2."""
    return b""


# What numpy itself names in a pickle of an array and of a number.
_RECONSTRUCT: Any = np.zeros(0).__reduce__()[0]
_SCALAR: Any = np.float64(0).__reduce__()[0]
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "scalar"): _SCALAR,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,  # until numpy 1
    ("numpy.core.multiarray", "scalar"): _SCALAR,
    ("_codecs", "encode"): _encode,
    ("builtins", "bytes"): _no_bytes,
    ("__builtin__", "bytes"): _no_bytes,
}


class _ForbiddenError(Exception):
    """The pickle names something that is neither array, number nor string."""


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        allowed = _ALLOWED.get((module_name, global_name))
        if allowed is None:
            raise _ForbiddenError(f"{module_name}.{global_name}")
        return allowed


def read(path: Path) -> np.ndarray:
    """The array in a `.npy` file, whose elements may be arrays, strings or numbers.

    Raises ValueError, naming the file, if it is none, is damaged, or asks for anything
    but arrays, numbers and strings.
    """
    with path.open("rb") as file:
        try:
            return _read(file)
        except _ForbiddenError as error:
            raise ValueError(
                f"{path} asks to load {error}, expected arrays, numbers and strings "
                "alone: do not use this file, it could run a program"
            ) from error
        except _BROKEN as error:
            raise ValueError(
                f"cannot read {path} as a numpy array ({error}): replace the file"
            ) from error


def _read(file: IO[bytes]) -> np.ndarray:
    version = npy.read_magic(file)
    if version not in _READ_HEADER:
        raise ValueError(f"its format has version {version}, expected (1, 0) or (2, 0)")
    shape, _, dtype = _READ_HEADER[version](file)
    if not dtype.hasobject:
        file.seek(0)
        return npy.read_array(file, allow_pickle=False)
    # "bytes": what Python 2 calls str comes as bytes, for the caller to decode.
    array = _ArrayUnpickler(file, encoding="bytes").load()
    if not isinstance(array, np.ndarray) or array.shape != shape:
        raise ValueError(f"it promises an array of shape {shape} and holds another")
    return array


def write(path: Path, elements: Sequence[Any]) -> None:
    """Write the elements as an array of objects of shape (len(elements),)."""
    array = np.empty(len(elements), dtype=object)
    for position, element in enumerate(elements):
        array[position] = element
    np.save(path, array, allow_pickle=True)
