"""The commands that look at this machine; others lie beside what they do."""

WIDTH = 140  # of their tables, where the output is no terminal
