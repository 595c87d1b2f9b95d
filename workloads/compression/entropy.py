"""How small a quantized model becomes when its weights are Huffman-coded.

S. Han, H. Mao, W. J. Dally, "Deep Compression: Compressing Deep Neural Networks with
Pruning, Trained Quantization and Huffman Coding", ICLR 2016. Here every weight is a
symbol, pruned ones too, where that paper codes the distances between those that are
left: a weight costs one bit at least, so pruning beyond what one bit holds goes unseen.
"""

import heapq
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SYMBOLS = 256
TABLE_BYTES = SYMBOLS  # a canonical code is its symbols' lengths, a byte for each


def huffman_bytes(values: NDArray[np.int8] | NDArray[np.uint8]) -> int:
    """The exact size of 8-bit values in a Huffman code of their own.

    `values` have any shape; how many there are is known from elsewhere. The table of
    the code counts, with 256 bytes. A single symbol still takes one bit each time.
    """
    symbols = np.ascontiguousarray(values).view(np.uint8).ravel()
    counts = np.bincount(symbols, minlength=SYMBOLS).tolist()
    pairs = zip(counts, code_lengths(counts), strict=True)
    bits = sum(count * length for count, length in pairs)
    return TABLE_BYTES + -(-bits // 8)


def code_lengths(counts: Sequence[int]) -> list[int]:
    """Of each symbol the bits of its code word: 0 if it never occurs, else 1 or more.

    D. A. Huffman, "A Method for the Construction of Minimum-Redundancy Codes", 1952:
    each merge of the two rarest groups lengthens the words of all symbols in them.

    >>> code_lengths([5, 2, 0, 1])
    [1, 2, 0, 2]
    """
    lengths = [0] * len(counts)
    heap = [(count, [symbol]) for symbol, count in enumerate(counts) if count]
    if len(heap) == 1:
        lengths[heap[0][1][0]] = 1
    heapq.heapify(heap)
    while len(heap) > 1:
        (rare, some), (other, more) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in some + more:
            lengths[symbol] += 1
        heapq.heappush(heap, (rare + other, some + more))
    return lengths


def compressed_bytes(onnx_path: Path) -> int:
    """The size of a model, of a single file, whose 8-bit weights are Huffman-coded.

    A weight tensor has two dimensions or more and is coded where that makes it smaller.
    Everything else (scales, biases, floats, the graph) counts as it lies in the file.

    Raises ValueError if the file is not an ONNX model.
    """
    from workloads.compression.graph import load_onnx

    model = load_onnx(onnx_path)
    return onnx_path.stat().st_size - sum(map(_saved_bytes, model.graph.initializer))


def _saved_bytes(tensor: Any) -> int:
    """Of one tensor of the file; zero where a code would only make it larger."""
    from onnx import TensorProto, numpy_helper

    is_8_bit = tensor.data_type in (TensorProto.INT8, TensorProto.UINT8)
    if not is_8_bit or len(tensor.dims) < 2 or not tensor.raw_data:
        return 0
    values = numpy_helper.to_array(tensor)
    return max(0, values.nbytes - huffman_bytes(values))
