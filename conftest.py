"""pytest glue: the bridge adds the options, the cases and the table."""

pytest_plugins = ["harness.bridges.pytest", "pytester"]
