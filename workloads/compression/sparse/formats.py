"""The eight formats side by side."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

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
from workloads.compression.sparse.elements import Matrix, bits_of


@dataclass(frozen=True)
class Format:
    """`encoded_bytes` is the length of `encode`'s result, without building it."""

    name: str
    encode: Callable[[Matrix], bytes]
    decode: Callable[[bytes], Matrix]
    encoded_bytes: Callable[[Matrix], int]


def _of_nonzeros(size_bytes: Callable[..., int]) -> Callable[[Matrix], int]:
    """For a format whose size follows from the number of non-zeros."""

    def encoded_bytes(matrix: Matrix) -> int:
        bits = bits_of(matrix)
        nonzeros = int(np.count_nonzero(bits))
        return size_bytes(*bits.shape, nonzeros, bits.itemsize)

    return encoded_bytes


FORMATS = (
    Format("csr", csr.encode, csr.decode, _of_nonzeros(csr.size_bytes)),
    Format("csc", csc.encode, csc.decode, _of_nonzeros(csc.size_bytes)),
    Format("csb", csb.encode, csb.decode, csb.encoded_bytes),
    Format("bitmap", bitmap.encode, bitmap.decode, _of_nonzeros(bitmap.size_bytes)),
    Format("coo", coo.encode, coo.decode, _of_nonzeros(coo.size_bytes)),
    Format("rle", rle.encode, rle.decode, rle.encoded_bytes),
    Format("rlc", rlc.encode, rlc.decode, rlc.encoded_bytes),
    Format("huffman", huffman.encode, huffman.decode, huffman.encoded_bytes),
)
