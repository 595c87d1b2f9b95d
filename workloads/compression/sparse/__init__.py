"""Eight ways to store a matrix in which many weights are zero, and what each takes.

A matrix of R x C weights of v bits each, n of which are not zero. `bits(x)` is the
narrowest width that holds 0 to x. All take a header of 44 bytes (`container`) on top,
and each section below is filled up to whole bytes. Encoding is exact to the bit.

    format   stores                                      bits
    csr      a pointer to each row, a column and a       (R + 1) bits(n)
             value for each non-zero                     + n (bits(C - 1) + v)
    csc      the same of the transposed matrix           (C + 1) bits(n)
                                                         + n (bits(R - 1) + v)
    csb      in each bank of h x w weights, a place      64 + banks k
             and a value for each of k entries, k        (bits(h w - 1) + v)
             being the non-zeros of the fullest bank
    bitmap   for each weight whether it is zero, then    R C + n v
             the non-zeros
    coo      the offset and value of each non-zero       n (bits(R C - 1) + v)
    rle      the distance from the non-zero before and   m (d + v), with m >= n
             the value; distances above 2^d - 1 are      entries, d the cheapest
             split by zeros
    rlc      each run of equal values, zeros included:   r (d + v), with r runs of
             the value and how often it is repeated      at most 2^d, d the cheapest
    huffman  the bytes of the weights in prefix codes,   a bit for each zero; for
             one code for each place of a byte           the others their entropy,
                                                         at most a bit a byte more

All but csb, rle, rlc and huffman are told by R, C and n alone (`size_bytes`); of
those four, `encoded_bytes` counts without encoding. `formats.FORMATS` has all eight,
`breakeven` says from which sparsity on they pay, `sizes` adds up a model, and
`executed` computes with sparse weights. Encoding and decoding work piece by piece:
beside the matrix and its encoding they take some MB; decoding RLC may take another
matrix, and decoding Huffman codes up to two bytes a weight.
"""
