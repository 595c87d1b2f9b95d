"""The eight formats side by side."""

from workloads.compression.sparse.huffman import Huffman
from workloads.compression.sparse.offsets import Bitmap, Coordinates
from workloads.compression.sparse.runs import OffsetRuns, ValueRuns
from workloads.compression.sparse.stripes import Banks, Stripes

CSR = Stripes("csr", by_columns=False)
CSC = Stripes("csc", by_columns=True)
CSB, BITMAP, COO, RLE, RLC = Banks(), Bitmap(), Coordinates(), OffsetRuns(), ValueRuns()
HUFFMAN = Huffman()
FORMATS = (CSR, CSC, CSB, BITMAP, COO, RLE, RLC, HUFFMAN)
