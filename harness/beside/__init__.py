"""Our times beside those of each runtime's own tool."""
