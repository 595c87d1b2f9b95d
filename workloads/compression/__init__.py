"""Smaller and faster copies of any model of the suite, and what they cost."""
