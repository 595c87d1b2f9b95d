"""From a corpus to batches of features: what the acoustic models share."""
