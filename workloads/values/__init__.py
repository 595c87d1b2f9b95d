"""Whether what a runtime computes is what the weights mean."""
