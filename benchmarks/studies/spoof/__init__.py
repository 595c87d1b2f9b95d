"""What a learnable front-end is worth in the detection of spoofed speech."""
