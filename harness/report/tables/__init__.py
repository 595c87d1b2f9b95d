"""One table, and a way to write it for each place where it is read."""
