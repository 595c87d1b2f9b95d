"""Who is faster than whom over all work, and how sure that is."""
