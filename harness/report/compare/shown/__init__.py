"""What the page says beside its pictures: the verdict, and every table."""
