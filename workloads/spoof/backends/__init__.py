"""A back-end a file: features of frames to an embedding of the utterance."""
