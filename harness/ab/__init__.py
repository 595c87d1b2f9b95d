"""A/B: two states of the suite on one machine, in turns."""
