"""A worker process runs one case through fixed stages; its parent watches it."""
