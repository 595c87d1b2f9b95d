"""What holds for every format."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workloads.compression.sparse import container
from workloads.compression.sparse.elements import DTYPES
from workloads.compression.sparse.formats import COO, FORMATS

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
    "shape", [(1, 2**17 + 3), (2**17 + 3, 1), (3, 2**16 + 1), (301, 509)]
)
def test_long_and_wide_matrices_come_back(format, shape, sparsity):
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=shape).astype(np.float16)
    matrix[rng.random(shape) < sparsity] = 0
    assert stored(format, matrix) == expected(format, matrix)


@each_format
def test_a_single_weight_at_the_very_end_comes_back(format):
    matrix = np.zeros((3, 2**16 + 5), np.int8)
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


def test_the_header_says_what_is_in_it(example):
    payload = container.read("coo", COO.encode(example))
    entries_bytes = 4 * 4 // 8 + 4 * 4
    assert payload.header == (b"SPMX", b"coo".ljust(8, b"\0"), b"<f4", 4, 4, 4, 4, 18)
    assert container.HEADER_BYTES + entries_bytes == len(COO.encode(example)) == 62
