"""What is run: one short file per workload: cases, a pytest function, asv classes."""
