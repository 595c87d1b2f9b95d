"""Agreement with plain references: scipy for what is stored, sums for the sizes."""

import numpy as np
import pytest
from scipy.sparse import csc_array, csr_array

from workloads.compression.entropy import huffman_bytes
from workloads.compression.sparse.container import HEADER_BYTES
from workloads.compression.sparse.elements import bits_of
from workloads.compression.sparse.formats import (
    BITMAP,
    COO,
    CSC,
    CSR,
    HUFFMAN,
    RLC,
    RLE,
)
from workloads.compression.sparse.stripes import Banks


@pytest.fixture
def matrix():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(300, 500)).astype(np.float32)
    values[rng.random(values.shape) < 0.8] = 0
    return values


@pytest.mark.parametrize(
    ("format", "reference"), [(CSR, csr_array), (CSC, csc_array)], ids=["csr", "csc"]
)
def test_stripes_hold_what_scipy_does(matrix, parts, format, reference):
    expected = reference(bits_of(matrix))
    pointers, indices, values = parts(
        format.name,
        format.encode(matrix),
        (expected.indptr.size, expected.nnz.bit_length()),
        (expected.nnz, 9),
    )
    assert pointers == expected.indptr.tolist()
    assert indices == expected.indices.tolist()
    assert values == expected.data.view(np.float32).tolist()


def test_closed_forms_are_the_sums_of_their_sections(matrix):
    n = np.count_nonzero(matrix)  # below 32,768: 15 bits
    entries = -(-n * 9 // 8) + 4 * n
    assert CSR.encoded_bytes(matrix) == 44 + -(-301 * 15 // 8) + entries
    assert CSC.encoded_bytes(matrix) == 44 + -(-501 * 15 // 8) + entries
    assert BITMAP.encoded_bytes(matrix) == 44 + 18750 + 4 * n
    assert COO.encoded_bytes(matrix) == 44 + -(-n * 18 // 8) + 4 * n


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_values_take_their_own_size(dtype):
    matrix = np.zeros((8, 8), np.uint8)
    matrix.flat[::7] = 1
    for format in (CSR, CSC, BITMAP, COO):
        small, large = map(format.encoded_bytes, (matrix, matrix.astype(dtype)))
        assert large - small == 10 * (np.dtype(dtype).itemsize - 1)


@pytest.mark.parametrize("bank", [(1, 64), (1, 25), (3, 7), (300, 1), (999, 999)])
def test_any_bank_comes_back_at_the_size_of_the_fullest(matrix, bank):
    banks = Banks(bank)
    data = banks.encode(matrix)
    assert banks.decode(data).tobytes() == matrix.tobytes()
    height, width = np.minimum(bank, matrix.shape).tolist()
    corners = [(y, x) for y in range(0, 300, height) for x in range(0, 500, width)]
    fullest = max(
        np.count_nonzero(matrix[y : y + height, x : x + width]) for y, x in corners
    )
    entries, place_bits = len(corners) * fullest, (height * width - 1).bit_length()
    assert len(data) == 44 + 8 + -(-entries * place_bits // 8) + 4 * entries
    assert len(data) == banks.encoded_bytes(matrix)


@pytest.mark.parametrize(
    ("bank", "banks", "fullest"), [((1, 5), 8, 2), ((2, 5), 4, 2), ((4, 10), 1, 4)]
)
def test_every_bank_has_as_many_entries_as_the_fullest(bank, banks, fullest):
    matrix = np.zeros((4, 10), np.int8)
    matrix[1, 4:7] = matrix[2, 9] = 1
    assert Banks(bank).layout(bits_of(matrix)).entries == banks * fullest


def test_a_balanced_matrix_is_not_filled_up():
    balanced = np.tile(np.array([0, 3, 0, 0, 7], np.float32), (20, 8))
    found = Banks((1, 5)).encode(balanced)
    assert len(found) == 44 + 8 + 320 * 3 // 8 + 320 * 4


def test_rle_chooses_the_cheapest_width(matrix):
    differences = np.diff(np.flatnonzero(matrix), prepend=0)
    sizes = [
        -(-n * width // 8) + 4 * n
        for width in range(1, 12)
        for n in [np.maximum(1, -(-differences // (2**width - 1))).sum()]
    ]
    assert len(RLE.encode(matrix)) == HEADER_BYTES + min(sizes)


def test_rlc_takes_no_field_where_nothing_is_repeated():
    matrix = np.arange(1, 101, dtype=np.uint8).reshape(10, 10)
    assert len(RLC.encode(matrix)) == HEADER_BYTES + 100


def test_rlc_is_small_where_much_is_repeated():
    matrix = np.repeat(np.array([[1, 2]], np.uint8), 1024, axis=1)
    assert len(RLC.encode(matrix)) == HEADER_BYTES + -(-2 * 10 // 8) + 2


def test_huffman_of_8_bits_has_the_words_of_the_sizes_of_quantized_models():
    rng = np.random.default_rng(0)
    matrix = np.rint(rng.normal(0, 9, (100, 1024))).astype(np.int8)
    payload = huffman_bytes(matrix) - 256
    starts = -(-100 * (payload * 8).bit_length() // 8)
    assert len(HUFFMAN.encode(matrix)) == HEADER_BYTES + 8 + 257 + starts + payload


def test_huffman_leaves_noise_as_it_is():
    noise = np.random.default_rng(0).integers(1, 2**32, (100, 1000), np.uint32)
    matrix = noise.view(np.float32)
    assert HUFFMAN.decode(HUFFMAN.encode(matrix)).tobytes() == matrix.tobytes()
    three_planes = 3 * (8 + matrix.size)
    first = len(HUFFMAN.encode(matrix)) - HEADER_BYTES - three_planes
    assert matrix.size < first < 1.03 * matrix.size


def test_huffman_spends_little_more_than_a_bit_on_a_zero():
    matrix = np.zeros((1000, 1024), np.float32)
    bits = 8 * len(HUFFMAN.encode(matrix)) / matrix.size
    assert 1 < bits < 1.03


def test_huffman_makes_trained_floats_smaller_by_their_exponents():
    matrix = np.random.default_rng(0).normal(0, 0.05, (500, 1000)).astype(np.float32)
    assert 0.80 < len(HUFFMAN.encode(matrix)) / matrix.nbytes < 0.85
