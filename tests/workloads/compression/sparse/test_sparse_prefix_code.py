import numpy as np
import pytest

from workloads.compression.entropy import code_lengths
from workloads.compression.sparse.prefix_code import BLOCK, PrefixCode


def written(code, symbols):
    symbols = np.asarray(symbols, np.uint16)
    return code.stream(symbols), code.starts(symbols)


def test_words_are_numbered_by_length_and_symbol():
    code = PrefixCode([2, 1, 0, 3, 3])
    words = {
        s: format(int(code.words[s]), f"0{n}b") for s, n in enumerate(code.lengths)
    }
    assert words == {0: "10", 1: "0", 2: "0", 3: "110", 4: "111"}


def test_the_stream_holds_the_words_from_the_highest_bit_down():
    stream, starts = written(PrefixCode([2, 1, 0, 3, 3]), [1, 0, 3, 4, 1])
    assert stream.tolist() == [0b01011011, 0b10000000]
    assert starts.tolist() == [0]


@pytest.mark.parametrize("count", [1, BLOCK, BLOCK + 1, 600 * BLOCK + 17])
def test_what_is_written_is_read(count):
    rng = np.random.default_rng(count)
    symbols = np.minimum(rng.geometric(0.2, count), 250)
    code = PrefixCode(code_lengths(np.bincount(symbols, minlength=257).tolist()))
    stream, starts = written(code, symbols)
    assert starts.size == -(-count // BLOCK)
    assert np.array_equal(code.symbols(stream, starts, count), symbols)


def test_blocks_start_where_the_words_before_them_end():
    code = PrefixCode([1, 2, 2])
    symbols = np.tile([0, 1], BLOCK)
    _, starts = written(code, symbols)
    assert starts.tolist() == [0, 3 * BLOCK // 2]


def test_very_long_words_are_read():
    fibonacci = [1, 1]
    while len(fibonacci) < 60:
        fibonacci.append(sum(fibonacci[-2:]))
    code = PrefixCode(code_lengths(fibonacci))
    assert code.lengths.max() == 59
    symbols = np.tile(np.arange(60), 40)
    stream, starts = written(code, symbols)
    assert np.array_equal(code.symbols(stream, starts, symbols.size), symbols)


@pytest.mark.parametrize("lengths", [[0, 0], [1, 1, 1], [64, 1]])
def test_lengths_that_make_no_code_are_refused(lengths):
    with pytest.raises(ValueError, match="make no prefix code"):
        PrefixCode(lengths)
