"""How other tools see the suite: pytest-benchmark's table and JSON."""
