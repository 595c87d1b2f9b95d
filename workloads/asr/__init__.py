"""Training and decoding of a Deep Speech 2 style acoustic model."""
