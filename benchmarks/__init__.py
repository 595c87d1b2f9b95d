"""What is run: one short file per workload, its cases and a pytest function."""
