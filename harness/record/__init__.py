"""One record per case: its schema, and the journal that keeps it."""
