"""Files that numpy wrote, now and long ago, and files that nobody should open."""

import io
import os
import pickle
import struct
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from workloads.wav2letter import object_arrays

ELEMENTS = [
    np.arange(6, dtype=np.float32).reshape(3, 2),
    np.array([b"HELLO", b"WORLD"]),
    np.array(["HE", "YOU"]),
    np.array([b"A", "B"], dtype=object),
    b"bytes",
    b"",
    "text",
    ["A", "list"],
    7,
    np.float64(1.5),
]


class Python2Pickler(pickle._Pickler):  # type: ignore[misc,name-defined]
    """Writes bytes and text alike as Python 2 wrote its `str`."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)  # type: ignore[attr-defined]

    def save_python2_str(self, found):
        data = found if isinstance(found, bytes) else found.encode("latin1")
        if len(data) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(found)

    dispatch[bytes] = dispatch[str] = save_python2_str


def array_of(elements):
    array = np.empty(len(elements), dtype=object)
    for position, element in enumerate(elements):
        array[position] = element
    return array


def write_pickle(path, pickled, shape):
    header = {"descr": "|O", "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(pickled)


def assert_same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert type(one) is type(other)
        np.testing.assert_array_equal(one, other)


def test_what_is_written_is_read(tmp_path):
    object_arrays.write(tmp_path / "x.npy", ELEMENTS)
    assert_same(object_arrays.read(tmp_path / "x.npy"), ELEMENTS)


def test_arrays_of_one_shape_stay_an_array_of_arrays(tmp_path):
    same = [np.zeros((3, 2), np.float32), np.ones((3, 2), np.float32)]
    object_arrays.write(tmp_path / "x.npy", same)
    found = object_arrays.read(tmp_path / "x.npy")
    assert found.shape == (2,)
    assert_same(found, same)


@pytest.mark.parametrize("protocol", [0, 2, 3, 4])
def test_every_protocol_that_numpy_wrote_is_read(tmp_path, protocol):
    path = tmp_path / "x.npy"
    write_pickle(path, pickle.dumps(array_of(ELEMENTS), protocol), (len(ELEMENTS),))
    assert_same(object_arrays.read(path), ELEMENTS)


def test_a_file_of_python_2_is_read_with_its_strings_as_bytes(tmp_path):
    elements = [
        np.linspace(-1, 1, 400, dtype=np.float32).reshape(10, 40),
        np.array([b"HELLO", b"WORLD"]),
        b"A" * 300,
    ]
    buffer = io.BytesIO()
    Python2Pickler(buffer, protocol=2).dump(array_of(elements))
    pickled = buffer.getvalue().replace(b"numpy._core", b"numpy.core")
    assert b"_codecs" not in pickled
    path = tmp_path / "x.npy"
    write_pickle(path, pickled, (len(elements),))
    assert_same(object_arrays.read(path), elements)


def test_an_array_without_objects_is_read_too(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(3, dtype=np.float32))
    np.testing.assert_array_equal(object_arrays.read(tmp_path / "x.npy"), np.eye(3))


class Hostile:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def hostile_file(path, function, *arguments):
    elements = [np.zeros((3, 40)), Hostile(function, *arguments)]
    np.save(path, array_of(elements), allow_pickle=True)


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (os.mkdir, ("struck",), r"(posix|nt)\.mkdir"),
        (eval, ("__import__('os').mkdir('struck')",), r"builtins\.eval"),
        (getattr, ("", "upper"), r"builtins\.getattr"),
        (np.save, ("struck", 1), r"numpy\.save"),
        (Path, ("struck",), r"pathlib\.\S+"),
    ],
)
def test_a_file_that_could_run_a_program_is_refused_and_runs_none(
    tmp_path, monkeypatch, function, arguments, name
):
    monkeypatch.chdir(tmp_path)
    hostile_file(tmp_path / "x.npy", function, *arguments)
    with pytest.raises(ValueError, match=rf"x\.npy asks to load {name}, expected"):
        object_arrays.read(tmp_path / "x.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


def test_numpys_own_loader_would_have_run_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hostile_file(tmp_path / "x.npy", os.mkdir, "struck")
    np.load(tmp_path / "x.npy", allow_pickle=True)
    assert (tmp_path / "struck").is_dir()


def test_bytes_in_another_codec_are_refused(tmp_path):
    import codecs

    hostile_file(tmp_path / "x.npy", codecs.encode, "abc", "rot13")
    with pytest.raises(ValueError, match="encoding 'rot13', expected latin1"):
        object_arrays.read(tmp_path / "x.npy")


@pytest.mark.parametrize("keep", [0, 5, 60, 200, -1])
def test_a_truncated_file_is_named(tmp_path, keep):
    path = tmp_path / "x.npy"
    object_arrays.write(path, ELEMENTS)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"cannot read .*x\.npy as a numpy array"):
        object_arrays.read(path)


def test_a_file_that_holds_another_shape_than_promised_is_refused(tmp_path):
    path = tmp_path / "x.npy"
    write_pickle(path, pickle.dumps(array_of(ELEMENTS)[:3], 2), (5,))
    with pytest.raises(ValueError, match=r"promises an array of shape \(5,\)"):
        object_arrays.read(path)


def test_a_pickle_of_no_array_is_refused(tmp_path):
    path = tmp_path / "x.npy"
    write_pickle(path, pickle.dumps({"a": 1}), (1,))
    with pytest.raises(ValueError, match="holds another"):
        object_arrays.read(path)
