"""The paper's 4 x 4 example in all formats, corrected where it is wrong."""

import numpy as np
import pytest

from workloads.compression.sparse.container import HEADER_BYTES
from workloads.compression.sparse.formats import (
    BITMAP,
    COO,
    CSB,
    CSC,
    CSR,
    FORMATS,
    HUFFMAN,
    RLC,
    RLE,
)
from workloads.compression.sparse.runs import split
from workloads.compression.sparse.stripes import Banks

VALUES = np.array([0.1, 0.3, 0.6, 0.9], np.float32).tolist()


def test_csr_has_the_papers_vectors(example, parts):
    rows, columns, values = parts("csr", CSR.encode(example), (5, 3), (4, 2))
    assert rows == [0, 2, 2, 2, 4]
    assert columns == [0, 2, 1, 3]
    assert values == VALUES


def test_csc_goes_by_columns(example, parts):
    columns, rows, values = parts("csc", CSC.encode(example), (5, 3), (4, 2))
    assert columns == [0, 1, 2, 3, 4]
    assert rows == [0, 3, 0, 3]
    assert values == [VALUES[i] for i in (0, 2, 1, 3)]


def test_csb_has_the_papers_values_and_places_that_tell_the_row(example, parts):
    data = Banks((2, 4)).encode(example)
    bank, places, values = parts("csb", data, (2, 32), (4, 3))
    assert bank == [2, 4]
    assert places == [0, 2, 5, 7]
    assert values == VALUES


def test_csb_in_banks_of_a_row_fills_up_the_empty_rows(example, parts):
    _, places, values = parts("csb", CSB.encode(example), (2, 32), (8, 2))
    assert places == [0, 2, 0, 0, 0, 0, 1, 3]
    assert values == [*VALUES[:2], 0, 0, 0, 0, *VALUES[2:]]


@pytest.mark.parametrize("bank", [(0, 4), (2, -1)])
def test_banks_without_weights_are_refused(example, bank):
    height, width = bank
    expected = f"a bank of {height} x {width} holds no weights"
    with pytest.raises(ValueError, match=expected):
        Banks(bank).encode(example)


def test_the_bitmap_is_of_ones_and_zeros(example, parts):
    ones, values = parts("bitmap", BITMAP.encode(example), (16, 1))
    assert ones == [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]
    assert values == VALUES


def test_coo_has_the_papers_offsets(example, parts):
    offsets, values = parts("coo", COO.encode(example), (4, 4))
    assert offsets == [0, 2, 13, 15]
    assert values == VALUES


def test_rle_has_the_papers_differences(example, parts):
    differences, values = parts("rle", RLE.encode(example), (4, 4))
    assert differences == [0, 2, 11, 2]
    assert values == VALUES


def test_rle_at_three_bits_splits_as_the_paper_does(example):
    differences, times = split(np.array([0, 2, 11, 2]), 2**3 - 1)
    assert differences.tolist() == [0, 2, 6, 5, 2]
    assert times.tolist() == [1, 1, 2, 1]


def test_rle_takes_less_at_four_bits_than_at_three(example):
    at_three_bytes = 2 + 5 * 4
    assert len(RLE.encode(example)) == HEADER_BYTES + 2 + 4 * 4
    assert len(RLE.encode(example)) < HEADER_BYTES + at_three_bytes


def test_rlc_has_seven_runs(example, parts):
    repetitions, values = parts("rlc", RLC.encode(example), (7, 4))
    assert [n + 1 for n in repetitions] == [1, 1, 1, 10, 1, 1, 1]
    assert values == [VALUES[0], 0, VALUES[1], 0, VALUES[2], 0, VALUES[3]]


def test_huffman_spends_a_bit_on_each_zero(example):
    # First bytes of 0.1, 0.3, 0.6, 0.9 once the sign is last: 123, 125, 126, 126, which
    # take 3, 3, 2, 2 bits; the starts of the only block take as many as 22 does.
    first = 8 + 257 + 1 + 3
    others = 3 * (8 + 4)
    assert len(HUFFMAN.encode(example)) == HEADER_BYTES + first + others


@pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
def test_the_example_comes_back(example, format):
    assert np.array_equal(format.decode(format.encode(example)), example)
