"""A front-end a file; all are given waveforms and give 40 numbers every 10 ms."""
