"""Which machine to buy: results of several, the same work matched, priced, ranked."""
