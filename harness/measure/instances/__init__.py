"""Several workers at once, each on cores of its own: what a whole machine carries."""
