"""Pages that open offline: pictures, tables, downloads."""
