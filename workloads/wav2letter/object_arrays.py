"""Reading numpy files of arrays within arrays, and nothing else that they may hold.

A `.npy` file of unequal arrays is a pickle, and a pickle can run any program. So the
reader here calls nothing that a pickle names: it notes the calls, and makes arrays,
numbers and strings of those that numpy writes (NEP 1, `numpy.ndarray.__reduce__`).
numpy itself would take an array's state for true: one that says "objects" of a block of
bytes, or promises more elements than it brings, makes it follow pointers that the file
chose. What numpy wrote under Python 2 is read as well.
"""

from __future__ import annotations

import os
import pickle
import re
import struct
import tokenize
from dataclasses import dataclass
from math import prod
from pathlib import Path
from reprlib import repr as brief
from typing import IO, Any, ClassVar

import numpy as np
from numpy.lib import format as npy

PLAIN = re.compile("[?]|b1|[iu][1248]|f[248]|[US][1-9][0-9]{0,6}")
OBJECTS = ("O", "O4", "O8")
BYTE_ORDERS = ("<", ">", "|", "=")
DEEPEST = 8  # arrays and lists within one another
AMPLIFICATION = 64  # how many times the file's bytes a value may hold: an element that
# is mentioned again takes two bytes
LARGEST_CODE_POINT = 0x10FFFF
_READ_HEADER = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
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


class ForbiddenError(Exception):
    """The pickle names something that is neither array, number nor string."""


def read(path: Path) -> np.ndarray:
    """The array in a `.npy` file, whose elements may be arrays, numbers, strings or
    lists of them. What Python 2 calls `str` comes as bytes.

    Raises ValueError, naming the file, if it is none, is damaged, or asks for anything
    else.
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
    if dtype.char != "O":
        count = _count(shape)
        data = file.read()[: count * dtype.itemsize]
        flat = _plain(data, dtype.str[1:], dtype.str[0], count)
        return flat.reshape(shape, order="F" if fortran else "C")
    left_bytes = os.fstat(file.fileno()).st_size - file.tell()
    allowance = _Allowance(AMPLIFICATION * left_bytes)
    found = _Unpickler(file, allowance).load()
    array = _Maker(allowance).value(found, 0)
    if not isinstance(array, np.ndarray) or array.shape != shape:
        raise ValueError(f"it promises an array of shape {shape} and holds another")
    return array


@dataclass
class _Allowance:
    """How many bytes and elements a file's values may yet hold."""

    left: int

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise ValueError("the same values again and again, more than a file may")


@dataclass(frozen=True)
class _Function:
    """What a pickle would call."""

    name: str

    def __repr__(self) -> str:
        return self.name


@dataclass(eq=False, repr=False)
class _Call:
    """What numpy would make, and the state that the pickle gives it."""

    function: str
    arguments: tuple[Any, ...]
    state: tuple[Any, ...] | None = None

    def __repr__(self) -> str:
        return self.function


_FUNCTIONS = {
    ("numpy", "dtype"): "dtype",
    ("numpy", "ndarray"): "ndarray",
    ("numpy._core.multiarray", "_reconstruct"): "array",
    ("numpy._core.multiarray", "scalar"): "scalar",
    ("numpy.core.multiarray", "_reconstruct"): "array",  # until numpy 1
    ("numpy.core.multiarray", "scalar"): "scalar",
    # Python 3 writes bytes with these in protocol 2, the second for b"".
    ("_codecs", "encode"): "encode",
    ("builtins", "bytes"): "bytes",
    ("__builtin__", "bytes"): "bytes",
}


class _Unpickler(pickle._Unpickler):
    """pickle's own reader in Python: the one in C keeps what is mentioned again in a
    list, which a file may ask to be of 64 GB."""

    stack: list[Any]

    def __init__(self, file: IO[bytes], allowance: _Allowance) -> None:
        super().__init__(file, encoding="bytes")
        self._allowance = allowance

    def find_class(self, module_name: str, global_name: str) -> _Function:
        name = _FUNCTIONS.get((module_name, global_name))
        if name is None:
            raise ForbiddenError(f"{module_name}.{global_name}")
        return _Function(name)

    def note_call(self) -> None:
        arguments = self.stack.pop()
        match self.stack[-1], arguments:
            case _Function("encode"), (str() as text, "latin1"):
                self._allowance.spend(len(text))
                self.stack[-1] = text.encode("latin1")
            case _Function("encode"), (_, encoding):
                raise ValueError(
                    f"bytes in the encoding {brief(encoding)}, expected latin1"
                )
            case _Function("bytes"), ():
                self.stack[-1] = b""
            case _Function(name), tuple():
                self.stack[-1] = _Call(name, arguments)
            case called, _:
                raise ValueError(f"it calls {brief(called)} with {brief(arguments)}")

    def note_state(self) -> None:
        state = self.stack.pop()
        match self.stack[-1], state:
            case _Call(state=None) as call, tuple():
                call.state = state
            case other, _:
                raise ValueError(f"it gives {brief(other)} the state {brief(state)}")

    def refuse_bytearray(self) -> None:
        """pickle makes one of the length that the file promises, before it reads."""
        raise ValueError("a bytearray, expected arrays, numbers and strings")

    dispatch: ClassVar[dict[int, Any]] = {
        **pickle._Unpickler.dispatch,
        pickle.REDUCE[0]: note_call,
        pickle.BUILD[0]: note_state,
        pickle.BYTEARRAY8[0]: refuse_bytearray,
    }


class _Maker:
    """Makes values of noted calls."""

    def __init__(self, allowance: _Allowance) -> None:
        self._spend = allowance.spend
        self._made: dict[_Call, np.ndarray] = {}  # an array may be mentioned again

    def value(self, found: object, depth: int) -> Any:
        """ValueError for what is no array, number, string or list, too deep, or too
        large."""
        self._spend(1)
        if depth > DEEPEST:
            raise ValueError(f"lists and arrays more than {DEEPEST} deep")
        match found:
            case str() | bytes():
                self._spend(len(found))
                return found
            case int() | float():
                return found
            case list() | tuple():
                return [self.value(one, depth + 1) for one in found]
            case _Call("scalar", (dtype, data)):
                flat = _plain(data, *_named(dtype), 1)
                self._spend(flat.nbytes)
                return flat[0]
            case _Call("array", (_Function("ndarray"), _, _)):
                return self._array(found, depth)
            case _Call() | _Function():
                kind = repr(found)
            case _:
                kind = type(found).__name__
        raise ValueError(f"a {kind}, expected arrays, numbers and strings")

    def _array(self, found: _Call, depth: int) -> np.ndarray:
        if (before := self._made.get(found)) is not None:
            self._spend(before.nbytes + before.size)
            return before
        match found.state:
            case (_, tuple() as shape, dtype, (0 | 1) as fortran, data):
                count, (name, order) = _count(shape), _named(dtype)
            case state:
                raise ValueError(f"an array of the state {brief(state)}")
        if name not in OBJECTS:
            flat = _plain(data, name, order, count)
            self._spend(flat.nbytes)
        elif isinstance(data, list) and len(data) == count:
            flat = np.empty(count, dtype=object)
            for position, one in enumerate(data):
                flat[position] = self.value(one, depth + 1)
        else:
            raise ValueError(f"an array of shape {shape} of {brief(data)}")
        self._made[found] = flat.reshape(shape, order="F" if fortran else "C")
        return self._made[found]


def _named(dtype: object) -> tuple[str, str]:
    """A dtype's name and byte order; its state may say nothing beyond: no parts, no
    fields."""
    match dtype:
        case _Call("dtype", (name, *_), None):
            return _text(name), "="
        case _Call("dtype", (name, *_), (3, order, None, None, None, *_)):
            return _text(name), _text(order)
        case _Call("dtype", (name, *_)):
            raise ValueError(f"the dtype {brief(name)} has parts, expected none")
    raise ValueError(f"a dtype is {brief(dtype)}")


def _text(found: object) -> str:
    text = found.decode("ascii") if isinstance(found, bytes) else found
    if not isinstance(text, str):
        raise ValueError(f"the dtype {brief(found)}")
    return text


def _plain(data: object, name: str, order: Any, count: int) -> np.ndarray:
    """Numbers or strings (count,); ValueError where a string holds no characters."""
    if not PLAIN.fullmatch(name):
        raise ValueError(f"the dtype {name!r:.60}, expected numbers or strings")
    if order not in BYTE_ORDERS:
        raise ValueError(f"the byte order {order!r:.60}, expected <, >, | or =")
    dtype = np.dtype(name).newbyteorder(order)
    wanted = count * dtype.itemsize
    if not isinstance(data, bytes):
        raise ValueError(f"it promises {count} elements of {dtype}: {brief(data)}")
    if len(data) != wanted:
        raise ValueError(
            f"it promises {count} elements of {dtype}, {wanted} bytes, and holds "
            f"{len(data)}"
        )
    array = np.frombuffer(data, dtype).copy()
    if dtype.kind == "U":
        codes = array.view(dtype.byteorder.replace("|", "=") + "u4")
        if array.size and int(codes.max()) > LARGEST_CODE_POINT:
            raise ValueError(f"a string with the character {int(codes.max()):#x}")
    return array


def _count(shape: tuple[Any, ...]) -> int:
    """The elements of an array of that shape; ValueError where it is none."""
    if any(type(length) is not int or length < 0 for length in shape):
        raise ValueError(f"an array of shape {brief(shape)}")
    return prod(shape)
