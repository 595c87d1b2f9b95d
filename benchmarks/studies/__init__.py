"""Questions that papers ask, put to trained models: commands, tables and pages."""
