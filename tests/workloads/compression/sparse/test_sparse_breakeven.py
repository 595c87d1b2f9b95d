import numpy as np
import pytest

from workloads.compression.sparse import breakeven, coo, csr, huffman, rlc, rle


def test_csr_of_equal_widths_is_the_specified_formula():
    assert breakeven.csr(4, 4) == 1 + (5 - 16) / 32
    assert breakeven.csr(512, 1024) == 1 + (513 - 524288) / 1048576
    assert breakeven.csr(512, 1024, 8, 8, 8) == breakeven.csr(512, 1024)


def test_large_matrices_in_csr_need_half_of_their_weights_to_be_zero():
    assert breakeven.csr(10**6, 10**6) == pytest.approx(0.5, abs=1e-6)


def test_a_column_in_csr_never_pays():
    assert breakeven.csr(100, 1) > 1


def test_narrow_indices_and_pointers_pay_earlier():
    # dense 3200 bits, pointers 11 * 7 = 77, entries of 36 bits
    assert breakeven.csr(10, 10, 32, 4, 7) == 1 - (3200 - 77) / 3600


def test_an_index_beside_each_value_pays_from_its_share_on():
    assert breakeven.indexed(value_bits=32, index_bits=25) == 25 / 57
    assert breakeven.indexed(value_bits=8, index_bits=25) == 25 / 33


def test_a_bitmap_pays_from_a_bit_for_each_weight_on():
    assert breakeven.bitmap(8) == 0.125


@pytest.mark.parametrize("itemsize", [1, 4])
def test_counted_bytes_agree_with_the_closed_form(itemsize):
    def size_bytes(nonzeros):
        return csr.size_bytes(1000, 1000, nonzeros, itemsize)

    found = breakeven.of_sizes(size_bytes, 10**6, itemsize * 10**6)
    widths = (itemsize * 8, 10, 20)
    assert found == pytest.approx(breakeven.csr(1000, 1000, *widths), abs=1e-3)


def test_at_the_break_even_one_more_weight_is_too_many():
    def size_bytes(nonzeros):
        return coo.size_bytes(30, 40, nonzeros, 4)

    sparsity = breakeven.of_sizes(size_bytes, 1200, 4800)
    nonzeros = round((1 - sparsity) * 1200)
    assert size_bytes(nonzeros) < 4800 <= size_bytes(nonzeros + 1)


def test_a_matrix_that_is_too_small_never_pays():
    assert breakeven.of_sizes(lambda n: 44 + n, elements=4, dense_bytes=16) is None


@pytest.mark.parametrize("module", [rle, rlc])
def test_weights_are_zeroed_from_the_smallest_up_until_it_pays(module):
    matrix = np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32)
    sparsity = breakeven.of_weights(matrix, module.encoded_bytes)
    order = np.argsort(np.abs(matrix), axis=None)
    for zeros, pays in ((round(sparsity * 2000), True), (0, False)):
        pruned = matrix.copy()
        pruned.flat[order[:zeros]] = 0
        assert (module.encoded_bytes(pruned) < matrix.nbytes) == pays


def test_rle_of_random_zeros_pays_about_where_an_index_does():
    matrix = np.random.default_rng(0).normal(size=(100, 200)).astype(np.float32)
    found = breakeven.of_weights(matrix, rle.encoded_bytes)
    # In two bits nearly all differences fit; in one none above 1 does.
    assert breakeven.indexed(32, 2) < found < breakeven.indexed(32, 2) + 0.002


def test_huffman_pays_without_any_zero():
    matrix = np.random.default_rng(0).normal(size=(100, 200)).astype(np.float32)
    assert breakeven.of_weights(matrix, huffman.encoded_bytes) == 0
