"""Primitives of a log, each run alone again through torch's own operators."""
