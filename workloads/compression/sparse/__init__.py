"""Eight ways to store a matrix in which many weights are zero, and what each takes.

A matrix of R x C weights of v bits, n of them not zero. `bits(x)` is the narrowest
width that holds 0 to x. All take a header of 44 bytes (`container`) on top, and each
section is filled up to whole bytes. Encoding is exact to the bit.

    format   bits
    csr      (R + 1) bits(n) + n (bits(C - 1) + v)
    csc      (C + 1) bits(n) + n (bits(R - 1) + v)
    csb      64 + banks k (bits(h w - 1) + v), k being the non-zeros of the fullest bank
    bitmap   R C + n v
    coo      n (bits(R C - 1) + v)
    rle      m (d + v), m >= n entries with distances of d bits, d the cheapest
    rlc      r (d + v), r runs of at most 2^d, d the cheapest
    huffman  one for each zero; for the others their entropy, at most a byte's bit more

`formats.FORMATS` has all eight, each a `container.Format`. `breakeven` says from which
sparsity on they pay, `sizes` adds up a model, and `executed` computes with sparse
weights.
"""
