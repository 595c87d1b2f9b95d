"""What is measured: corpora, features, models, decoders, metrics.

Nothing here knows a clock, pytest or a file of results.
"""
