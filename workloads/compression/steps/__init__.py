"""What compressions are made of, a step a file; `compression.known` lists them."""
