"""What holds for every format."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workloads.compression.sparse import container
from workloads.compression.sparse.elements import DTYPES, PIECE
from workloads.compression.sparse.fields import Section
from workloads.compression.sparse.formats import BITMAP, COO, CSR, FORMATS, HUFFMAN, RLC

each_format = pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)

# +0.0, -0.0, the smallest and largest denormal, one, infinities, NaN with payloads
FLOAT32 = [0, 1 << 31, 1, 0x007FFFFF, 0x3F800000, 0x7F800000, 0xFF800000, 0x7FC00000]
FLOAT32 += [0x7F800001, 0xFFFFFFFF]
FLOAT16 = [0, 1 << 15, 1, 0x03FF, 0x3C00, 0x7C00, 0xFC00, 0x7E00, 0x7C01, 0xFFFF]


def stored(format, matrix):
    """What comes back of a matrix, and how many bytes it took."""
    data = format.encode(matrix)
    return described(format.decode(data), len(data))


def expected(format, matrix):
    """The matrix itself, and the bytes that were counted ahead."""
    return described(matrix, format.encoded_bytes(matrix))


def described(matrix, stored_bytes):
    return matrix.dtype, matrix.shape, matrix.tobytes(), stored_bytes


@st.composite
def matrices(draw):
    """Of any type, bits and share of zeros; runs of equal values are common."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    largest = 2 ** (8 * dtype.itemsize) - 1
    some = st.sampled_from([0, 1, largest, 1 << (8 * dtype.itemsize - 1)])
    bits = some | st.integers(0, largest)
    fill = draw(st.sampled_from([st.just(0), st.nothing(), some]))
    found = arrays(np.dtype(f"u{dtype.itemsize}"), shape, elements=bits, fill=fill)
    return draw(found).view(dtype)


@each_format
@settings(max_examples=40, deadline=None, derandomize=True)
@given(matrix=matrices())
def test_any_matrix_comes_back_and_its_size_is_known_ahead(format, matrix):
    assert stored(format, matrix) == expected(format, matrix)


@each_format
@pytest.mark.parametrize(
    "bits",
    [
        np.array([FLOAT32], np.uint32),
        np.array([FLOAT32], np.uint32).T.copy(),
        np.array([FLOAT16], np.uint16).view(np.float16),
        np.array([[-128, 127, 0, -1, 1]], np.int8),
        np.eye(200, dtype=np.uint32),
        np.repeat([[0], [5], [0]], 100, axis=1).astype(np.uint32),
    ],
    ids=["floats", "column", "halves", "int8", "diagonal", "empty rows"],
)
def test_adversarial_bits_come_back(format, bits):
    matrix = bits.view(np.float32) if bits.dtype == np.uint32 else bits
    assert stored(format, matrix) == expected(format, matrix)


@each_format
@pytest.mark.parametrize("value", [0, 0.5, -0.0, np.nan])
@pytest.mark.parametrize("shape", [(1, 1), (1, 130), (130, 1), (65, 64)])
def test_a_matrix_of_one_value_comes_back(format, value, shape):
    matrix = np.full(shape, value, np.float32)
    assert stored(format, matrix) == expected(format, matrix)


@each_format
@pytest.mark.parametrize("sparsity", [0, 0.6, 0.999])
@pytest.mark.parametrize(
    "shape", [(1, 2 * PIECE + 3), (2 * PIECE + 3, 1), (3, PIECE + 1), (301, 509)]
)
def test_matrices_of_several_pieces_come_back(format, shape, sparsity):
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=shape).astype(np.float16)
    matrix[rng.random(shape) < sparsity] = 0
    assert stored(format, matrix) == expected(format, matrix)


@each_format
def test_a_single_weight_at_the_very_end_comes_back(format):
    matrix = np.zeros((3, PIECE + 5), np.int8)
    matrix[-1, -1] = 1
    assert stored(format, matrix) == expected(format, matrix)


@each_format
def test_the_order_in_memory_does_not_matter(format):
    matrix = np.random.default_rng(0).normal(size=(30, 40)).astype(np.float32)
    matrix[matrix < 0.5] = 0
    assert format.encode(np.asfortranarray(matrix)) == format.encode(matrix)
    assert format.encode(matrix[::2]) == format.encode(matrix[::2].copy())


@each_format
def test_minus_zero_is_no_zero(format):
    matrix = np.array([[0.0, -0.0, 0.0]], np.float32)
    signs = np.signbit(format.decode(format.encode(matrix)))
    assert signs.tolist() == [[False, True, False]]


@each_format
def test_memory_stays_under_three_times_the_matrix(format):
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(1000, 2000)).astype(np.float32)
    matrix[:500] = 0
    tracemalloc.start()
    data = format.encode(matrix)
    encoding = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    held = tracemalloc.get_traced_memory()[0]
    format.decode(data)
    decoding = tracemalloc.get_traced_memory()[1] - held
    tracemalloc.stop()
    assert matrix.nbytes + encoding < 3 * matrix.nbytes
    assert len(data) + decoding < 3 * matrix.nbytes


@each_format
@pytest.mark.parametrize(
    "array",
    [
        np.ones(3, np.float32),
        np.ones((2, 2, 2), np.float32),
        np.ones((0, 3), np.float32),
        np.ones((3, 0), np.float32),
    ],
)
def test_what_is_no_matrix_is_refused(format, array):
    with pytest.raises(ValueError, match=r"give a matrix \(rows, columns\) of 1 to"):
        format.encode(array)
    with pytest.raises(ValueError, match=r"give a matrix \(rows, columns\) of 1 to"):
        format.encoded_bytes(array)


@each_format
@pytest.mark.parametrize("dtype", ["int64", "complex64", ">f4", "bool"])
def test_other_types_are_refused(format, dtype):
    with pytest.raises(ValueError, match="give one of float32, float16"):
        format.encode(np.ones((2, 2), dtype))


@pytest.fixture
def encoded(example):
    return {format.name: format.encode(example) for format in FORMATS}


@each_format
def test_bytes_cut_short_or_too_long_are_refused(encoded, format):
    data = encoded[format.name]
    for length in range(len(data)):
        with pytest.raises(ValueError, match=r"cut short|hold no sparse matrix"):
            format.decode(data[:length])
    with pytest.raises(ValueError, match=r"its header says .* cut short or damaged"):
        format.decode(data + b"\0")


@each_format
def test_any_damaged_byte_is_noticed(encoded, format):
    data = encoded[format.name]
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        with pytest.raises(ValueError, match=r"hold no sparse|cut short|checksum is"):
            format.decode(bytes(damaged))


@each_format
def test_bytes_of_another_format_name_the_decoder_that_they_need(encoded, format):
    other = FORMATS[FORMATS.index(format) - 1]
    with pytest.raises(ValueError, match=f"in '{other.name}', not in '{format.name}'"):
        format.decode(encoded[other.name])


def of_bytes(*content):
    return Section(len(content), 8, [np.array(content, np.uint8)])


@each_format
def test_a_payload_that_does_not_fit_its_header_is_refused(format):
    header = container.Header(format.name, "float32", (4, 4), 4, entries=4)
    data = container.write(header, [of_bytes(0, 0, 0)])
    with pytest.raises(ValueError, match="bytes are damaged, encode the matrix again"):
        format.decode(data)


def encoding(format, entries, *payload):
    """An encoding of 3 x 1 bytes, with a checksum that holds."""
    header = container.Header(format, "int8", (3, 1), 8, entries)
    return container.write(header, [of_bytes(*payload)])


def test_a_bitmap_of_more_ones_than_values_is_refused():
    with pytest.raises(ValueError, match="places of 2 entries, its header says 1"):
        BITMAP.decode(encoding("bitmap", 1, 0b011, 7))


def test_pointers_that_end_before_the_entries_are_refused():
    with pytest.raises(ValueError, match="places of 0 entries, its header says 1"):
        CSR.decode(encoding("csr", 1, 0b0000, 7))


def test_pointers_that_fall_are_refused():
    with pytest.raises(ValueError, match="a pointer of 1 is followed by one of 0"):
        CSR.decode(encoding("csr", 1, 0b1010, 7))


def test_fewer_non_zeros_in_codes_than_the_header_says_are_refused():
    data = HUFFMAN.encode(np.array([[1], [0], [0]], np.int8))
    header, payload = container.read("huffman", data)
    other = replace(header, entries=2)
    data = container.write(other, [of_bytes(*payload)])
    with pytest.raises(ValueError, match="places of 1 entries, its header says 2"):
        HUFFMAN.decode(data)


def test_an_unknown_type_in_the_header_is_refused(example):
    header = container.Header("coo", "int64", (4, 4), 4, entries=0)
    data = container.write(header, [])
    with pytest.raises(ValueError, match="elements of type b'<i8': expected float32"):
        container.read("coo", data)


def test_entries_outside_of_the_matrix_are_refused():
    with pytest.raises(ValueError, match="an entry lies at offset 3 of a matrix of 3"):
        COO.decode(encoding("coo", 1, 3, 7))


@pytest.mark.parametrize("repetitions", [1, 3])
def test_runs_that_do_not_make_up_the_matrix_are_refused(repetitions):
    with pytest.raises(
        ValueError, match=f"hold {repetitions + 1} elements, the matrix"
    ):
        RLC.decode(encoding("rlc", 1, repetitions, 7))


def test_the_header_says_what_is_in_it(example):
    header, payload = container.read("coo", FORMATS[4].encode(example))
    assert header == container.Header("coo", "float32", (4, 4), width=4, entries=4)
    assert container.HEADER_BYTES == 44
    assert len(payload) == 18
