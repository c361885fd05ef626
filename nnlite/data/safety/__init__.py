"""What is asked of a file before it is believed: what it is, how large it is, and what a reader says of it."""
