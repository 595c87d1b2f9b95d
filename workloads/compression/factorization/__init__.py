"""Low-rank factorization of any torch model: CP, partial Tucker and truncated SVD."""
