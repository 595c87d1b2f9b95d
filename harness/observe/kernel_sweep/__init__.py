"""Small convolutions, products, LSTMs and norms in every library that a case may use,
each held against float64: whether this machine's kernels compute what they should."""
