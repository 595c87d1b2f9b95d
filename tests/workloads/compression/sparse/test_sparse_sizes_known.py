"""Agreement with plain references: scipy for what is stored, sums for the sizes."""

import numpy as np
import pytest
from scipy.sparse import csc_array, csr_array

from workloads.compression.entropy import huffman_bytes
from workloads.compression.sparse import (
    bitmap,
    coo,
    csb,
    csc,
    csr,
    huffman,
    rlc,
    rle,
)
from workloads.compression.sparse.container import HEADER_BYTES
from workloads.compression.sparse.elements import bits_of


@pytest.fixture
def matrix():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(300, 500)).astype(np.float32)
    values[rng.random(values.shape) < 0.8] = 0
    return values


@pytest.mark.parametrize(
    ("module", "reference"), [(csr, csr_array), (csc, csc_array)], ids=["csr", "csc"]
)
def test_stripes_hold_what_scipy_does(matrix, parts, module, reference):
    expected = reference(bits_of(matrix))
    name = module.__name__.rpartition(".")[2]
    pointers, indices, values = parts(
        name,
        module.encode(matrix),
        (expected.indptr.size, expected.nnz.bit_length()),
        (expected.nnz, 9),
    )
    assert pointers == expected.indptr.tolist()
    assert indices == expected.indices.tolist()
    assert values == expected.data.view(np.float32).tolist()


def test_closed_forms_are_the_sums_of_their_sections(matrix):
    n = np.count_nonzero(matrix)  # below 32,768: 15 bits
    size = (300, 500, n, 4)
    assert csr.size_bytes(*size) == 44 + -(-301 * 15 // 8) + -(-n * 9 // 8) + 4 * n
    assert csc.size_bytes(*size) == 44 + -(-501 * 15 // 8) + -(-n * 9 // 8) + 4 * n
    assert bitmap.size_bytes(*size) == 44 + 18750 + 4 * n
    assert coo.size_bytes(*size) == 44 + -(-n * 18 // 8) + 4 * n


@pytest.mark.parametrize("itemsize", [1, 2, 4])
def test_values_take_their_own_size(itemsize):
    for module in (csr, csc, bitmap, coo):
        small, large = (module.size_bytes(8, 8, 10, i) for i in (1, itemsize))
        assert large - small == 10 * (itemsize - 1)


@pytest.mark.parametrize("bank", [(1, 64), (1, 25), (3, 7), (300, 1), (999, 999)])
def test_any_bank_comes_back_at_the_size_of_the_fullest(matrix, bank):
    data = csb.encode(matrix, bank)
    assert csb.decode(data).tobytes() == matrix.tobytes()
    fullest = csb.fullest(matrix, bank)
    assert len(data) == csb.size_bytes(300, 500, fullest, 4, bank)
    assert len(data) == csb.encoded_bytes(matrix, bank)


def test_the_fullest_bank_is_found():
    matrix = np.zeros((4, 10), np.int8)
    matrix[1, 4:7] = matrix[2, 9] = 1
    assert csb.fullest(matrix, (1, 5)) == 2
    assert csb.fullest(matrix, (2, 5)) == 2
    assert csb.fullest(matrix, (4, 10)) == 4


def test_a_balanced_matrix_is_not_filled_up(matrix):
    balanced = np.tile(np.array([0, 3, 0, 0, 7], np.float32), (20, 8))
    assert csb.size_bytes(20, 40, 2, 4, (1, 5)) == 44 + 8 + 320 * 3 // 8 + 320 * 4
    assert len(csb.encode(balanced, (1, 5))) == csb.size_bytes(20, 40, 2, 4, (1, 5))


def test_an_empty_bank_is_refused(matrix):
    with pytest.raises(ValueError, match="a bank of 0 x 4 holds no weights"):
        csb.encode(matrix, (0, 4))


@pytest.mark.parametrize("width", [1, 2, 5, 63])
def test_rle_comes_back_at_any_width(matrix, width):
    data = rle.encode(matrix, width)
    assert rle.decode(data).tobytes() == matrix.tobytes()
    assert rle.encoded_bytes(matrix, width) == len(data)


def test_rle_chooses_the_cheapest_width(matrix):
    sizes = [len(rle.encode(matrix, width)) for width in range(1, 12)]
    assert len(rle.encode(matrix)) == min(sizes)


@pytest.mark.parametrize("width", [0, 64])
def test_rle_refuses_widths_that_hold_no_difference(matrix, width):
    with pytest.raises(ValueError, match=f"{width} bits cannot hold differences"):
        rle.encode(matrix, width)


def test_rlc_takes_no_field_where_nothing_is_repeated():
    matrix = np.arange(1, 101, dtype=np.uint8).reshape(10, 10)
    assert len(rlc.encode(matrix)) == HEADER_BYTES + 100


def test_rlc_is_small_where_much_is_repeated():
    matrix = np.repeat(np.array([[1, 2]], np.uint8), 1024, axis=1)
    assert len(rlc.encode(matrix)) == HEADER_BYTES + -(-2 * 10 // 8) + 2


def test_huffman_of_8_bits_has_the_words_of_the_sizes_of_quantized_models():
    rng = np.random.default_rng(0)
    matrix = np.rint(rng.normal(0, 9, (100, 1024))).astype(np.int8)
    payload = huffman_bytes(matrix) - 256
    starts = -(-100 * (payload * 8).bit_length() // 8)
    assert len(huffman.encode(matrix)) == HEADER_BYTES + 8 + 257 + starts + payload


def test_huffman_leaves_noise_as_it_is():
    noise = np.random.default_rng(0).integers(1, 2**32, (100, 1000), np.uint32)
    matrix = noise.view(np.float32)
    assert huffman.decode(huffman.encode(matrix)).tobytes() == matrix.tobytes()
    three_planes = 3 * (8 + matrix.size)
    first = len(huffman.encode(matrix)) - HEADER_BYTES - three_planes
    assert matrix.size < first < 1.03 * matrix.size


def test_huffman_spends_little_more_than_a_bit_on_a_zero():
    matrix = np.zeros((1000, 1024), np.float32)
    bits = 8 * len(huffman.encode(matrix)) / matrix.size
    assert 1 < bits < 1.03


def test_huffman_makes_trained_floats_smaller_by_their_exponents():
    matrix = np.random.default_rng(0).normal(0, 0.05, (500, 1000)).astype(np.float32)
    assert 0.80 < len(huffman.encode(matrix)) / matrix.nbytes < 0.85
