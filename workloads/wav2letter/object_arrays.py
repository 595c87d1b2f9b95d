"""Reading numpy files of arrays within arrays, and nothing else that they may hold.

A `.npy` file of unequal arrays is a pickle, and a pickle can run any program. The
reader here builds arrays, numbers, strings and lists, and stops at whatever else a file
asks for. It reads what numpy wrote under Python 2 as well.
"""

import os
import pickle
import struct
import tokenize
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from workloads.wav2letter import array_pickle
from workloads.wav2letter.array_pickle import ForbiddenError, checked_count

_READ_HEADER = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}
_BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
    tokenize.TokenError,
)


def read(path: Path) -> np.ndarray:
    """The array in a `.npy` file, whose elements may be arrays, strings or numbers.

    Raises ValueError, naming the file, if it is none, is damaged, or asks for anything
    but arrays, numbers and strings.
    """
    with path.open("rb") as file:
        try:
            return _read(file)
        except ForbiddenError as error:
            raise ValueError(
                f"{path} asks to load {error}, expected arrays, numbers and strings "
                "alone: do not use this file, it could run a program"
            ) from error
        except _BROKEN as error:
            why = str(error) or type(error).__name__
            raise ValueError(
                f"cannot read {path} as a numpy array ({why}): replace the file"
            ) from error


def _read(file: IO[bytes]) -> np.ndarray:
    version = npy.read_magic(file)
    if version not in _READ_HEADER:
        raise ValueError(f"its format has version {version}, expected (1, 0) or (2, 0)")
    shape, fortran, dtype = _READ_HEADER[version](file)
    left_bytes = os.fstat(file.fileno()).st_size - file.tell()
    if dtype.char != "O":
        return _read_plain(file, shape, fortran, dtype, left_bytes)
    array = array_pickle.load(file, left_bytes)
    if not isinstance(array, np.ndarray) or array.shape != shape:
        raise ValueError(f"it promises an array of shape {shape} and holds another")
    return array


def _read_plain(
    file: IO[bytes],
    shape: tuple[int, ...],
    fortran: bool,
    dtype: np.dtype,
    left_bytes: int,
) -> np.ndarray:
    """Numbers and strings, just as many bytes as the header promises."""
    checked = array_pickle.plain_dtype(dtype.str.lstrip("<>|="), None)
    wanted_bytes = checked_count(shape) * checked.itemsize
    if wanted_bytes > left_bytes:
        raise ValueError(
            f"it promises an array of shape {shape} and {dtype}, {wanted_bytes} bytes, "
            f"and holds {left_bytes}"
        )
    array = np.frombuffer(file.read(wanted_bytes), dtype=dtype).copy()
    if dtype.kind == "U":
        array_pickle.check_text(array)
    return array.reshape(shape, order="F" if fortran else "C")
