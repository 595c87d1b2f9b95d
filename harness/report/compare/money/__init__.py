"""What machines cost, and what an hour of speech costs on them."""
