import numpy as np
import pytest

from workloads.compression.sparse.breakeven import closed_form, of_weights
from workloads.compression.sparse.formats import CSR, FORMATS, HUFFMAN, RLC, RLE


def csr(rows, columns, value_bits=32, index_bits=32, pointer_bits=32):
    pointers = pointer_bits * (rows + 1)
    return closed_form(value_bits, index_bits, pointers, rows * columns)


def random_matrix(rows, columns, dtype=np.float32):
    values = np.random.default_rng(0).normal(size=(rows, columns))
    return values.astype(dtype)


def test_csr_of_equal_widths_is_the_specified_formula():
    assert csr(4, 4) == 1 + (5 - 16) / 32
    assert csr(512, 1024) == 1 + (513 - 524288) / 1048576
    assert csr(512, 1024, 8, 8, 8) == csr(512, 1024)


def test_large_matrices_in_csr_need_half_of_their_weights_to_be_zero():
    assert csr(10**6, 10**6) == pytest.approx(0.5, abs=1e-6)


def test_a_column_in_csr_never_pays():
    assert csr(100, 1) > 1


def test_narrow_indices_and_pointers_pay_earlier():
    # dense 3200 bits, pointers 11 * 7 = 77, entries of 36 bits
    assert csr(10, 10, 32, 4, 7) == (3600 - (3200 - 77)) / 3600


def test_an_index_beside_each_value_pays_from_its_share_on():
    assert closed_form(value_bits=32, index_bits=25) == 25 / 57
    assert closed_form(value_bits=8, index_bits=25) == 25 / 33


def test_a_bitmap_pays_from_a_bit_for_each_weight_on():
    assert closed_form(value_bits=8, fixed_bits=1) == 0.125


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_counted_bytes_agree_with_the_closed_form(dtype):
    matrix = np.ones((1000, 1000), dtype)
    widths = (matrix.itemsize * 8, 10, 20)
    found = of_weights(matrix, CSR)
    assert found == pytest.approx(csr(1000, 1000, *widths), abs=1e-3)


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_at_the_break_even_one_more_weight_is_too_many(format):
    # Equal weights are zeroed from the last on.
    matrix = np.full((30, 40), 7, np.uint16)
    sparsity = of_weights(matrix, format)
    nonzeros = round((1 - sparsity) * 1200)
    for count, pays in ((nonzeros, True), (nonzeros + 1, False)):
        pruned = matrix.copy()
        pruned.flat[count:] = 0
        if count <= 1200:
            assert (format.encoded_bytes(pruned) < 2400) == pays


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_a_matrix_that_is_too_small_never_pays(format):
    assert of_weights(random_matrix(2, 2), format) is None


@pytest.mark.parametrize("format", [RLE, RLC], ids=lambda f: f.name)
def test_weights_are_zeroed_from_the_smallest_up_until_it_pays(format):
    matrix = random_matrix(40, 50)
    sparsity = of_weights(matrix, format)
    order = np.argsort(np.abs(matrix), axis=None)
    for zeros, pays in ((round(sparsity * 2000), True), (0, False)):
        pruned = matrix.copy()
        pruned.flat[order[:zeros]] = 0
        assert (format.encoded_bytes(pruned) < matrix.nbytes) == pays


def test_rle_of_random_zeros_pays_about_where_an_index_does():
    found = of_weights(random_matrix(100, 200), RLE)
    # In two bits nearly all differences fit; in one none above 1 does.
    assert closed_form(32, 2) < found < closed_form(32, 2) + 0.002


def test_huffman_pays_without_any_zero():
    assert of_weights(random_matrix(100, 200), HUFFMAN) == 0
