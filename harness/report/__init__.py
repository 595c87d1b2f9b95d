"""Reading: what records say, as tables, comparisons and pages; nothing is measured."""
