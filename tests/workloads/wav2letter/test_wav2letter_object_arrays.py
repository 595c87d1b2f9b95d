"""Files that numpy wrote, now and long ago, and files that nobody should open."""

import io
import os
import pickle
import struct
import tracemalloc
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from paper_arrays import ELEMENTS, array_of, write_objects

from workloads.wav2letter import object_arrays


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
    write_objects(tmp_path / "x.npy", ELEMENTS)
    assert_same(object_arrays.read(tmp_path / "x.npy"), ELEMENTS)


def test_arrays_of_one_shape_stay_an_array_of_arrays(tmp_path):
    same = [np.zeros((3, 2), np.float32), np.ones((3, 2), np.float32)]
    write_objects(tmp_path / "x.npy", same)
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
    write_objects(path, ELEMENTS)
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
    with pytest.raises(ValueError, match="a dict, expected arrays"):
        object_arrays.read(path)


def changed(pickled: bytes, before: bytes, after: bytes) -> bytes:
    assert before in pickled
    return pickled.replace(before, after)


ONE_NUMBER = pickle.dumps(np.array([7]), 2)
SCALAR = b"\x80\x02cnumpy.core.multiarray\nscalar\n"
ONE_OBJECT = pickle.dumps(array_of([1]), 2)


@pytest.mark.parametrize(
    ("pickled", "expected"),
    [
        (pickle.dumps(np.zeros(4, "V8,O"), 2), "the dtype 'V16'"),
        # A pointer of the file's choice, called an object.
        (changed(ONE_NUMBER, b"\x00i8", b"\x00O8"), "an array of shape"),
        # Five objects promised, one given.
        (changed(ONE_OBJECT, b"K\x01\x85", b"K\x05\x85"), "an array of shape"),
        (
            changed(pickle.dumps(np.array(["ab"]), 4), b"a\0\0\0", b"a\0\0\x7f"),
            "a string with the character 0x7f000061",
        ),
        (pickle.dumps([]), "holds another"),
        (b"\x80\x02Nr\xff\xff\xff\xff.", "a NoneType"),  # mentioned as number 2^32 - 1
        (b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f.", "."),  # 2^63 bytes
        (b"\x80\x02]q\x00h\x00a.", "more than 8 deep"),  # a list that holds itself
        (b"\x80\x02cnumpy\ndtype\n}X\x05\0\0\0_callNsb.", "gives dtype the state"),
        (b"\x80\x02cnumpy\ndtype\n.", "a dtype, expected arrays"),
        (b"\x80\x02cnumpy\ndtype\nK\x01R.", "calls dtype with 1"),
        (SCALAR + b"cnumpy\ndtype\nU\x011\x86R.", "a dtype is dtype"),
        (SCALAR + b"cnumpy\nndarray\n)RU\x011\x86R.", "a dtype is ndarray"),
        (changed(ONE_NUMBER, b"\x01\0\0\0<", b"\x01\0\0\0S"), "byte order 'S', exp"),
        (changed(ONE_NUMBER, b"\x01\0\0\0<", b"\x04\0\0\0swap"), "order 'swap'"),
    ],
)
def test_what_would_make_numpy_follow_a_pointer_or_fill_the_memory_is_refused(
    tmp_path, pickled, expected
):
    path = tmp_path / "x.npy"
    write_pickle(path, pickled, (1,))
    with pytest.raises(ValueError, match=rf"x\.npy .*{expected}"):
        object_arrays.read(path)


def test_an_array_mentioned_too_often_is_refused_before_it_fills_the_memory(tmp_path):
    path, shared = tmp_path / "x.npy", np.zeros(100_000, np.float32)
    write_pickle(path, pickle.dumps(array_of([shared] * 3), 4), (3,))
    assert len(object_arrays.read(path)) == 3
    write_pickle(path, pickle.dumps(array_of([shared] * 10_000), 4), (10_000,))
    with pytest.raises(ValueError, match="again and again"):
        object_arrays.read(path)


def test_a_bytearray_is_refused_before_memory_of_its_length_is_taken(tmp_path):
    path, length = tmp_path / "x.npy", 1 << 30
    write_pickle(path, b"\x80\x05\x96" + struct.pack("<Q", length) + b".", (1,))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"x\.npy .*a bytearray, expected arrays"):
            object_arrays.read(path)
        assert tracemalloc.get_traced_memory()[1] < length / 100
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", ["A" * 100_000, b"A" * 100_000], ids=["text", "bytes"])
def test_a_string_mentioned_too_often_is_refused(tmp_path, text):
    path = tmp_path / "x.npy"
    write_pickle(path, pickle.dumps(array_of([text] * 3), 4), (3,))
    assert_same(object_arrays.read(path), [text] * 3)
    write_pickle(path, pickle.dumps(array_of([text] * 10_000), 4), (10_000,))
    with pytest.raises(ValueError, match="again and again"):
        object_arrays.read(path)


def test_a_text_made_bytes_too_often_is_refused_while_it_is_read(tmp_path):
    path, length, times = tmp_path / "x.npy", 100_000, 10_000
    text = b"X" + struct.pack("<I", length) + b"A" * length + b"q\x01"
    encode, codec = b"c_codecs\nencode\nq\x00", b"X\x06\0\0\0latin1q\x02"
    once = b"h\x00h\x01h\x02\x86R0"
    write_pickle(path, b"\x80\x02" + encode + text + codec + once * times + b".", (1,))
    with pytest.raises(ValueError, match="again and again"):
        object_arrays.read(path)


def test_numbers_that_are_cut_short_are_counted(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros(5, "<f4"))
    path.write_bytes(path.read_bytes()[:-3])
    expected = "it promises 5 elements of float32, 20 bytes, and holds 17"
    with pytest.raises(ValueError, match=expected):
        object_arrays.read(path)


@pytest.mark.parametrize(
    ("descr", "shape", "data"),
    [
        ("<f4", (1 << 40,), b"\x00" * 8),
        ("<U0", (1 << 40,), b""),
        ("|V8", (1,), b"\x00" * 8),
        ([("a", "|O"), ("b", "<f8")], (1,), b"\x00" * 16),
        ("<f4", (-1,), b"\x00" * 8),
        ("<U1", (1,), b"\xff\xff\xff\x7f"),
    ],
)
def test_a_header_that_promises_what_is_not_there_is_refused(
    tmp_path, descr, shape, data
):
    path = tmp_path / "x.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": descr, "fortran_order": False, "shape": shape}
        )
        file.write(data)
    with pytest.raises(ValueError, match=r"cannot read .*x\.npy"):
        object_arrays.read(path)


@pytest.mark.parametrize(
    "header", [b"{'descr': ('''", b"{'descr': '<f4',", b"((((" * 200]
)
def test_a_header_that_is_no_dictionary_is_refused(tmp_path, header):
    path = tmp_path / "x.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    with pytest.raises(ValueError, match=r"cannot read .*x\.npy"):
        object_arrays.read(path)


def test_columns_first_and_big_endian_are_read(tmp_path):
    elements = [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(3, dtype=">i4"),
        np.array(["a\u00e4"], dtype=">U2"),
        np.array([True, False]),
        np.float32(0.5),
        np.zeros((0, 40), np.float32),
    ]
    path = tmp_path / "x.npy"
    write_objects(path, elements)
    assert_same(object_arrays.read(path), elements)
    np.save(path, elements[0])
    np.testing.assert_array_equal(object_arrays.read(path), elements[0])
