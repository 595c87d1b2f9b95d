"""Pruning of any model: which weights go, masks that hold through training, and the
physical removal of channels that are zero."""
