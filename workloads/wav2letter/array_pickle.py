"""Pickles of arrays within arrays, read without numpy's own way of building them.

numpy takes the state that a pickle gives an array or a dtype for true: one that says
"objects" of a block of bytes, or promises more elements than it brings, makes numpy
follow pointers that the file chose. So nothing of numpy is built while the pickle runs.
It leaves plain stand-ins, each of which checks its state against a closed list of what
numpy writes (NEP 1, and `numpy.ndarray.__reduce__`); arrays are made of those.

Stand-ins cannot be changed by the pickle either: whatever it builds on is one of them,
or a value without attributes.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import IO, Any

import numpy as np

PLAIN = re.compile("[?]|b1|[iu][1248]|f[248]|[US][1-9][0-9]{0,6}")
OBJECT = re.compile("O[48]?")
ORDERS = ("<", ">", "|", "=")
DEEPEST = 8  # arrays and lists within one another
AMPLIFICATION = 64  # how many times the file's bytes a value may hold: an element that
# is mentioned again takes two bytes
LARGEST_CODE_POINT = 0x10FFFF


class ForbiddenError(Exception):
    """The pickle names something that is neither array, number nor string."""


class _Callable:
    """Something that a pickle may call, and nothing more."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def __call__(self, *arguments: Any) -> Any:
        return self.call(*arguments)

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("it gives a function a state")


class _StandIn:
    """Takes one state, as numpy's own `__setstate__` would, and keeps it."""

    __slots__ = ("state", "text")

    def __init__(self, text: str = "") -> None:
        self.text = text  # of a dtype
        self.state: tuple[Any, ...] | None = None

    def __setstate__(self, state: object) -> None:
        if self.state is not None or not isinstance(state, tuple):
            raise pickle.UnpicklingError(f"it gives an array the state {state!r:.60}")
        self.state = state


class _DType(_StandIn):
    __slots__ = ()


class _Array(_StandIn):
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Scalar:
    dtype: object
    data: object


_NDARRAY = object()  # what arrays are an instance of


def _dtype(text: object, *flags: object) -> _DType:
    name = text.decode("ascii") if isinstance(text, bytes) else text
    if not isinstance(name, str) or any(flag not in (0, 1) for flag in flags):
        raise pickle.UnpicklingError(f"a dtype of {text!r:.60}")
    return _DType(name)


def _reconstruct(kind: object, shape: object, code: object) -> _Array:
    if kind is not _NDARRAY:
        raise pickle.UnpicklingError(f"an array of the class {kind!r:.60}")
    return _Array()


def _encode(text: object, encoding: object) -> bytes:
    """How Python 3 writes bytes in a pickle of protocol 2."""
    if encoding != "latin1" or not isinstance(text, str):
        raise ValueError(f"bytes in the encoding {encoding!r:.60}, expected latin1")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """How Python 3 writes b"" in a pickle of protocol 2."""
    return b""


_CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): _dtype,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "scalar"): _Scalar,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,  # until numpy 1
    ("numpy.core.multiarray", "scalar"): _Scalar,
    ("_codecs", "encode"): _encode,
    ("builtins", "bytes"): _no_bytes,
    ("__builtin__", "bytes"): _no_bytes,
}


class _Unpickler(pickle._Unpickler):
    """pickle's own reader in Python: the one in C keeps what is mentioned again in a
    list, which a file may ask to be of 64 GB."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) == ("numpy", "ndarray"):
            return _NDARRAY
        call = _CALLS.get((module_name, global_name))
        if call is None:
            raise ForbiddenError(f"{module_name}.{global_name}")
        return _Callable(call)

    def persistent_load(self, pid: object) -> Any:
        raise pickle.UnpicklingError("it refers to what another file holds")


def load(file: IO[bytes], size_bytes: int) -> Any:
    """The value of a pickle of `size_bytes`: arrays, numbers, strings, lists of them.

    What Python 2 calls `str` comes as bytes, for the caller to decode. Raises
    ForbiddenError where the pickle names anything else, and ValueError, MemoryError,
    RecursionError or one of pickle's errors where it is damaged.
    """
    found = _Unpickler(file, encoding="bytes").load()
    return _Maker(AMPLIFICATION * size_bytes).value(found, 0)


class _Maker:
    """Makes values of stand-ins, of no more than so many bytes and elements."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._made: dict[int, np.ndarray] = {}  # an array may be mentioned again

    def value(self, found: object, depth: int) -> Any:
        """ValueError for what is none of them, too deep, or too large."""
        self._spend(1)
        if depth > DEEPEST:
            raise ValueError(f"lists and arrays more than {DEEPEST} deep")
        if type(found) in (str, bytes, int, float, bool):
            return found
        if isinstance(found, list | tuple):
            return [self.value(one, depth + 1) for one in found]
        if isinstance(found, _Scalar):
            return self._scalar(found)
        if isinstance(found, _Array):
            return self._array(found, depth)
        kind = "function" if isinstance(found, _Callable) else type(found).__name__
        raise ValueError(f"a {kind.strip('_')}, expected arrays, numbers and strings")

    def _spend(self, size: int) -> None:
        self._budget -= size
        if self._budget < 0:
            raise ValueError("the same values again and again, more than a file may")

    def _array(self, found: _Array, depth: int) -> np.ndarray:
        made = self._made.get(id(found))
        if made is None:
            made = self._made[id(found)] = self._new_array(found, depth)
        else:
            self._spend(made.nbytes + made.size)
        return made

    def _new_array(self, found: _Array, depth: int) -> np.ndarray:
        state = found.state
        if state is None or len(state) != 5:
            raise ValueError("an array without a state of five fields")
        _, shape, dtype, fortran, data = state
        if fortran not in (0, 1) or not isinstance(dtype, _DType):
            raise ValueError(f"an array of dtype {dtype!r:.60}, order {fortran!r:.60}")
        count = checked_count(shape)
        if _is_object(dtype):
            return self._of_objects(data, shape, count, bool(fortran), depth)
        flat = self._plain(dtype, data, count)
        return flat.reshape(shape, order="F" if fortran else "C")

    def _of_objects(
        self,
        data: object,
        shape: tuple[int, ...],
        count: int,
        fortran: bool,
        depth: int,
    ) -> np.ndarray:
        if not isinstance(data, list) or len(data) != count:
            raise ValueError(f"an array of shape {shape} of {data!r:.60}")
        flat = np.empty(count, dtype=object)
        for position, one in enumerate(data):
            flat[position] = self.value(one, depth + 1)
        return flat.reshape(shape, order="F" if fortran else "C")

    def _scalar(self, found: _Scalar) -> Any:
        if not isinstance(found.dtype, _DType) or _is_object(found.dtype):
            raise ValueError(f"a number of dtype {found.dtype!r:.60}")
        return self._plain(found.dtype, found.data, 1)[0]

    def _plain(self, dtype: _DType, data: object, count: int) -> np.ndarray:
        made = plain_dtype(dtype.text, dtype.state)
        if not isinstance(data, bytes) or len(data) != count * made.itemsize:
            raise ValueError(f"{count} elements of {made} in {data!r:.60}")
        self._spend(len(data))
        array = np.frombuffer(data, dtype=made).copy()
        if made.kind == "U":
            check_text(array)
        return array


def check_text(array: np.ndarray) -> None:
    """ValueError where an array of strings holds what is no character."""
    codes = array.view(array.dtype.byteorder.replace("|", "=") + "u4")
    if array.size and int(codes.max()) > LARGEST_CODE_POINT:
        raise ValueError(f"a string with the character {int(codes.max()):#x}")


def checked_count(shape: object) -> int:
    """The elements of an array of that shape; ValueError where it is none."""
    if not isinstance(shape, tuple) or len(shape) > 32:
        raise ValueError(f"an array of shape {shape!r:.60}")
    if any(type(length) is not int or length < 0 for length in shape):
        raise ValueError(f"an array of shape {shape!r:.60}")
    return prod(shape)


def _is_object(dtype: _DType) -> bool:
    if not OBJECT.fullmatch(dtype.text):
        return False
    _checked_order(dtype.text, dtype.state)
    return True


def plain_dtype(text: str, state: tuple[Any, ...] | None) -> np.dtype:
    """A dtype of numbers, truth values or strings, by its name and its state."""
    if not PLAIN.fullmatch(text):
        raise ValueError(f"the dtype {text!r:.60}, expected numbers or strings")
    return np.dtype(text).newbyteorder(_checked_order(text, state))


def _checked_order(text: str, state: tuple[Any, ...] | None) -> Any:
    """The byte order of a dtype's state, which may say nothing beyond its name: no
    parts, no fields, no other size."""
    if state is None:
        return "="
    version, order, parts, names, fields = (*state, *[None] * 5)[:5]
    order = order.decode("ascii") if isinstance(order, bytes) else order
    if version != 3 or order not in ORDERS or parts or names or fields:
        raise ValueError(f"the dtype {text!r:.60} with the state {state!r:.60}")
    return order
